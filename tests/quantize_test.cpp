#include "nibble/quant/quantize.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "hwy/tests/hwy_gtest.h"
#include "quant_inputs.hpp"

namespace nibble {
namespace {

using inputs::EdgeInputs;
using inputs::ElementFormats;
using inputs::kSizes;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Worked by hand from the definition.
TEST(QuantizeSpec, GoldenValues) {
  static_assert(QuantizeInt8(2.5f, {.scale = 1.0f}) == 2);  // half to even
  static_assert(QuantizeInt8(3.5f, {.scale = 1.0f}) == 4);
  static_assert(QuantizeInt8(-0.5f, {.scale = 1.0f}) == 0);
  static_assert(QuantizeInt8(1000.0f, {.scale = 1.0f}) == 127);
  static_assert(QuantizeInt8(-1000.0f, {.scale = 1.0f}) == -127);
  static_assert(QuantizeInt8(3.0f, {.scale = 0.25f}) == 12);
  static_assert(QuantizeInteger(2.5f, {.zero_point = 3}, {}) == 5);
  static_assert(QuantizeInteger(kInf, {.zero_point = 3}, {}) == 127);
  static_assert(QuantizeInteger(-kInf, {.zero_point = 3}, {}) == -127);
  static_assert(QuantizeInteger(kNaN, {.zero_point = 3}, {}) == 3);
}

TEST(QuantizeSpec, RoundingModes) {
  constexpr auto q = [](float x, Rounding rounding, float add = 0) {
    return QuantizeInteger(x, {}, {.rounding = rounding, .add = add});
  };
  using enum Rounding;
  static_assert(q(2.5f, kHalfAway) == 3 && q(-2.5f, kHalfAway) == -3);
  static_assert(q(2.5f, kHalfUp) == 3 && q(-2.5f, kHalfUp) == -2);
  static_assert(q(2.5f, kHalfToZero) == 2 && q(-2.5f, kHalfToZero) == -2);
  static_assert(q(2.9f, kFloor) == 2 && q(-2.1f, kFloor) == -3);
  // 0.49999997 + 0.5 rounds to 1 in float32: AQT's rule is not half-up.
  static_assert(q(0.49999997f, kHalfUp) == 0);
  static_assert(q(0.49999997f, kFloor, 0.5f) == 1);
  static_assert(q(-0.5f, kFloor, 0.5f) == 0 && q(-1.5f, kFloor, 0.5f) == -1);
  static_assert(q(-1.0f, kFloor, 8.5f) == -1 && q(kNaN, kFloor, 8.5f) == 0);
}

TEST(QuantizeSpec, HalfShiftHasNoZero) {
  constexpr IntegerGrid even{.low = -2, .high = 1, .half_shift = true};
  static_assert(QuantizeInteger(0.1f, {}, even) == 0);    // 0.5
  static_assert(QuantizeInteger(-0.1f, {}, even) == -1);  // -0.5
  static_assert(QuantizeInteger(1.0f, {}, even) == 0);    // tie: even k
  static_assert(QuantizeInteger(-1.0f, {}, even) == -2);
  static_assert(QuantizeInteger(9.0f, {}, even) == 1);
  static_assert(DequantizeInteger(-2, {.scale = 2}, even) == -3.0f);
}

// The formats' own Encode, on all scaled inputs.
TEST(QuantizeSpec, AgreesWithTheFormat) {
  for (const FormatId format : ElementFormats()) {
    const Codec& codec = CodecOf(format);
    const FormatInfo& info = Info(format);
    for (const float x : EdgeInputs(format, 1.0f, 4000, 5)) {
      ASSERT_EQ(EncodeScaled(x, {}, codec) & (info.codes - 1) & 0xFFFFu,
                Encode(format, x) & (info.codes - 1))
          << info.name << " " << x;
    }
  }
}

class QuantizeTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(QuantizeTest);

template <class Code>
void ExpectSpec(std::span<const float> x, std::size_t size,
                std::span<const QuantParams> params, const Codec& codec) {
  std::vector<Code> codes(x.size() + 1, Code{77});
  QuantizeGroups(x, size, params, codec, std::span(codes).first(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(codes[i],
              static_cast<Code>(EncodeScaled(x[i], params[i / size], codec)))
        << Info(codec.format).name << " n=" << x.size() << " i=" << i
        << " x=" << x[i] << " scale=" << params[i / size].scale;
  }
  ASSERT_EQ(codes[x.size()], Code{77}) << "wrote past the end";
}

void ExpectSpec(std::span<const float> x, std::size_t size,
                std::span<const QuantParams> params, const Codec& codec) {
  if (codec.wide) {
    ExpectSpec<std::uint16_t>(x, size, params, codec);
  } else {
    ExpectSpec<std::uint8_t>(x, size, params, codec);
  }
}

TEST_P(QuantizeTest, EveryFormatEqualsTheSpecification) {
  for (const FormatId format : ElementFormats()) {
    for (const std::size_t n : kSizes) {
      for (const float scale : {1.0f, 0.1f, 0x1p-100f}) {
        const auto x =
            EdgeInputs(format, scale, n, static_cast<unsigned>(n) + 1);
        const QuantParams params{.scale = scale};
        ExpectSpec(x, std::max<std::size_t>(n, 1),
                   std::span(&params, n == 0 ? 0 : 1), CodecOf(format));
      }
    }
  }
}

TEST_P(QuantizeTest, EveryTieAndEveryBf16) {
  for (const FormatId format : ElementFormats()) {
    const auto x = inputs::TiesAndBf16Inputs(format);
    const QuantParams params;
    ExpectSpec(x, x.size(), std::span(&params, 1), CodecOf(format));
  }
  const Codec half_to_zero =
      codec_internal::HalfToZeroCodec(FormatId::kFp4E2m1);
  const auto x = inputs::TiesAndBf16Inputs(FormatId::kFp4E2m1);
  const QuantParams params{.scale = 0.5f};
  ExpectSpec(x, x.size(), std::span(&params, 1), half_to_zero);
}

TEST_P(QuantizeTest, EveryRoundingEqualsTheSpecification) {
  using enum Rounding;
  Codec codec = CodecOf(FormatId::kInt8);
  for (const Rounding rounding :
       {kNearestEven, kHalfAway, kHalfUp, kHalfToZero, kFloor}) {
    for (const float add : {0.0f, 0.5f, 8.5f}) {
      for (const std::int32_t zero : {0, 3, -128, 200, 1 << 19}) {
        for (const std::int32_t low : {-128, -127, -8, 0}) {
          codec.integer = {.low = low,
                           .high = low == 0 ? 255 : -low - 1,
                           .rounding = rounding,
                           .add = add};
          // Products by 1 / 0.1 are rounded: fused with a sum they differ.
          for (const float scale : {0.25f, 0.1f}) {
            const auto x = EdgeInputs(FormatId::kInt8, scale, 1031, 9);
            const QuantParams params{.scale = scale, .zero_point = zero};
            ExpectSpec(x, x.size(), std::span(&params, 1), codec);
          }
        }
      }
    }
  }
}

TEST_P(QuantizeTest, GroupsHaveTheirOwnScales) {
  for (const FormatId format : ElementFormats()) {
    for (const std::size_t size : {1u, 5u, 16u, 32u, 64u, 100u}) {
      const auto x = EdgeInputs(format, 0.5f, 331, 4);
      std::vector<QuantParams> params((x.size() + size - 1) / size);
      for (std::size_t g = 0; g < params.size(); ++g) {
        params[g].scale = 0.1f + static_cast<float>(g);
        if (g % 3 == 0) params[g].inverse = 7.0f;
        params[g].zero_point = CodecOf(format).kind == CodecKind::kInteger
                                   ? static_cast<std::int32_t>(g % 7) - 3
                                   : 0;
      }
      ExpectSpec(x, size, params, CodecOf(format));
    }
  }
}

TEST_P(QuantizeTest, DividesWhereTheCodecSaysSo) {
  Codec codec = CodecOf(FormatId::kFp4E2m1);
  codec.divides = true;
  const QuantParams params{.scale = 0.7f};
  const auto x = EdgeInputs(FormatId::kFp4E2m1, 0.7f, 1031, 3);
  ExpectSpec(x, x.size(), std::span(&params, 1), codec);
}

// Inputs for which floor(fma(x, inverse, 0.5)) is another integer than the
// definition's floor of a rounded product plus 0.5. They lie beside half a
// step: elsewhere product and sum are rounded alike.
TEST_P(QuantizeTest, NoProductIsFusedWithASum) {
  Codec codec = CodecOf(FormatId::kInt8);
  codec.integer.rounding = Rounding::kFloor;
  codec.integer.add = 0.5f;
  int found = 0;
  for (int s = 1; s < 200; ++s) {
    const QuantParams params{.scale = 0.01f * static_cast<float>(s)};
    for (const float half : {0.5f, -0.5f}) {
      for (const float towards : {0.0f, 2 * half * params.scale}) {
        float x = half * params.scale;
        for (int i = 0; i < 4; ++i, x = std::nextafter(x, towards)) {
          const float fused = std::floor(std::fma(x, params.Inverse(), 0.5f));
          const auto q = QuantizeInteger(x, params, codec.integer);
          found += fused != static_cast<float>(q) ? 1 : 0;
          const std::vector<float> many(64, x);
          ExpectSpec(many, many.size(), std::span(&params, 1), codec);
        }
      }
    }
  }
  EXPECT_GT(found, 20);
}

// A long clean stretch, then one bad value: the fast path must notice it
// wherever it lies.
TEST_P(QuantizeTest, OneBadValueAnywhere) {
  for (const float bad : {kNaN, -kInf, kInf, -40000.0f, -3e9f, 3e9f}) {
    for (std::size_t at = 0; at < 700; at += 13) {
      std::vector<float> x(700, 1.0f);
      x[at] = bad;
      for (const std::int32_t zero : {0, 100, -100}) {
        const QuantParams params{.zero_point = zero};
        ExpectSpec(x, x.size(), std::span(&params, 1),
                   CodecOf(FormatId::kInt8));
        ExpectSpec(x, x.size(), std::span(&params, 1),
                   CodecOf(FormatId::kUint8));
      }
    }
  }
}

TEST(QuantizeStochastic, IsTheSameHoweverItIsCut) {
  const Codec& codec = CodecOf(FormatId::kInt8);
  const auto x = EdgeInputs(FormatId::kInt8, 1.0f, 1000, 6);
  std::vector<std::uint8_t> whole(x.size()), parts(x.size());
  QuantizeStochastic(std::span(x), {}, codec, 42, 7, std::span(whole));
  for (std::size_t i = 0; i < x.size(); i += 37) {
    const std::size_t n = std::min<std::size_t>(37, x.size() - i);
    QuantizeStochastic(std::span(x).subspan(i, n), {}, codec, 42, 7 + i,
                       std::span(parts).subspan(i, n));
  }
  EXPECT_EQ(whole, parts);
}

// Mean of 100,000 draws of 0.3: standard error sqrt(0.21 / 1e5) = 0.00145.
TEST(QuantizeStochastic, IsUnbiased) {
  const std::vector<float> x(100000, 0.3f);
  std::vector<std::int8_t> codes(x.size());
  QuantizeStochastic(std::span(x), {}, CodecOf(FormatId::kInt8), 1, 0,
                     std::span(codes));
  double sum = 0;
  for (const std::int8_t code : codes) sum += code;
  EXPECT_NEAR(sum / 1e5, 0.3, 5 * 0.00145);
}

TEST_P(QuantizeTest, RejectsWrongSizes) {
  std::vector<float> x(4);
  std::vector<std::int8_t> three(3), four(4);
  std::vector<std::uint16_t> wide(4);
  const std::vector<QuantParams> two(2);
  const Codec& int8 = CodecOf(FormatId::kInt8);
  EXPECT_THROW(QuantizeInt8(x, {}, three), std::invalid_argument);
  EXPECT_THROW(QuantizeGroups(std::span<const float>(x), 4, std::span(two),
                              int8, std::span(four)),
               std::invalid_argument);
  EXPECT_THROW(QuantizeGroups(std::span<const float>(x), 0, std::span(two),
                              int8, std::span(four)),
               std::invalid_argument);
  EXPECT_THROW(Quantize(std::span<const float>(x), {}, int8, std::span(wide)),
               std::invalid_argument);
  QuantizeInt8(x, {}, four);
}

}  // namespace
}  // namespace nibble
