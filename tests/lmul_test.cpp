#include "nibble/arith/lmul.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "arith_inputs.hpp"
#include "nibble/arith/mitchell.hpp"
#include "nibble/format/minifloat.hpp"

namespace nibble {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

constexpr float FromBits(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}
constexpr std::uint32_t Bits(float f) {
  return std::bit_cast<std::uint32_t>(f);
}

TEST(LMul, GoldenValues) {
  static_assert(MakeLMul().bias() == 0x3F780000);
  static_assert(LMul(1.0f, 1.0f) == 1.0625f);  // 1 + 0 + 0 + 1/16
  static_assert(LMul(1.5f, 1.5f) == 2.125f);   // carry: (1/2 + 1/2 + 1/16) * 2
  static_assert(LMul(1.25f, 1.25f) == 1.5625f);
  static_assert(LMul(1.75f, 1.75f) == 3.125f);
  static_assert(LMul(3.0f, 5.0f) == 14.5f);
  static_assert(LMul(-3.0f, 5.0f) == -14.5f);
  static_assert(LMul(-2.0f, -2.0f) == 4.25f);
  static_assert(Bits(LMul(0.1f, 0.2f)) == 0x3CA1999A);
  static_assert(Bits(LMul(3.14159265f, 2.71828183f)) == 0x40FF082F);
}

TEST(LMul, FormulaGoldenValues) {
  static_assert(LMulFormula(1.25f, 1.25f) == 1.5625f);  // no carry: as LMul
  static_assert(LMulFormula(1.5f, 1.5f) == 2.0625f);    // 1 + 1/2 + 1/2 + 1/16
  static_assert(LMulFormula(1.75f, 1.75f) == 2.5625f);
  static_assert(LMulFormula(-3.0f, 7.0f) == -18.5f);  // -(2 + 1/4 + 1/16) * 8
  // 1 + s with one bit too many is rounded to even: s = 1 + 2^-4 + 2^-23.
  static_assert(LMulFormula(1.5f, 1.5f + 0x1p-23f) == 2.0625f);
  static_assert(LMulFormula(1.5f, 1.5f + 0x1.8p-22f) == 2.0625f + 0x1p-21f);
  // ... and cut in a narrow format: 2.25 + 1/8 has four bits.
  static_assert(LMulFormula(1.5f, 1.75f, MakeLMul(ProductFormat::kFp8E4m3)) ==
                2.25f);
}

TEST(LMul, ZeroInfinityNaNOverflow) {
  static_assert(Bits(LMul(0.0f, -7.0f)) == 0x80000000);
  static_assert(Bits(LMul(-0.0f, -0.5f)) == 0);
  static_assert(Bits(LMul(0x1p-140f, 8.0f)) == 0);  // subnormal
  static_assert(Bits(LMul(0x1p-100f, 0x1p-100f)) == 0);
  static_assert(Bits(LMul(0x1p-126f, 0.5f)) == 0);
  static_assert(LMul(1e30f, 1e30f) == kInf);
  static_assert(LMul(3e38f, -1.99f) == -kInf);
  static_assert(LMul(kInf, -2.0f) == -kInf && LMul(kInf, kInf) == kInf);
  static_assert(Bits(LMul(kInf, 0.0f)) == kNaNBits);
  static_assert(Bits(LMul(kInf, 0x1p-140f)) == kNaNBits);
  static_assert(Bits(LMul(-kNaN, kInf)) == kNaNBits);
  static_assert(Bits(LMulFormula(kInf, 0.0f)) == kNaNBits);
  static_assert(LMulFormula(1e30f, -1e30f) == -kInf);
  constexpr LMulParams e4m3 = MakeLMul(ProductFormat::kFp8E4m3);
  static_assert(LMul(448, 448, e4m3) == 448);
  static_assert(LMul(-1e9f, 448, e4m3) == -448);
  static_assert(Bits(LMul(kInf, 1, e4m3)) == kNaNBits);  // no infinity
  static_assert(Bits(LMul(0, 448, e4m3)) == 0);
  constexpr LMulParams e5m2 = MakeLMul(ProductFormat::kFp8E5m2);
  static_assert(LMul(57344, 57344, e5m2) == 57344);
  static_assert(LMul(-kInf, 1, e5m2) == -kInf);
  constexpr LMulParams fp16 = MakeLMul(ProductFormat::kFp16);
  static_assert(LMul(65504, 2, fp16) == kInf);
  static_assert(LMul(1e6f, 1, fp16) == kInf);
}

// Over all pairs of 7-bit mantissas.
template <class F>
std::pair<double, double> RelativeRange(const F& product) {
  double low = 0, high = 0;
  for (std::uint32_t a = 0; a < 128; ++a) {
    for (std::uint32_t b = 0; b < 128; ++b) {
      const float x = FromBits(0x3F800000u | a << 16);
      const float y = FromBits(0x3F800000u | b << 16);
      const double error = product(x, y) / (double{x} * y) - 1;
      low = std::min(low, error);
      high = std::max(high, error);
    }
  }
  return {low, high};
}

TEST(LMul, RelativeErrorIsWithinTheDocumentedBound) {
  const auto [low, high] =
      RelativeRange([](float x, float y) { return LMul(x, y); });
  EXPECT_DOUBLE_EQ(low, -161.0 / 2209);
  EXPECT_DOUBLE_EQ(high, 1.0 / 16);
  const auto formula =
      RelativeRange([](float x, float y) { return LMulFormula(x, y); });
  EXPECT_GT(formula.first, -0.234375);  // at mantissas of 2, not reached
  EXPECT_LT(formula.first, -0.228);
  EXPECT_DOUBLE_EQ(formula.second, 1.0 / 16);
  const auto mitchell = RelativeRange(Mitchell);
  EXPECT_DOUBLE_EQ(mitchell.first, -1.0 / 9);
  EXPECT_DOUBLE_EQ(mitchell.second, 0);
}

// Source of the fingerprints: FNV-1a over the codes of a reference that works
// field by field.
template <class Format>
std::uint64_t Fingerprint(std::uint32_t codes, int m) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (std::uint32_t a = 0; a < codes; ++a) {
    for (std::uint32_t b = 0; b < codes; ++b) {
      hash = (hash ^ LMulCode<Format>(a, b, m, LMulOffset(m))) * 0x100000001B3u;
    }
  }
  return hash;
}

TEST(LMulCode, Fingerprints) {
  static_assert(LMulCode<Fp8E4m3>(0x38, 0x38, 3, 3) == 0x39);
  static_assert(LMulCode<Fp8E4m3>(0x3F, 0x3F, 3, 3) == 0x47);
  static_assert(LMulCode<Bf16>(0x3F80, 0x3F80, 7, 4) == 0x3F88);
  EXPECT_EQ(Fingerprint<Fp8E4m3>(0x7F, 3), 0x5B0F99FFEB6607DAu);
  EXPECT_EQ(Fingerprint<Fp8E5m2>(0x7C, 2), 0x4477A3A959514BB1u);
}

// Codes by an adder of their width, and floats: the same function.
template <class Format>
void ExpectSameCodes(ProductFormat format, std::uint32_t step) {
  const int bits = Format::kParams.mantissa_bits;
  for (const int k : {1, bits}) {
    for (const int l : {1, LMulOffset(k), bits}) {
      const LMulParams p = MakeLMul(format, k, l);
      for (std::uint32_t a = 0; a < 1u << Format::kBits; a += step) {
        for (std::uint32_t b = 0; b < 1u << Format::kBits; b += step) {
          const float product = LMul(Format::Decode(a), Format::Decode(b), p);
          const float code = Format::Decode(LMulCode<Format>(a, b, k, l));
          ASSERT_TRUE(inputs::SameBits(product, code))
              << Format::kName << " " << a << " * " << b << " = " << product
              << ", not " << code;
        }
      }
    }
  }
}

TEST(LMulCode, EqualsLMulOfTheValues) {
  ExpectSameCodes<Fp8E4m3>(ProductFormat::kFp8E4m3, 1);
  ExpectSameCodes<Fp8E5m2>(ProductFormat::kFp8E5m2, 1);
  ExpectSameCodes<Fp16>(ProductFormat::kFp16, 97);
  ExpectSameCodes<Bf16>(ProductFormat::kBf16, 97);
}

// Operands of a format are what its encoder makes of them.
template <class Format>
void ExpectEncoder(ProductFormat format) {
  const ProductRange range = RangeOf(format);
  const bool fp8 = Format::kBits == 8;
  const Policy policy{
      .overflow = fp8 ? Overflow::kSaturate : Overflow::kInfinity,
      .infinity_saturates = false};
  std::mt19937 rng(1);
  for (int i = 0; i < 200000; ++i) {
    const float x = inputs::AnyFloat(rng);
    float expected = Format::Decode(Format::Encode(x, policy));
    if (std::abs(expected) < FromBits(range.min_normal)) expected *= 0;
    const float found = PrepareOperand(x, {range, range.mantissa_bits, false});
    ASSERT_TRUE(inputs::SameBits(found, expected))
        << Format::kName << std::hexfloat << " " << x << ": " << found
        << ", not " << expected;
  }
}

TEST(LMul, OperandsAreThoseOfTheFormats) {
  ExpectEncoder<Bf16>(ProductFormat::kBf16);
  ExpectEncoder<Fp16>(ProductFormat::kFp16);
  ExpectEncoder<Fp8E4m3>(ProductFormat::kFp8E4m3);
  ExpectEncoder<Fp8E5m2>(ProductFormat::kFp8E5m2);
}

TEST(LMul, KeepsMantissas) {
  static_assert(KeepMantissa(Bits(1.875f), 2, false) == Bits(1.75f));
  static_assert(KeepMantissa(Bits(1.875f), 2, true) == Bits(2.0f));  // to even
  static_assert(KeepMantissa(Bits(1.625f), 2, true) == Bits(1.5f));
  static_assert(KeepMantissa(Bits(1.626f), 2, true) == Bits(1.75f));
  static_assert(KeepMantissa(Bits(1.9f), 23, true) == Bits(1.9f));
}

// Mean error of k-bit truncated operands on uniform mantissas, in units of the
// binade, against the exact product of the operands before: f2.
double TruncatedError(int k, int l, bool formula) {
  const int n = 1 << k;
  double sum = 0;
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < n; ++b) {
      const float x = 1 + static_cast<float>(a) / static_cast<float>(n);
      const float y = 1 + static_cast<float>(b) / static_cast<float>(n);
      const LMulParams p = MakeLMul(ProductFormat::kF32, k, l);
      sum += formula ? LMulFormula(x, y, p) : LMul(x, y, p);
    }
  }
  return 9.0 / 4 - sum / (n * n);  // 9/4 = E[x y], x and y uniform in [1, 2)
}

TEST(LMul, ExpectedErrorsOfTruncatedOperands) {
  const double formula[] = {1 / 4.,  1 / 4.,   1 / 4.,    3 / 16.,
                            7 / 32., 13 / 64., 25 / 128., 49 / 256.};
  const double added[] = {1 / 8.,        3 / 32.,         11 / 128.,
                          -3 / 256.,     37 / 1024.,      783 / 65536.,
                          -55 / 262144., -6611 / 1048576.};
  for (int k = 1; k <= 8; ++k) {
    EXPECT_DOUBLE_EQ(TruncatedError(k, LMulOffset(k), true), formula[k - 1]);
    EXPECT_NEAR(TruncatedError(k, LMulOffset(k), false), added[k - 1], 1e-14);
  }
}

struct Table {
  double mre;
  int wrong;
  double low, high;
};

template <class F>
Table MantissaTable(int m, const F& product) {
  const int n = 1 << m;
  Table table{0, 0, 1, -1};
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < n; ++b) {
      const double x = 1 + static_cast<double>(a) / n;
      const double y = 1 + static_cast<double>(b) / n;
      const double error =
          product(static_cast<float>(x), static_cast<float>(y)) / (x * y) - 1;
      table.mre += std::abs(error) / (n * n);
      table.wrong += error != 0 ? 1 : 0;
      table.low = std::min(table.low, error);
      table.high = std::max(table.high, error);
    }
  }
  return table;
}

TEST(LMul, ExhaustiveMantissaTables) {
  const double formula[] = {23 / 72., 26119 / 235200., .068862, .069356,
                            .073058,  .074376,         .075058};
  const int formula_wrong[] = {4, 15, 62, 254, 1021, 4093, 16381};
  const double added[] = {3 / 8.,  2113 / 14400., .052412, .051408,
                          .026659, .026574,       .026555};
  const int added_wrong[] = {4, 16, 61, 253, 1019, 4091, 16379};
  for (int m = 1; m <= 7; ++m) {
    const LMulParams p = MakeLMul(ProductFormat::kF32, m);
    const Table a = MantissaTable(
        m, [&](float x, float y) { return LMulFormula(x, y, p); });
    const Table b =
        MantissaTable(m, [&](float x, float y) { return LMul(x, y, p); });
    EXPECT_NEAR(a.mre, formula[m - 1], m < 3 ? 1e-15 : 5e-7) << m;
    EXPECT_NEAR(b.mre, added[m - 1], m < 3 ? 1e-15 : 5e-7) << m;
    EXPECT_EQ(a.wrong, formula_wrong[m - 1]) << m;
    EXPECT_EQ(b.wrong, added_wrong[m - 1]) << m;
  }
  const auto range = [](int m) {
    const LMulParams p = MakeLMul(ProductFormat::kF32, m);
    return MantissaTable(m, [&](float x, float y) { return LMul(x, y, p); });
  };
  EXPECT_NEAR(range(1).low, 1 / 3., 1e-12);
  EXPECT_NEAR(range(1).high, .5, 1e-12);
  EXPECT_NEAR(range(2).low, 1 / 15., 1e-12);
  EXPECT_NEAR(range(3).low, -.0303, 5e-5);
  EXPECT_NEAR(range(5).low, -.0729, 5e-5);
  // Results cut to the format: E5M2 and E4M3.
  const auto cut = [](ProductFormat format, int m) {
    const LMulParams p = MakeLMul(format);
    return MantissaTable(m,
                         [&](float x, float y) { return LMulFormula(x, y, p); })
        .mre;
  };
  EXPECT_NEAR(cut(ProductFormat::kFp8E5m2, 2), .130240, 5e-7);
  EXPECT_NEAR(cut(ProductFormat::kFp8E4m3, 3), .080871, 5e-7);
  EXPECT_NEAR(cut(ProductFormat::kBf16, 7), .075841, 5e-7);
}

// Which constant is best for operands truncated to m bits? The paper's l(m),
// for the integer addition, and only for it.
TEST(LMul, RediscoversTheOffset) {
  std::mt19937 rng(1);
  std::uniform_real_distribution<float> uniform(1, 2);
  std::vector<float> x(40000), y(x.size());
  for (float& v : x) v = uniform(rng);
  for (float& v : y) v = uniform(rng);
  const auto best = [&](int m, bool formula) {
    double least = 1e9;
    int at = 0;
    for (int l = 1; l <= 6; ++l) {
      const LMulParams p = MakeLMul(ProductFormat::kF32, m, l);
      double sum = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double exact = double{x[i]} * y[i];
        const double error =
            (formula ? LMulFormula(x[i], y[i], p) : LMul(x[i], y[i], p)) -
            exact;
        sum += error * error;
      }
      if (sum < least) least = sum, at = l;
    }
    return at;
  };
  for (int m = 1; m <= 8; ++m) {
    EXPECT_EQ(best(m, false), LMulOffset(m)) << m;
    EXPECT_LE(best(m, true), 2) << m;
  }
}

TEST(LMul, RefusesParametersOutOfRange) {
  EXPECT_THROW(MakeLMul(ProductFormat::kF32, 24), std::invalid_argument);
  EXPECT_THROW(MakeLMul(ProductFormat::kF32, -1), std::invalid_argument);
  EXPECT_THROW(MakeLMul(ProductFormat::kBf16, 8), std::invalid_argument);
  EXPECT_THROW(MakeLMul(ProductFormat::kFp8E5m2, 2, 3), std::invalid_argument);
}

}  // namespace
}  // namespace nibble
