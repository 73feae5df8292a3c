#include "nibble/format/block.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "data.hpp"
#include "nibble/io/safetensors.hpp"

namespace nibble {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

template <class Format>
std::vector<float> RoundTrip(std::span<const float> x, const Policy& policy,
                             SharedExponent rule = SharedExponent::kFloor) {
  std::vector<float> out(x.size());
  std::array<std::uint8_t, Format::kBlock> codes{};
  for (std::size_t i = 0; i < x.size(); i += Format::kBlock) {
    const std::uint8_t scale =
        Format::Encode(x.subspan(i, Format::kBlock), codes, policy, rule);
    Format::Decode(scale, codes, std::span(out).subspan(i, Format::kBlock));
  }
  return out;
}

const char kGolden[] = "golden/mx_microxcaling/golden.safetensors";

template <class Format>
void EqualsMicroxcaling(const std::string& name) {
  const auto file = io::SafeTensors::Open(nibble::testing::DataDir() / kGolden);
  const auto x = io::ToFloat(file.Get("x"));
  ASSERT_EQ(x.size(), 64u * 64);
  for (const auto& [suffix, rounding] :
       {std::pair{".even", Rounding::kNearestEven},
        std::pair{".nearest", Rounding::kHalfAway}}) {
    const auto expected = io::ToFloat(file.Get(name + suffix));
    const auto got = RoundTrip<Format>(x, {.rounding = rounding});
    for (std::size_t i = 0; i < x.size(); ++i) {
      // Values, so that -0 equals 0.
      ASSERT_EQ(got[i], expected[i])
          << name << suffix << " row " << i / 64 << " x = " << x[i];
    }
  }
}

TEST(Mx, EqualsMicroxcaling) {
  NIBBLE_NEED_DATA(kGolden);
  EqualsMicroxcaling<Mxfp8E5m2>("mxfp8_e5m2");
  EqualsMicroxcaling<Mxfp8E4m3>("mxfp8_e4m3");
  EqualsMicroxcaling<Mxfp6E3m2>("mxfp6_e3m2");
  EqualsMicroxcaling<Mxfp6E2m3>("mxfp6_e2m3");
  EqualsMicroxcaling<Mxfp4>("mxfp4_e2m1");
  EqualsMicroxcaling<Mxint8>("mxint8");
  EqualsMicroxcaling<Mx<FixedPoint<4>>>("mxint4");
}

TEST(Mx, StoredScaleIsMicroxcalings) {
  NIBBLE_NEED_DATA(kGolden);
  const auto file = io::SafeTensors::Open(nibble::testing::DataDir() / kGolden);
  const auto x = io::ToFloat(file.Get("x"));
  const auto logs = io::ToFloat(file.Get("floor_log2_block_max"));
  for (std::size_t block = 0; block < logs.size(); ++block) {
    const float largest = LargestFinite(std::span(x).subspan(block * 32, 32));
    if (largest == 0) continue;  // theirs is -126 there, ours code 0
    for (const int emax : {0, 2, 4, 8, 15}) {
      const int expected = std::max(static_cast<int>(logs[block]) - emax, -127);
      EXPECT_EQ(SharedScale(largest, emax, 3, SharedExponent::kFloor),
                static_cast<std::uint32_t>(expected + 127));
    }
  }
}

TEST(Mx, ElementExponents) {
  EXPECT_EQ(FloatElement<Fp8E4m3>::kMaxExponent, 8);
  EXPECT_EQ(FloatElement<Fp8E5m2>::kMaxExponent, 15);
  EXPECT_EQ(FloatElement<Fp6E3m2>::kMaxExponent, 4);
  EXPECT_EQ(FloatElement<Fp6E2m3>::kMaxExponent, 2);
  EXPECT_EQ(FloatElement<Fp4E2m1>::kMaxExponent, 2);
}

// Each rule against its definition by frexp, for every exponent of a float and
// the mantissas where a rule changes its mind. Elements with one mantissa bit
// round 1.75 up to 2; with three, 1.9375.
TEST(Mx, SharedScaleFollowsItsRule) {
  for (int e = -149; e <= 127; ++e) {
    for (const float m : {1.0f, 1.25f, 1.5f, 1.7499999f, 1.75f, 1.875f,
                          1.9374999f, 1.9375f, 1.9999999f}) {
      const float largest = std::ldexp(m, e);
      int exponent = 0;
      const float fraction = std::frexp(largest, &exponent) * 2;  // [1, 2)
      --exponent;
      const auto code = [](int power) {
        return static_cast<std::uint32_t>(std::clamp(power, -127, 127) + 127);
      };
      if (!std::isfinite(largest)) continue;
      EXPECT_EQ(SharedScale(largest, 2, 1, SharedExponent::kFloor),
                code(exponent - 2));
      EXPECT_EQ(SharedScale(largest, 2, 1, SharedExponent::kCeil),
                code(exponent + (fraction > 1 ? 1 : 0) - 2));
      EXPECT_EQ(SharedScale(largest, 2, 1, SharedExponent::kEven),
                code(exponent + (fraction >= 1.75f ? 1 : 0) - 2))
          << largest;
      // Subnormal magnitudes reach code 1 in this one.
      EXPECT_EQ(SharedScale(largest, 0, 6, SharedExponent::kCeil),
                code(exponent + (fraction > 1 ? 1 : 0)));
      EXPECT_EQ(SharedScale(largest, 8, 3, SharedExponent::kEven),
                code(exponent + (fraction >= 1.9375f ? 1 : 0) - 8));
    }
  }
}

TEST(Mx, SharedExponentRulesDecideSaturation) {
  std::array<float, 32> x{};
  x[0] = 7;  // 1.75 * 4: above the largest E2M1 value at scale 1
  x[1] = 1;
  EXPECT_EQ(RoundTrip<Mxfp4>(x, {}, SharedExponent::kFloor)[0], 6);
  EXPECT_EQ(RoundTrip<Mxfp4>(x, {}, SharedExponent::kCeil)[0], 8);
  EXPECT_EQ(RoundTrip<Mxfp4>(x, {}, SharedExponent::kEven)[0], 8);
  x[0] = 6.5f;  // rounds to 6: no carry, so kEven keeps the finer scale
  x[1] = 0.5f;
  EXPECT_EQ(RoundTrip<Mxfp4>(x, {}, SharedExponent::kEven)[0], 6);
  EXPECT_EQ(RoundTrip<Mxfp4>(x, {}, SharedExponent::kEven)[1], 0.5f);
}

template <class Format>
void ZeroBlockIsZero() {
  const std::array<float, 32> x{};
  std::array<std::uint8_t, 32> codes{};
  codes.fill(0xAA);
  for (const auto rule :
       {SharedExponent::kFloor, SharedExponent::kCeil, SharedExponent::kEven}) {
    EXPECT_EQ(Format::Encode(x, codes, {}, rule), 0);
    for (const auto code : codes) EXPECT_EQ(code, 0);
    for (const float v : RoundTrip<Format>(x, {}, rule)) {
      EXPECT_EQ(std::bit_cast<std::uint32_t>(v), 0u);
    }
  }
}

TEST(Mx, ZeroBlockIsZero) {
  ZeroBlockIsZero<Mxfp8E4m3>();
  ZeroBlockIsZero<Mxfp8E5m2>();
  ZeroBlockIsZero<Mxfp6E3m2>();
  ZeroBlockIsZero<Mxfp6E2m3>();
  ZeroBlockIsZero<Mxfp4>();
  ZeroBlockIsZero<Mxint8>();
}

// Neither takes part in the scale: the other elements come out as without them.
TEST(Mx, NaNAndInfinityInABlock) {
  std::array<float, 32> x{};
  x[0] = 3;
  x[1] = kNaN;
  x[2] = kInf;
  x[3] = -kInf;
  const Policy keep{.infinity_saturates = false};
  const auto e4m3 = RoundTrip<Mxfp8E4m3>(x, {});
  EXPECT_EQ(e4m3[0], 3);
  EXPECT_TRUE(std::isnan(e4m3[1]));
  EXPECT_EQ(e4m3[2], 448.0f / 128);  // scale 2^(1 - 8)
  EXPECT_EQ(e4m3[3], -448.0f / 128);
  EXPECT_TRUE(std::isnan(RoundTrip<Mxfp8E4m3>(x, keep)[2]));
  EXPECT_EQ(RoundTrip<Mxfp8E5m2>(x, keep)[2], kInf);
  EXPECT_EQ(RoundTrip<Mxfp8E5m2>(x, keep)[3], -kInf);
  for (const auto& policy : {Policy{}, keep}) {
    const auto fp4 = RoundTrip<Mxfp4>(x, policy);
    EXPECT_EQ(fp4[0], 3);
    EXPECT_EQ(fp4[1], 0);
    EXPECT_EQ(fp4[2], 3);  // 6 at scale 1/2
    EXPECT_EQ(fp4[3], -3);
    const auto int8 = RoundTrip<Mxint8>(x, policy);
    EXPECT_EQ(int8[1], 0);
    EXPECT_EQ(int8[2], 127.0f / 32);
  }
  std::array<float, 32> hopeless{};
  hopeless.fill(kNaN);
  for (const float v : RoundTrip<Mxfp4>(hopeless, {})) EXPECT_EQ(v, 0);
  for (const float v : RoundTrip<Mxfp8E5m2>(hopeless, {})) {
    EXPECT_TRUE(std::isnan(v));
  }
}

TEST(Mx, ScaleCode255IsNaN) {
  const std::array<std::uint8_t, 32> codes{1};
  std::array<float, 32> out{};
  Mxfp4::Decode(255, codes, out);
  for (const float v : out) EXPECT_TRUE(std::isnan(v));
}

TEST(Mxint8, LowestCodeIsNotWritten) {
  std::array<float, 32> x{};
  x[0] = -1.9999f;  // -127.99 steps
  std::array<std::uint8_t, 32> codes{};
  for (const bool narrow : {true, false}) {
    EXPECT_EQ(Mxint8::Encode(x, codes, {.narrow = narrow}), 127);
    EXPECT_EQ(codes[0], 0x81);
  }
}

TEST(Mx, LastBlockMayBeShort) {
  const std::array<float, 3> x{1, -2, 6};
  std::array<std::uint8_t, 3> codes{};
  EXPECT_EQ(Mxfp4::Encode(x, codes), 127);
  EXPECT_EQ(codes, (std::array<std::uint8_t, 3>{2, 12, 7}));
}

TEST(Mx, ReachesBothEndsOfTheFloat) {
  std::array<float, 32> x{};
  x[0] = std::numeric_limits<float>::max();
  x[1] = -PowerOfTwo(127);
  auto out = RoundTrip<Mxint8>(x, {});
  EXPECT_EQ(out[0], 127 * PowerOfTwo(121));
  EXPECT_EQ(out[1], -PowerOfTwo(127));
  x = {};
  x[5] = PowerOfTwo(-149);
  EXPECT_EQ(RoundTrip<Mxfp8E5m2>(x, {})[5], 0);  // 2^-22 of 2^-127
  x[5] = PowerOfTwo(-140);
  EXPECT_EQ(RoundTrip<Mxfp8E5m2>(x, {})[5], PowerOfTwo(-140));
}

// 2^20 draws of one block: the mean of a value a quarter of the way between two
// codes is that value, within five standard deviations of a Bernoulli sum.
TEST(Mx, StochasticRoundingIsUnbiased) {
  std::array<float, 32> x{};
  x[0] = 6;
  std::fill(x.begin() + 1, x.end(), 2.25f);  // between 2 and 3
  double sum = 0;
  std::array<std::uint32_t, 32> random{};
  std::array<std::uint8_t, 32> codes{};
  std::array<float, 32> out{};
  constexpr int kBlocks = 1 << 12;
  std::uint32_t state = 1;
  for (int b = 0; b < kBlocks; ++b) {
    for (auto& r : random) r = state = state * 1664525u + 1013904223u;
    const auto scale =
        Mxfp4::Encode(x, codes, {.rounding = Rounding::kStochastic},
                      SharedExponent::kFloor, random);
    Mxfp4::Decode(scale, codes, out);
    for (std::size_t i = 1; i < 32; ++i) sum += out[i];
  }
  const double n = 31.0 * kBlocks;
  EXPECT_NEAR(sum / n, 2.25, 5 * std::sqrt(0.25 * 0.75 / n));
}

}  // namespace
}  // namespace nibble
