#include "nibble/arith/approx_gemm.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "arith_inputs.hpp"
#include "hwy/tests/hwy_gtest.h"

namespace nibble {
namespace {

using Sizes = std::vector<std::size_t>;

class ApproxGemmTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(ApproxGemmTest);

// Last task first: what holds for it holds for any order.
const Executor kBackwards = [](std::size_t tasks, const Executor::Body& body) {
  for (std::size_t i = tasks; i-- > 0;) body(i);
};

// Numbers of any bits, or with exponents in `low` .. `high`, every eighth (or
// so) a zero.
struct Values {
  int low, high;
  bool any = false, zeros = true;

  float operator()(std::mt19937& rng) const {
    if (any) return inputs::AnyFloat(rng);
    const auto bits = static_cast<std::uint32_t>(rng());
    if (zeros && bits % 8 == 0) return bits % 16 == 0 ? 0.0f : -0.0f;
    const auto exponent = static_cast<std::uint32_t>(
        low + static_cast<int>(rng() % static_cast<unsigned>(high - low + 1)));
    return std::bit_cast<float>((bits & 0x807FFFFFu) | (exponent + 127) << 23);
  }
};

// Every element against the specification.
ApproxPath ExpectSpec(const Multiplier& multiplier, std::size_t m,
                      std::size_t n, std::size_t k, const Values& x_values,
                      const Values& w_values, std::mt19937& rng) {
  std::vector<float> x(m * k), w(n * k), out(m * n + 1, 42.0f);
  for (float& v : x) v = x_values(rng);
  for (float& v : w) v = w_values(rng);
  const ApproxPath path = ApproxGemm(multiplier, x, w, m, n, k,
                                     std::span(out).first(m * n), kBackwards);
  for (std::size_t i = 0; i < m * n; ++i) {
    const float expected =
        ApproxDot(multiplier, std::span<const float>(x).subspan(i / n * k, k),
                  std::span<const float>(w).subspan(i % n * k, k));
    EXPECT_PRED2(inputs::SameBits, out[i], expected)
        << ToString(multiplier) << " " << m << "x" << n << "x" << k
        << " i=" << i << std::hexfloat << " " << out[i] << " " << expected;
    if (!inputs::SameBits(out[i], expected)) return path;
  }
  EXPECT_EQ(out[m * n], 42.0f) << "wrote past the end";
  return path;
}

const Values kOrdinary{-12, 4};

TEST_P(ApproxGemmTest, EveryMultiplierAndShapeEqualsTheSpecification) {
  std::mt19937 rng(1);
  for (const char* name : inputs::kFloatMultipliers) {
    const Multiplier multiplier = ParseMultiplier(name);
    for (const std::size_t m : Sizes{1, 2, 6, 7, 12, 13}) {
      for (const std::size_t n : Sizes{1, 31, 33}) {
        for (const std::size_t k : Sizes{1, 2, 7}) {
          ExpectSpec(multiplier, m, n, k, kOrdinary, kOrdinary, rng);
        }
      }
    }
    ExpectSpec(multiplier, 13, 40, 64, {0, 0, true}, {0, 0, true}, rng);
    ExpectSpec(multiplier, 0, 3, 2, kOrdinary, kOrdinary, rng);
    ExpectSpec(multiplier, 3, 0, 2, kOrdinary, kOrdinary, rng);
    ExpectSpec(multiplier, 3, 2, 0, kOrdinary, kOrdinary, rng);
  }
}

// Additions of encodings alone, at the ends of what they promise.
TEST_P(ApproxGemmTest, AddsWithoutTestsWhereItMay) {
  std::mt19937 rng(2);
  for (const char* name : {"lmul", "lmul:k3", "mitchell", "pam:corrected",
                           "lmul:bf16", "lmul:bf16,k4", "lmul:fp16"}) {
    const Multiplier multiplier = ParseMultiplier(name);
    const bool narrow = multiplier.name().format == ProductFormat::kFp16;
    for (const Values& w : {Values{0, 0}, Values{-20, 0}, Values{-3, 17},
                            Values{-60, -45, false, false}}) {
      for (const Values& x : {Values{-25, 3}, Values{0, 0},
                              Values{-1, 1, false, false}, Values{40, 60}}) {
        const bool fits =
            !narrow || (w.low + x.low >= -14 && w.high + x.high <= 12);
        for (const std::size_t k : Sizes{1, 64, 301}) {
          const ApproxPath path = ExpectSpec(multiplier, 14, 35, k, x, w, rng);
          if (fits) {
            EXPECT_EQ(path, ApproxPath::kAdd) << name << " " << k;
          }
        }
      }
    }
  }
}

// Sums that are zero in between or at the end, among zeros that are not.
TEST_P(ApproxGemmTest, CancelsExactly) {
  std::mt19937 rng(3);
  for (const char* name : {"lmul", "lmul:bf16", "mitchell"}) {
    const Multiplier multiplier = ParseMultiplier(name);
    const std::size_t m = 13, n = 36, k = 40;
    std::vector<float> x(m * k), w(n * k), out(m * n);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float v = kOrdinary(rng);
      x[i] = i % 2 == 0 || i % k == 0 ? v : -x[i - 1];
    }
    for (std::size_t i = 0; i < w.size(); ++i) {
      w[i] = i % 2 == 0 ? kOrdinary(rng) : w[i - 1];
    }
    EXPECT_EQ(ApproxGemm(multiplier, x, w, m, n, k, out), ApproxPath::kAdd);
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), 0u) << name << " " << i;
    }
  }
}

TEST_P(ApproxGemmTest, TestsForZerosWhereExponentsSpread) {
  std::mt19937 rng(4);
  for (const char* name : {"lmul", "lmul:k3", "pam"}) {
    for (const std::size_t m : Sizes{1, 6, 14}) {
      EXPECT_EQ(ExpectSpec(ParseMultiplier(name), m, 35, 200, {-45, 0},
                           {-40, 5}, rng),
                ApproxPath::kTestedAdd);
    }
  }
  EXPECT_EQ(
      ExpectSpec(ParseMultiplier("lmul"), 7, 35, 20, {-70, 0}, {-60, 5}, rng),
      ApproxPath::kProducts);
}

TEST_P(ApproxGemmTest, OneSpecialValueAnywhere) {
  std::mt19937 rng(5);
  const float inf = std::numeric_limits<float>::infinity();
  for (const char* name : {"lmul", "lmul:bf16"}) {
    const Multiplier multiplier = ParseMultiplier(name);
    for (const float bad : {inf, -inf, std::nanf(""), 0x1p-140f, 3e38f}) {
      std::vector<float> x(7 * 20, 1.5f), w(33 * 20, 0.75f), out(7 * 33);
      const bool left = rng() % 2 == 0;
      (left ? x : w)[rng() % (left ? x.size() : w.size())] = bad;
      w[3] = 0;
      ApproxGemm(multiplier, x, w, 7, 33, 20, out);
      for (std::size_t i = 0; i < out.size(); ++i) {
        const float expected = ApproxDot(
            multiplier, std::span<const float>(x).subspan(i / 33 * 20, 20),
            std::span<const float>(w).subspan(i % 33 * 20, 20));
        ASSERT_PRED2(inputs::SameBits, out[i], expected) << name << " " << bad;
      }
    }
  }
}

TEST_P(ApproxGemmTest, TablesEqualTheSpecification) {
  std::mt19937 rng(6);
  // A circuit that means nothing, with zeros that are not, and products up to
  // the ends of int16; and one beyond them.
  const auto scramble = [](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::int32_t>(
        static_cast<std::int16_t>(a * 40503u + b * 30011u + 7));
  };
  for (const char* name : {"truncated:t0", "truncated:t7"}) {
    for (const std::size_t m : Sizes{1, 5}) {
      for (const std::size_t n : Sizes{1, 63, 65, 129, 300}) {
        for (const std::size_t k : Sizes{1, 3, 255, 257}) {
          EXPECT_EQ(ExpectSpec(ParseMultiplier(name), m, n, k, kOrdinary,
                               kOrdinary, rng),
                    ApproxPath::kTable);
        }
      }
    }
  }
  for (const bool is_signed : {true, false}) {
    const ProductTable table =
        ProductTable::Make(is_signed, [&](std::uint8_t a, std::uint8_t b) {
          return is_signed ? scramble(a, b) : scramble(a, b) & 0xFFFF;
        });
    EXPECT_EQ(table.planes() != nullptr, is_signed);
    const std::size_t m = 3, n = 140, k = 600;
    std::vector<std::int8_t> x(m * k), w(n * k);
    for (auto& v : x) v = static_cast<std::int8_t>(rng());
    for (auto& v : w) v = static_cast<std::int8_t>(rng());
    std::vector<std::int32_t> out(m * n);
    ApproxGemm(table, std::span<const std::int8_t>(x), w, m, n, k, out,
               kBackwards);
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_EQ(
          out[i],
          ApproxDot(TableProduct{{}, &table},
                    std::span<const std::int8_t>(x).subspan(i / n * k, k),
                    std::span<const std::int8_t>(w).subspan(i % n * k, k)))
          << i;
    }
  }
}

// The adversary of the sums of 16 bits: 256 and more of the largest bytes.
TEST_P(ApproxGemmTest, TableSumsDoNotOverflow) {
  for (const std::int32_t value : {32767, -32768, -1, 255, -256}) {
    const ProductTable table = ProductTable::Make(
        true, [&](std::uint8_t, std::uint8_t) { return value; });
    const std::size_t k = 1000;
    const std::vector<std::int8_t> x(k, 5), w(70 * k, -9);
    std::vector<std::int32_t> out(70);
    ApproxGemm(table, std::span<const std::int8_t>(x), w, 1, 70, k, out);
    for (const std::int32_t v : out) ASSERT_EQ(v, value * 1000);
  }
}

TEST_P(ApproxGemmTest, RejectsWrongSizes) {
  const Multiplier multiplier;
  std::vector<float> two(2), three(3), four(4), six(6);
  EXPECT_THROW(ApproxGemm(multiplier, six, six, 2, 2, 3, three),
               std::invalid_argument);
  EXPECT_THROW(ApproxGemm(multiplier, four, six, 2, 2, 3, four),
               std::invalid_argument);
  EXPECT_THROW(ApproxGemm(multiplier, six, four, 2, 2, 3, four),
               std::invalid_argument);
  EXPECT_THROW(ApproxGemv(multiplier, three, four, two), std::invalid_argument);
  EXPECT_THROW(PackApproxWeights(multiplier, four, 2, 3),
               std::invalid_argument);
  EXPECT_THROW(PackApproxWeights(ParseMultiplier("truncated"),
                                 std::vector<float>(1 << 18), 1, 1 << 18),
               std::invalid_argument);
  ApproxGemm(multiplier, six, six, 2, 2, 3, four);
  ApproxGemv(multiplier, three, six, two);
}

TEST(ApproxGemm, TakesAnyProduct) {
  struct Doubled : FloatProduct {
    float operator()(float x, float w) const { return 2 * x * w; }
  };
  const std::vector<float> x{1, 2, 3, 4}, w{1, 1, 0, 1};
  std::vector<float> out(4);
  ApproxGemm(Doubled(), std::span<const float>(x), w, 2, 2, 2, out);
  EXPECT_EQ(out, (std::vector<float>{6, 4, 14, 8}));
  std::vector<std::int32_t> sums(1);
  const std::vector<std::int8_t> a{-100, 7}, b{77, 0};
  ApproxGemm(TruncatedProduct{{}, 0}, std::span<const std::int8_t>(a), b, 1, 1,
             2, sums);
  EXPECT_EQ(sums[0], -7700);
}

}  // namespace
}  // namespace nibble
