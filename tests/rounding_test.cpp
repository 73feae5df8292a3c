#include "nibble/format/rounding.hpp"

#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <limits>
#include <vector>

namespace nibble {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

constexpr float Even(float x) {
  return RoundToInteger(x, Rounding::kNearestEven);
}
constexpr float Away(float x) { return RoundToInteger(x, Rounding::kHalfAway); }
constexpr float Up(float x) { return RoundToInteger(x, Rounding::kHalfUp); }
constexpr float ToZero(float x) {
  return RoundToInteger(x, Rounding::kHalfToZero);
}
constexpr float Floor(float x) { return RoundToInteger(x, Rounding::kFloor); }

TEST(RoundToInteger, Ties) {
  static_assert(Even(0.5f) == 0 && Even(1.5f) == 2 && Even(-2.5f) == -2);
  static_assert(Away(0.5f) == 1 && Away(2.5f) == 3 && Away(-2.5f) == -3);
  static_assert(Up(0.5f) == 1 && Up(-0.5f) == 0 && Up(-2.5f) == -2);
  static_assert(ToZero(0.5f) == 0 && ToZero(2.5f) == 2 && ToZero(-2.5f) == -2);
  static_assert(Floor(0.9f) == 0 && Floor(-0.1f) == -1 && Floor(-2) == -2);
  // x + 0.5f would round to 1.
  static_assert(Up(0.49999997f) == 0 && Away(-0.49999997f) == 0);
  static_assert(RoundToInteger(0.5 + 0x1p-53, Rounding::kHalfToZero) == 1);
}

// Against the C library, for floats of every exponent and both signs.
TEST(RoundToInteger, AgreesWithTheLibrary) {
  ASSERT_EQ(std::fegetround(), FE_TONEAREST);
  for (std::uint32_t i = 0; i < (1u << 22); ++i) {
    const float x = std::bit_cast<float>(i * 1024 + i % 1024);
    if (std::isnan(x)) continue;
    ASSERT_EQ(Even(x), std::nearbyint(x)) << x;
    ASSERT_EQ(Away(x), std::round(x)) << x;
    ASSERT_EQ(Floor(x), std::floor(x)) << x;
    // Exact in double wherever a fraction is left; so is the tie.
    const double wide = x;
    ASSERT_EQ(RoundToInteger(wide, Rounding::kNearestEven),
              std::nearbyint(wide));
    if (std::abs(x) > 1e-8f && std::abs(x) < 1e9f) {
      ASSERT_EQ(Up(x), std::floor(wide + 0.5)) << x;
      ASSERT_EQ(ToZero(x), std::copysign(std::ceil(std::abs(wide) - 0.5), wide))
          << x;
    }
  }
}

TEST(RoundToInteger, KeepsWhatIsNoFraction) {
  for (int mode = 0; mode < 6; ++mode) {
    const auto rounding = static_cast<Rounding>(mode);
    for (const float x : {0.0f, 1.0f, -7.0f, 8388609.0f, 3e38f, kInf, -kInf}) {
      EXPECT_EQ(RoundToInteger(x, rounding, 0xFFFFFFFF), x);
    }
    EXPECT_TRUE(std::signbit(RoundToInteger(-0.0f, rounding)));
    EXPECT_TRUE(std::isnan(
        RoundToInteger(std::numeric_limits<float>::quiet_NaN(), rounding)));
  }
  EXPECT_TRUE(std::signbit(Even(-0.25f)));
}

// The rule, at its threshold: of the 2^31 values of r / 2, exactly
// floor(f * 2^31) round away from zero.
TEST(Stochastic, ProbabilityIsTheFraction) {
  for (const double f : {0x1p-31, 3 * 0x1p-31, 0.25, 0.5, 0.75, 1 - 0x1p-31}) {
    const auto threshold = static_cast<std::uint32_t>(f * 2147483648.0);
    for (const double whole : {0.0, 1.0, 4.0}) {
      for (const double sign : {1.0, -1.0}) {
        const double x = sign * (whole + f);
        const auto at = [x](std::uint32_t half_r) {
          return RoundToInteger(x, Rounding::kStochastic, half_r << 1 | 1);
        };
        EXPECT_EQ(at(0), sign * (whole + 1));
        EXPECT_EQ(at(threshold - 1), sign * (whole + 1));
        EXPECT_EQ(at(threshold), sign * whole);
        EXPECT_EQ(at(0x7FFFFFFF), sign * whole);
      }
    }
  }
  // Below 2^-31 it never happens.
  EXPECT_EQ(RoundToInteger(0x1p-32f, Rounding::kStochastic, 0), 0);
}

TEST(RoundsUp, SidesOfZero) {
  const auto up = [](float low, float high, float x, Rounding rounding) {
    return RoundsUp(low, high, x, false, rounding, 0);
  };
  for (const auto rounding : {Rounding::kHalfAway, Rounding::kHalfUp}) {
    EXPECT_TRUE(up(1, 2, 1.5f, rounding));
  }
  EXPECT_FALSE(up(1, 2, 1.5f, Rounding::kHalfToZero));
  EXPECT_FALSE(up(-2, -1, -1.5f, Rounding::kHalfAway));
  EXPECT_TRUE(up(-2, -1, -1.5f, Rounding::kHalfToZero));
  EXPECT_TRUE(up(-2, -1, -1.5f, Rounding::kHalfUp));
  for (const auto rounding :
       {Rounding::kHalfAway, Rounding::kHalfToZero, Rounding::kHalfUp}) {
    EXPECT_TRUE(up(-1, 1, 0, rounding));
  }
  // Not a tie, although the quotient of doubles says one half.
  EXPECT_TRUE(up(-1, 1, 1e-30f, Rounding::kNearestEven));
  EXPECT_FALSE(RoundsUp(-1, 1, -1e-30f, true, Rounding::kNearestEven, 0));
  EXPECT_TRUE(up(0, 1, 0.50000006f, Rounding::kHalfToZero));
  EXPECT_FALSE(up(0, 1, 0.49999997f, Rounding::kHalfAway));
}

#if defined(__x86_64__)
#define NIBBLE_TEST_FMA __attribute__((target("fma")))
bool HasFma() { return __builtin_cpu_supports("fma"); }
#else
#define NIBBLE_TEST_FMA
bool HasFma() { return true; }
#endif

// g++ fuses the product with the sum wherever the machine can.
NIBBLE_TEST_FMA float SquareLessOne(float x) { return Rounded(x * x) - 1; }

TEST(Rounded, KeepsAProductFromASum) {
  static_assert(Rounded(1.5f) == 1.5f);
  for (const float x : {0.0f, -1.5f, kInf}) EXPECT_EQ(Rounded(x), x);
  if (!HasFma()) GTEST_SKIP() << "this processor has no fused multiply-add";
  volatile float x = 1 + 0x1p-13f;
  EXPECT_EQ(SquareLessOne(x), 0x1p-12f);  // fused: 2^-26 more
}

}  // namespace
}  // namespace nibble
