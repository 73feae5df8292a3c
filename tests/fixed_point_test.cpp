#include "nibble/quant/fixed_point.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace nibble {
namespace {

constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t kHalf = 1 << 30;  // 0.5 in units of 2^-31

// Worked by hand from gemmlowp's definition.
TEST(FixedMultiplier, GoldenValues) {
  static_assert(SaturatingRoundingDoublingHighMul(100, kHalf) == 50);
  static_assert(SaturatingRoundingDoublingHighMul(101, kHalf) == 51);
  // Ties go up, on both sides: gemmlowp's nudge is 1 - 2^30 below zero.
  static_assert(SaturatingRoundingDoublingHighMul(-101, kHalf) == -50);
  static_assert(SaturatingRoundingDoublingHighMul(-103, kHalf) == -51);
  static_assert(SaturatingRoundingDoublingHighMul(kMin, kMin) == kMax);
  static_assert(SaturatingRoundingDoublingHighMul(kMin, kMax) == -kMax);
  static_assert(SaturatingRoundingDoublingHighMul(kMax, kMax) == kMax - 1);
  static_assert(RoundingDivideByPot(5, 1) == 3);  // ties away from zero
  static_assert(RoundingDivideByPot(-5, 1) == -3);
  static_assert(RoundingDivideByPot(-4, 1) == -2);
  static_assert(RoundingDivideByPot(6, 2) == 2 &&
                RoundingDivideByPot(-6, 2) == -2);
  static_assert(RoundingDivideByPot(7, 0) == 7);
  static_assert(RoundingDivideByPot(kMin, 31) == -1);
  static_assert(RoundingDivideByPot(kMax, 31) == 1);
  // The double rounding that gemmlowp is known for: 0.75 * 5 / 8 = 0.469, but
  // 3.75 becomes 4, and 4 / 8 becomes 1.
  static_assert(MultiplyByFixedPoint(5, {3 << 29, 3}) == 1);
}

// As gemmlowp writes it: a nudge by sign, then division towards zero.
std::int32_t Gemmlowp(std::int32_t a, std::int32_t b) {
  if (a == b && a == kMin) return kMax;
  const std::int64_t ab = std::int64_t{a} * b;
  const std::int64_t nudge = ab >= 0 ? 1 << 30 : 1 - (1 << 30);
  return static_cast<std::int32_t>((ab + nudge) / (std::int64_t{1} << 31));
}

TEST(FixedMultiplier, HighMulIsThatOfGemmlowp) {
  std::mt19937 rng(1);
  for (int i = 0; i < 200000; ++i) {
    // Any number of significant bits, and numbers beside powers of two.
    const auto draw = [&] {
      const auto bits = static_cast<std::int32_t>(rng());
      return i % 3 == 0 ? bits
             : i % 3 == 1
                 ? bits >> (rng() % 32)
                 : static_cast<std::int32_t>((1u << (rng() % 32)) + rng() % 3 -
                                             1);
    };
    const std::int32_t a = draw(), b = draw();
    ASSERT_EQ(SaturatingRoundingDoublingHighMul(a, b), Gemmlowp(a, b))
        << a << " " << b;
  }
}

TEST(FixedMultiplier, DivisionRoundsToNearestAwayFromZero) {
  for (int e = 0; e <= 12; ++e) {
    for (std::int32_t x = -20000; x <= 20000; ++x) {
      const double exact = std::ldexp(x, -e);
      ASSERT_EQ(RoundingDivideByPot(x, e), std::round(exact)) << x << " " << e;
    }
  }
}

TEST(FixedMultiplier, MakeFixedPointIsTheNearest) {
  EXPECT_EQ(MakeFixedMultiplier(0.5), (FixedMultiplier{kHalf, 0}));
  EXPECT_EQ(MakeFixedMultiplier(0.75), (FixedMultiplier{3 << 29, 0}));
  EXPECT_EQ(MakeFixedMultiplier(0.25), (FixedMultiplier{kHalf, 1}));
  EXPECT_EQ(MakeFixedMultiplier(0x1p-32), (FixedMultiplier{kHalf, 31}));
  EXPECT_EQ(MakeFixedMultiplier(1 - 0x1p-40), (FixedMultiplier{kMax, 0}));
  EXPECT_EQ(MakeFixedMultiplier(0.5 - 0x1p-40), (FixedMultiplier{kHalf, 0}));
  std::mt19937 rng(2);
  std::uniform_real_distribution<double> exponent(-32, 0);
  for (int i = 0; i < 10000; ++i) {
    const double real = std::exp2(exponent(rng));
    const FixedMultiplier by = MakeFixedMultiplier(real);
    ASSERT_TRUE(by.valid()) << real;
    const double back = std::ldexp(by.multiplier, -31 - by.right_shift);
    ASSERT_LE(std::abs(back - real), real * 0x1p-31) << real;
  }
}

TEST(FixedMultiplier, RefusesWhatItCannotHold) {
  for (const double bad : {0.0, -0.5, 1.0, 2.0, 0x1p-33, std::nan("")}) {
    EXPECT_THROW(MakeFixedMultiplier(bad), std::invalid_argument) << bad;
  }
}

}  // namespace
}  // namespace nibble
