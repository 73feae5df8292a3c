#include "nibble/format/minifloat.hpp"

#include <gtest/gtest.h>
#include <mpfr.h>

#include <cmath>
#include <limits>
#include <vector>

#include "nibble/core/random.hpp"

namespace nibble {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr Policy kNoSaturation{.overflow = Overflow::kInfinity,
                               .infinity_saturates = false};

TEST(Minifloat, GoldenValues) {
  static_assert(Fp8E4m3::Decode(0x38) == 1 && Fp8E4m3::Decode(0x7E) == 448);
  static_assert(Fp8E4m3::Decode(0x01) == 0x1p-9f);
  static_assert(Fp8E5m2::Decode(0x7B) == 57344);
  static_assert(Fp8E5m2::Decode(0xFC) == -kInf);
  static_assert(Fp8E3m4::Decode(0x6F) == 15.5f);
  static_assert(Fp6E3m2::Decode(0x1F) == 28 && Fp6E2m3::Decode(0x1F) == 7.5f);
  static_assert(Fp4E2m1::Decode(0xF) == -6 && Fp4E2m1::Decode(1) == 0.5f);
  static_assert(Fp16::Decode(0x3C00) == 1 && Fp16::Decode(0x7BFF) == 65504);
  static_assert(Bf16::Decode(0x3F80) == 1 && Bf16::Decode(1) == 0x1p-133f);
  static_assert(Fp8E4m3Fnuz::Decode(0x7F) == 240);
  static_assert(Fp8E5m2Fnuz::Decode(0x01) == 0x1p-17f);
}

// The middle between the largest value and the next one there would be.
TEST(Fp8E4m3, Takes464To448And465ToNaN) {
  static_assert(Fp8E4m3::Encode(464.0f, kNoSaturation) == 0x7E);
  static_assert(Fp8E4m3::Encode(465.0f, kNoSaturation) == 0x7F);
  static_assert(Fp8E4m3::Encode(-464.0f, kNoSaturation) == 0xFE);
  static_assert(Fp8E4m3::Encode(-465.0f, kNoSaturation) == 0xFF);
  static_assert(Fp8E4m3::Encode(464.0f, {.rounding = Rounding::kHalfAway,
                                         .overflow = Overflow::kNaN}) == 0x7F);
  static_assert(Fp8E4m3::Encode(479.9f, {.rounding = Rounding::kFloor,
                                         .overflow = Overflow::kNaN}) == 0x7E);
  static_assert(Fp8E4m3::Encode(1e30f) == 0x7E);
}

// What each format makes of an overflow, of infinity and of NaN.
struct Outcome {
  std::uint32_t saturate;  // Overflow::kSaturate, and infinity that saturates
  std::uint32_t infinity;  // Overflow::kInfinity, and infinity that does not
  std::uint32_t nan;       // Overflow::kNaN, and NaN itself
};

template <class Format>
void ExpectOutcome(const Outcome& expected, std::uint32_t nan_input) {
  for (const float sign : {1.0f, -1.0f}) {
    const std::uint32_t s = sign < 0 ? Format::kParams.sign_code() : 0;
    const float big = sign * std::numeric_limits<float>::max();
    const auto overflow = [big](Overflow o) {
      return Format::Encode(big, {.overflow = o});
    };
    // Where NaN has one code, it has no sign.
    const auto with_sign = [s](std::uint32_t code) {
      return Format::kParams.special == Special::kFnuz && code == 0x80
                 ? code
                 : code | s;
    };
    EXPECT_EQ(overflow(Overflow::kSaturate), with_sign(expected.saturate));
    EXPECT_EQ(overflow(Overflow::kInfinity), with_sign(expected.infinity));
    EXPECT_EQ(overflow(Overflow::kNaN), with_sign(expected.nan));
    EXPECT_EQ(Format::Encode(sign * kInf), with_sign(expected.saturate));
    EXPECT_EQ(Format::Encode(sign * kInf, {.infinity_saturates = false}),
              with_sign(expected.infinity));
  }
  EXPECT_EQ(Format::Encode(kNaN), nan_input);
}

TEST(Minifloat, OverflowInfinityAndNaN) {
  ExpectOutcome<Bf16>({0x7F7F, 0x7F80, 0x7FC0}, 0x7FC0);
  ExpectOutcome<Fp16>({0x7BFF, 0x7C00, 0x7E00}, 0x7E00);
  ExpectOutcome<Fp8E5m2>({0x7B, 0x7C, 0x7E}, 0x7E);
  ExpectOutcome<Fp8E3m4>({0x6F, 0x70, 0x78}, 0x78);
  ExpectOutcome<Fp8E4m3Ieee>({0x77, 0x78, 0x7C}, 0x7C);
  ExpectOutcome<Fp8E4m3>({0x7E, 0x7F, 0x7F}, 0x7F);
  ExpectOutcome<Fp8E4m3Fnuz>({0x7F, 0x80, 0x80}, 0x80);
  ExpectOutcome<Fp8E5m2Fnuz>({0x7F, 0x80, 0x80}, 0x80);
  ExpectOutcome<Fp6E3m2>({0x1F, 0x1F, 0x1F}, 0);
  ExpectOutcome<Fp6E2m3>({0x1F, 0x1F, 0x1F}, 0);
  ExpectOutcome<Fp4E2m1>({0x7, 0x7, 0x7}, 0);
}

// The definition, written with ldexp.
double Meaning(const MinifloatParams& p, std::uint32_t code) {
  const double sign = (code & p.sign_code()) != 0 ? -1 : 1;
  const int mantissa = static_cast<int>(code & ((1u << p.mantissa_bits) - 1));
  const int exponent =
      static_cast<int>((code & (p.sign_code() - 1)) >> p.mantissa_bits);
  const bool top = exponent == (1 << p.exponent_bits) - 1;
  const bool ones = mantissa == (1 << p.mantissa_bits) - 1;
  if (p.special == Special::kIeee && top) {
    return mantissa == 0 ? sign * HUGE_VAL : std::nan("");
  }
  if (p.special == Special::kFn && top && ones) return std::nan("");
  if (p.special == Special::kFnuz && code == p.sign_code()) {
    return std::nan("");
  }
  const double m = std::ldexp(mantissa, -p.mantissa_bits);
  return sign * (exponent == 0 ? std::ldexp(m, 1 - p.bias)
                               : std::ldexp(1 + m, exponent - p.bias));
}

template <class Format>
void DecodesAsDefined() {
  for (std::uint32_t code = 0; code < 1u << Format::kBits; ++code) {
    const double expected = Meaning(Format::kParams, code);
    const float got = Format::Decode(code);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(got)) << Format::kName << " " << code;
    } else {
      ASSERT_EQ(static_cast<double>(got), expected)
          << Format::kName << " " << code;
      ASSERT_EQ(std::signbit(got), std::signbit(expected));
      ASSERT_EQ(Format::Encode(got, kNoSaturation), code) << Format::kName;
    }
  }
}

TEST(Minifloat, EveryCodeDecodesAndComesBack) {
  DecodesAsDefined<Bf16>();
  DecodesAsDefined<Fp16>();
  DecodesAsDefined<Fp8E4m3>();
  DecodesAsDefined<Fp8E5m2>();
  DecodesAsDefined<Fp8E3m4>();
  DecodesAsDefined<Fp8E4m3Ieee>();
  DecodesAsDefined<Fp8E4m3Fnuz>();
  DecodesAsDefined<Fp8E5m2Fnuz>();
  DecodesAsDefined<Fp6E3m2>();
  DecodesAsDefined<Fp6E2m3>();
  DecodesAsDefined<Fp4E2m1>();
}

// Rounding to 16 bits in exact arithmetic: x in units of its last place, as an
// MPFR number of 200 bits, through MPFR's own roundings to an integer.
class MpfrOracle {
 public:
  MpfrOracle() { mpfr_inits2(200, y_, half_, whole_, nullptr); }
  ~MpfrOracle() { mpfr_clears(y_, half_, whole_, nullptr); }
  MpfrOracle(const MpfrOracle&) = delete;
  MpfrOracle& operator=(const MpfrOracle&) = delete;

  // Rounded as if exponents had no upper end.
  double Round(const MinifloatParams& p, float x, Rounding rounding,
               std::uint32_t random) {
    mpfr_set_flt(y_, x, MPFR_RNDN);
    if (mpfr_zero_p(y_) != 0) return x;
    const int exponent = static_cast<int>(mpfr_get_exp(y_)) - 1;
    const int last = std::max(exponent, 1 - p.bias) - p.mantissa_bits;
    mpfr_mul_2si(y_, y_, -last, MPFR_RNDN);
    ToInteger(rounding, random);
    mpfr_mul_2si(whole_, whole_, last, MPFR_RNDN);
    return mpfr_get_d(whole_, MPFR_RNDN);
  }

 private:
  void ToInteger(Rounding rounding, std::uint32_t random) {
    const int sign = mpfr_sgn(y_);
    mpfr_set_d(half_, 0.5, MPFR_RNDN);
    switch (rounding) {
      case Rounding::kNearestEven:
        mpfr_roundeven(whole_, y_);
        return;
      case Rounding::kHalfAway:
        mpfr_round(whole_, y_);
        return;
      case Rounding::kHalfUp:
        mpfr_add(whole_, y_, half_, MPFR_RNDN);
        mpfr_floor(whole_, whole_);
        return;
      case Rounding::kHalfToZero:
        mpfr_abs(whole_, y_, MPFR_RNDN);
        mpfr_sub(whole_, whole_, half_, MPFR_RNDN);
        mpfr_ceil(whole_, whole_);
        mpfr_mul_si(whole_, whole_, sign, MPFR_RNDN);
        return;
      case Rounding::kFloor:
        mpfr_floor(whole_, y_);
        return;
      case Rounding::kStochastic:
        break;
    }
    // |y| = whole + f; away from zero if floor(f * 2^31) > r / 2.
    mpfr_abs(y_, y_, MPFR_RNDN);
    mpfr_floor(whole_, y_);
    mpfr_sub(y_, y_, whole_, MPFR_RNDN);
    mpfr_mul_2si(y_, y_, 31, MPFR_RNDN);
    mpfr_floor(y_, y_);
    if (mpfr_cmp_ui(y_, random >> 1) > 0) {
      mpfr_add_ui(whole_, whole_, 1, MPFR_RNDN);
    }
    mpfr_mul_si(whole_, whole_, sign, MPFR_RNDN);
  }

  mpfr_t y_, half_, whole_;
};

// Each finite code's value, the middle to the next one, and floats beside both.
template <class Format>
std::vector<float> EdgeInputs() {
  std::vector<float> x;
  for (std::uint32_t code = 0; code <= Format::kParams.max_code(); ++code) {
    const float value = Format::Decode(code);
    const double next = code < Format::kParams.max_code()
                            ? Format::Decode(code + 1)
                            : 2.0 * value - Format::Decode(code - 1);
    const auto middle = static_cast<float>((value + next) / 2);
    const auto anywhere = static_cast<float>(
        value + (next - value) * (RandomBits(3, code) * 0x1p-32));
    for (const float v : {value, middle, std::nextafter(middle, kInf),
                          std::nextafter(middle, -kInf), anywhere}) {
      if (std::isfinite(v)) x.push_back(code % 2 == 0 ? v : -v);
    }
  }
  for (std::uint32_t i = 0; i < 20000; ++i) {  // all exponents of a float
    const float v = std::bit_cast<float>(RandomBits(4, i));
    if (std::isfinite(v)) x.push_back(v);
  }
  return x;
}

template <class Format>
void EqualsMpfr() {
  MpfrOracle oracle;
  const double max = Format::Decode(Format::kParams.max_code());
  std::uint64_t draws = 0;
  for (const float x : EdgeInputs<Format>()) {
    for (const Rounding rounding :
         {Rounding::kNearestEven, Rounding::kHalfAway, Rounding::kHalfUp,
          Rounding::kHalfToZero, Rounding::kFloor, Rounding::kStochastic}) {
      const std::uint32_t random = RandomBits(5, draws++);
      const double expected =
          oracle.Round(Format::kParams, x, rounding, random);
      const std::uint32_t code = Format::Encode(
          x, {.rounding = rounding, .overflow = Overflow::kInfinity}, random);
      const double got = Format::Decode(code);
      ASSERT_EQ(got, std::abs(expected) > max
                         ? std::copysign(HUGE_VAL, expected)
                         : expected)
          << Format::kName << std::hexfloat << " x = " << x << " rounding "
          << static_cast<int>(rounding) << " r = " << random;
      ASSERT_EQ(std::signbit(got), std::signbit(x));
    }
  }
}

TEST(Bf16, EqualsMpfr) { EqualsMpfr<Bf16>(); }
TEST(Fp16, EqualsMpfr) { EqualsMpfr<Fp16>(); }
// The same code serves the small ones: one of each kind through this oracle
// too.
TEST(Fp8E5m2, EqualsMpfr) { EqualsMpfr<Fp8E5m2>(); }
TEST(Fp8E3m4, EqualsMpfr) { EqualsMpfr<Fp8E3m4>(); }

}  // namespace
}  // namespace nibble
