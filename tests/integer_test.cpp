// That every integer format rounds as told is in nearest_test; here are worked
// values and what stands outside of rounding.
#include "nibble/format/integer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nibble/format/ternary.hpp"

namespace nibble {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr Policy kFull{.narrow = false};

TEST(Integer, GoldenValues) {
  static_assert(Int<8>::Encode(-127.4f) == 0x81 &&
                Int<8>::Decode(0x81) == -127);
  static_assert(Int<8>::Encode(-300.0f) == 0x81);
  static_assert(Int<8>::Encode(-300.0f, kFull) == 0x80);
  static_assert(Int<8>::Decode(0x80) == -128);
  static_assert(Int<4>::Encode(-8.0f) == 0x9 && Int<4>::Encode(7.5f) == 7);
  static_assert(Int<2>::Encode(-9.0f) == 3 &&
                Int<2>::Encode(-9.0f, kFull) == 2);
  static_assert(Uint<8>::Encode(254.5f) == 254 &&
                Uint<8>::Encode(300.0f) == 255);
  static_assert(Uint<4>::Encode(-1.0f) == 0 && Uint<4>::Encode(15.4f) == 15);
  static_assert(Uint<8>::kName == "uint8" && HalfInt<3>::kName == "hint3");
}

TEST(Integer, OneBitIsTheSign) {
  for (int mode = 0; mode < 6; ++mode) {
    const Policy policy{.rounding = static_cast<Rounding>(mode)};
    for (const float x : {0.0f, -0.0f, 1e-40f, 0.4f, 1.0f, 7.0f, kInf}) {
      EXPECT_EQ(Int<1>::Encode(x, policy, 99), 0u);
    }
    for (const float x : {-1e-40f, -0.6f, -1.0f, -kInf}) {
      EXPECT_EQ(Int<1>::Encode(x, policy, 99), 1u);
    }
  }
  EXPECT_EQ(Int<1>::Decode(0), 1);
  EXPECT_EQ(Int<1>::Decode(1), -1);
  EXPECT_EQ(Int<1>::Encode(kNaN), 0u);
}

// AQT's half_shift clips to +-(2^(b-1) - 2^-7) and takes floor(x) + 0.5:
// half-up here, of which saturation is the rest.
TEST(HalfInt, IsAqtsHalfShift) {
  const auto aqt = [](float x, int bits) {
    const float bound = std::ldexp(1.0f, bits - 1) - 0x1p-7f;
    return std::floor(std::min(std::max(x, -bound), bound)) + 0.5f;
  };
  const Policy policy{.rounding = Rounding::kHalfUp};
  for (int i = -4096; i <= 4096; ++i) {
    const float x = static_cast<float>(i) / 16;
    EXPECT_EQ(HalfInt<2>::Decode(HalfInt<2>::Encode(x, policy)), aqt(x, 2))
        << x;
    EXPECT_EQ(HalfInt<4>::Decode(HalfInt<4>::Encode(x, policy)), aqt(x, 4))
        << x;
    EXPECT_EQ(HalfInt<8>::Decode(HalfInt<8>::Encode(x, policy)), aqt(x, 8))
        << x;
  }
  EXPECT_EQ(HalfInt<1>::Decode(HalfInt<1>::Encode(-3.0f)), -0.5f);
}

TEST(HalfInt, TiesLieAtIntegers) {
  const auto at = [](float x, Rounding rounding) {
    return HalfInt<4>::Decode(HalfInt<4>::Encode(x, {.rounding = rounding}));
  };
  EXPECT_EQ(at(1, Rounding::kNearestEven), 0.5f);  // k = 0
  EXPECT_EQ(at(2, Rounding::kNearestEven), 2.5f);  // k = 2
  EXPECT_EQ(at(-2, Rounding::kHalfAway), -2.5f);
  EXPECT_EQ(at(-2, Rounding::kHalfToZero), -1.5f);
  EXPECT_EQ(at(-2, Rounding::kHalfUp), -1.5f);
  EXPECT_EQ(at(1.4f, Rounding::kFloor), 0.5f);
  EXPECT_EQ(at(1.5f, Rounding::kFloor), 1.5f);
  for (const auto rounding : {Rounding::kNearestEven, Rounding::kHalfAway,
                              Rounding::kHalfUp, Rounding::kHalfToZero}) {
    EXPECT_EQ(at(0, rounding), 0.5f);
  }
  EXPECT_EQ(at(0, Rounding::kFloor), -0.5f);
}

TEST(Integer, NaNAndInfinity) {
  const Policy keep{.overflow = Overflow::kNaN, .infinity_saturates = false};
  for (const Policy& policy : {Policy{}, keep}) {
    EXPECT_EQ(Int<8>::Encode(kNaN, policy), 0u);
    EXPECT_EQ(Int<8>::Encode(kInf, policy), 127u);
    EXPECT_EQ(Int<8>::Encode(-kInf, policy), 0x81u);
    EXPECT_EQ(Uint<8>::Encode(-kInf, policy), 0u);
    EXPECT_EQ(HalfInt<8>::Encode(kInf, policy), 127u);
    EXPECT_EQ(HalfInt<8>::Encode(-kInf, policy), 128u);
    EXPECT_EQ(HalfInt<8>::Encode(kNaN, policy), 0u);
    EXPECT_EQ(Ternary::Encode(kNaN, policy), 1u);
    EXPECT_EQ(Ternary::Encode(-kInf, policy), 0u);
    EXPECT_EQ(Ternary::Encode(3e38f, policy), 2u);
  }
}

TEST(Ternary, GoldenValues) {
  static_assert(Ternary::Decode(0) == -1 && Ternary::Decode(2) == 1);
  static_assert(Ternary::Encode(0.5f) == 1 && Ternary::Encode(0.51f) == 2);
  static_assert(Ternary::Encode(-0.5f, {.rounding = Rounding::kHalfAway}) == 0);
  EXPECT_TRUE(std::isnan(Ternary::Decode(3)));
}

// The sum over all of a stochastic format's draws is the value: 2^16 equally
// spaced draws of a fraction of 16 bits make it exact.
TEST(Integer, StochasticRoundingIsUnbiased) {
  for (const float x : {2.25f, -2.25f, 0.0001220703125f, -6.99993896484375f}) {
    double sum = 0;
    for (std::uint32_t i = 0; i < 65536; ++i) {
      sum += Int<8>::Decode(
          Int<8>::Encode(x, {.rounding = Rounding::kStochastic}, i << 16));
    }
    EXPECT_EQ(sum / 65536, x);
  }
}

}  // namespace
}  // namespace nibble
