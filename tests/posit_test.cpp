// Posits against the standard's text: values by its formula, rounding by its
// rule of the posit one bit longer, both written independently of the code.
#include "nibble/format/posit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "nibble/core/random.hpp"

namespace nibble {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// ((1 - 3s) + f) * 2^((1 - 2s) * (2^es * r + e + s)), the fields read off the
// bits as they are, without negating (Posit Standard 2022, 3.3).
double Meaning(int bits, int es, std::uint32_t code) {
  if (code == 0) return 0;
  if (code == 1u << (bits - 1)) return std::nan("");
  int position = bits - 1;
  const auto next = [&]() -> int {
    --position;
    return position < 0 ? 0 : static_cast<int>((code >> position) & 1);
  };
  const int s = static_cast<int>(code >> (bits - 1));
  const int first = next();
  int run = 1;
  while (position > 0 && next() == first) ++run;
  // A run that reaches the end has no bit after it.
  if (position == 0 && static_cast<int>(code & 1) == first && run < bits - 1) {
    run = bits - 1;
  }
  const int r = first == 0 ? -run : run - 1;
  int e = 0;
  for (int i = 0; i < es; ++i) e = 2 * e + next();
  double f = 0;
  double weight = 0.5;
  while (position > 0) {
    f += next() * weight;
    weight /= 2;
  }
  return ((1 - 3 * s) + f) *
         std::ldexp(1.0, (1 - 2 * s) * ((1 << es) * r + e + s));
}

TEST(Posit, GoldenValues) {
  static_assert(Posit8Es2::Decode(0x40) == 1 && Posit8Es2::Decode(0xC0) == -1);
  static_assert(Posit8Es2::Decode(0x7F) == 0x1p24f);  // 16^6
  static_assert(Posit8Es2::Decode(0x01) == 0x1p-24f);
  static_assert(Posit8Es0::Decode(0x7F) == 64);
  static_assert(Posit8Es1::Decode(0x7F) == 4096);
  static_assert(Posit16Es1::Decode(0x7FFF) == 0x1p28f);
  static_assert(Posit16Es2::Decode(0x7FFF) == 0x1p56f);
  static_assert(Posit8Es0::Decode(0x60) == 2 && Posit8Es0::Decode(0x50) == 1.5);
  // [0|0001|10|111011101]: regime -3, exponent 2, fraction 477 / 512.
  static_assert(Posit16Es2::Decode(0b0000110111011101) ==
                (1 + 477.0f / 512) * 0x1p-10f);
}

struct Width {
  int bits;
  int es;
};
constexpr Width kWidths[] = {{8, 0}, {8, 1}, {8, 2}, {16, 0}, {16, 1}, {16, 2}};

TEST(Posit, EveryCodeDecodesAndComesBack) {
  for (const auto& [bits, es] : kWidths) {
    const PositParams p{bits, es};
    for (std::uint32_t code = 0; code < 1u << bits; ++code) {
      const double expected = Meaning(bits, es, code);
      const float got = DecodePosit(p, code);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(got));
      } else {
        ASSERT_EQ(static_cast<double>(got), expected)
            << "posit" << bits << "_es" << es << " code " << code;
      }
      for (int mode = 0; mode < 6; ++mode) {
        ASSERT_EQ(
            EncodePosit(p, got, {.rounding = static_cast<Rounding>(mode)}),
            code);
      }
    }
  }
}

TEST(Posit, ValuesAscendWithTheCodeAsASignedInteger) {
  for (const auto& [bits, es] : kWidths) {
    const PositParams p{bits, es};
    for (std::uint32_t code = p.nar() + 1; code != p.nar() - 1;) {
      const std::uint32_t next = (code + 1) & (2 * p.nar() - 1);
      ASSERT_LT(DecodePosit(p, code), DecodePosit(p, next));
      code = next;
    }
  }
}

// Magnitudes only, since the standard's rule is symmetric: code u with value
// below x, w = u + 1 above, v the posit of one more bit between them.
std::uint32_t Nearest(const std::vector<double>& values, int bits, int es,
                      double x, Rounding rounding, bool negative) {
  const double magnitude = std::abs(x);
  if (magnitude >= values.back()) {
    return static_cast<std::uint32_t>(values.size() - 1);
  }
  if (magnitude <= values[1]) return 1;
  const auto w = static_cast<std::uint32_t>(
      std::ranges::upper_bound(values, magnitude) - values.begin());
  const std::uint32_t u = w - 1;
  if (values[u] == magnitude) return u;
  const double v = Meaning(bits + 1, es, 2 * u + 1);
  const bool tie = magnitude == v;
  switch (rounding) {
    case Rounding::kNearestEven:
      return magnitude < v || (tie && u % 2 == 0) ? u : w;
    case Rounding::kHalfAway:
      return magnitude < v ? u : w;
    case Rounding::kHalfUp:
      return magnitude < v || (tie && negative) ? u : w;
    case Rounding::kHalfToZero:
      return magnitude <= v ? u : w;
    default:  // kFloor
      return negative ? w : u;
  }
}

TEST(Posit, RoundsAsTheStandardSays) {
  for (const auto& [bits, es] : kWidths) {
    const PositParams p{bits, es};
    std::vector<double> values;
    for (std::uint32_t code = 0; code < p.nar(); ++code) {
      values.push_back(Meaning(bits, es, code));
    }
    std::vector<float> inputs;
    for (std::uint32_t u = 0; u + 1 < values.size(); ++u) {
      const auto tie = static_cast<float>(Meaning(bits + 1, es, 2 * u + 1));
      const auto mean = static_cast<float>((values[u] + values[u + 1]) / 2);
      for (const float v :
           {tie, std::nextafter(tie, kInf), std::nextafter(tie, -kInf), mean}) {
        inputs.push_back(v);
        inputs.push_back(-v);
      }
    }
    for (std::uint32_t i = 0; i < 65536; ++i) {
      inputs.push_back(std::bit_cast<float>(i << 16));
    }
    for (const float x : inputs) {
      if (!std::isfinite(x) || x == 0) continue;
      for (const Rounding rounding :
           {Rounding::kNearestEven, Rounding::kHalfAway, Rounding::kHalfUp,
            Rounding::kHalfToZero, Rounding::kFloor}) {
        const std::uint32_t magnitude =
            Nearest(values, bits, es, x, rounding, x < 0);
        const std::uint32_t expected =
            x < 0 ? 2 * p.nar() - magnitude : magnitude;
        ASSERT_EQ(EncodePosit(p, x, {.rounding = rounding}), expected)
            << "posit" << bits << "_es" << es << " x = " << std::hexfloat << x
            << " rounding " << static_cast<int>(rounding);
      }
    }
  }
}

TEST(Posit, NeverRoundsToZeroOrNaR) {
  for (const auto& [bits, es] : kWidths) {
    const PositParams p{bits, es};
    const float tiny = std::numeric_limits<float>::denorm_min();
    const float huge = std::numeric_limits<float>::max();
    for (int mode = 0; mode < 6; ++mode) {
      const Policy policy{.rounding = static_cast<Rounding>(mode),
                          .overflow = Overflow::kNaN};
      EXPECT_EQ(EncodePosit(p, tiny, policy, ~0u), 1u);
      EXPECT_EQ(EncodePosit(p, -tiny, policy, ~0u), 2 * p.nar() - 1);
      EXPECT_EQ(EncodePosit(p, huge, policy), p.nar() - 1);
      EXPECT_EQ(EncodePosit(p, -huge, policy), p.nar() + 1);
    }
  }
}

TEST(Posit, NaNInfinityAndZero) {
  const Policy keep{.infinity_saturates = false};
  EXPECT_EQ(Posit8Es2::Encode(kNaN), 0x80u);
  EXPECT_EQ(Posit8Es2::Encode(kInf), 0x7Fu);
  EXPECT_EQ(Posit8Es2::Encode(-kInf), 0x81u);
  EXPECT_EQ(Posit8Es2::Encode(kInf, keep), 0x80u);
  EXPECT_EQ(Posit8Es2::Encode(-kInf, keep), 0x80u);
  EXPECT_EQ(Posit8Es2::Encode(-0.0f), 0u);
  EXPECT_TRUE(std::isnan(Posit16Es1::Decode(0x8000)));
}

// A quarter of the way in value goes up a quarter of the time, where the cut is
// in the exponent too: posit8_es2 next to its largest value has 2^20 and 2^24.
TEST(Posit, StochasticRoundingIsUnbiasedInValue) {
  for (const float x : {1.0f + 0x1p-5f, 0x1p20f + (0x1p24f - 0x1p20f) / 4}) {
    for (const float sign : {1.0f, -1.0f}) {
      const auto up = [&](std::uint32_t r) {
        const float y = Posit8Es2::Decode(Posit8Es2::Encode(
            sign * x, {.rounding = Rounding::kStochastic}, r));
        return std::abs(y) > x;
      };
      EXPECT_TRUE(up(0x3FFFFFFD));
      EXPECT_FALSE(up(0x40000000));
    }
  }
}

}  // namespace
}  // namespace nibble
