// Tables and logarithms; that they round to the nearest is in nearest_test.
#include "nibble/format/codebook.hpp"

#include <gtest/gtest.h>
#include <mpfr.h>

#include <cmath>
#include <limits>

#include "nibble/format/logarithmic.hpp"

namespace nibble {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Quantiles of N(0, 1), eight on the negative side and nine on the positive,
// from 1 - offset to one half, over the outermost, with offset = the mean of
// 1 - 1/32 and 1 - 1/30. The published table came from a float routine: 4e-5.
double NormalQuantile(double p) {
  double low = -10;
  double high = 10;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return low;
}

TEST(Nf4, IsTheQuantilesOfItsPaper) {
  const double offset = 0.5 * ((1 - 1.0 / 32) + (1 - 1.0 / 30));
  const double top = NormalQuantile(offset);
  for (int i = 0; i < 8; ++i) {
    const double positive = offset + (0.5 - offset) * i / 8;
    EXPECT_NEAR(Nf4::Decode(static_cast<std::uint32_t>(15 - i)),
                NormalQuantile(positive) / top, 4e-5);
    const double negative = offset + (0.5 - offset) * i / 7;
    EXPECT_NEAR(Nf4::Decode(static_cast<std::uint32_t>(i)),
                -NormalQuantile(negative) / top, 4e-5);
  }
}

TEST(Nf4, EdgesAndSpecials) {
  static_assert(Nf4::Encode(0.0f) == 7 && Nf4::Decode(7) == 0);
  static_assert(Nf4::Encode(1.0f) == 15 && Nf4::Encode(-1.0f) == 0);
  EXPECT_EQ(Nf4::Encode(kInf), 15u);
  EXPECT_EQ(Nf4::Encode(-kInf, {.infinity_saturates = false}), 0u);
  EXPECT_EQ(Nf4::Encode(kNaN), 7u);
}

TEST(EncodeTable, TiesInTheExactMiddle) {
  constexpr std::array<float, 4> kTable = {-2, 0, 1, 4};
  const auto at = [&](float x, Rounding rounding) {
    return EncodeTable(kTable, x, {.rounding = rounding});
  };
  EXPECT_EQ(at(0.5f, Rounding::kNearestEven), 2u);  // codes 1 and 2
  EXPECT_EQ(at(2.5f, Rounding::kNearestEven), 2u);  // codes 2 and 3
  EXPECT_EQ(at(-1, Rounding::kHalfAway), 0u);
  EXPECT_EQ(at(-1, Rounding::kHalfToZero), 1u);
  EXPECT_EQ(at(-1, Rounding::kHalfUp), 1u);
  EXPECT_EQ(at(3.9f, Rounding::kFloor), 2u);
  EXPECT_EQ(at(kNaN, Rounding::kNearestEven), 1u);
}

// The sixteenth powers are 2^(i/16) correctly rounded, by MPFR.
TEST(Logarithmic, PowersAreCorrectlyRounded) {
  mpfr_t x;
  mpfr_init2(x, 100);
  for (unsigned i = 0; i < 16; ++i) {
    mpfr_set_d(x, i / 16.0, MPFR_RNDN);
    mpfr_exp2(x, x, MPFR_RNDN);
    EXPECT_EQ(kSixteenthPowers[i], mpfr_get_flt(x, MPFR_RNDN)) << i;
  }
  mpfr_clear(x);
}

TEST(Logarithmic, GoldenValues) {
  static_assert(Log4F0::Decode(1) == 0.125f && Log4F0::Decode(4) == 1);
  static_assert(Log4F0::Decode(7) == 8 && Log4F0::Decode(0xF) == -8);
  static_assert(Log4F0::Encode(3.0f) == 6);    // between 2 (5) and 4 (6)
  static_assert(Log4F0::Encode(1.5f) == 4);    // between 1 (4) and 2 (5)
  static_assert(Log4F0::Encode(-0.01f) == 8);  // -0
  static_assert(Log8F3::Decode(64 + 8) == 2 && Log8F3::Decode(64 - 8) == 0.5f);
  static_assert(Log8F4::Decode(64 + 8) == kSixteenthPowers[8]);
}

// Value = 2^((m - 2^(B-2)) / 2^G) to half a unit, of every magnitude.
template <class Format>
void FollowsItsFormula() {
  const int bits = Format::kParams.bits;
  for (std::uint32_t m = 1; m < Format::kParams.sign_code(); ++m) {
    const double exponent =
        std::ldexp(static_cast<double>(m) - (1 << (bits - 2)),
                   -Format::kParams.fraction_bits);
    EXPECT_EQ(Format::Decode(m), static_cast<float>(std::exp2(exponent)));
  }
}

TEST(Logarithmic, EveryCodeFollowsItsFormula) {
  FollowsItsFormula<Log4F0>();
  FollowsItsFormula<Log4F1>();
  FollowsItsFormula<Log6F2>();
  FollowsItsFormula<Log8F3>();
  FollowsItsFormula<Log8F4>();
}

TEST(Logarithmic, Specials) {
  EXPECT_EQ(Log4F0::Encode(kNaN), 0u);
  EXPECT_EQ(Log4F0::Encode(kInf, {.infinity_saturates = false}), 7u);
  EXPECT_EQ(Log4F0::Encode(-kInf), 15u);
  EXPECT_EQ(Log4F0::Encode(-0.0f), 8u);
  EXPECT_TRUE(std::signbit(Log4F0::Decode(8)));
}

}  // namespace
}  // namespace nibble
