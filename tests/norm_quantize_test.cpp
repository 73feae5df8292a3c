#include "nibble/quant/norm_quantize.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "hwy/tests/hwy_gtest.h"

namespace nibble {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

using Codes = std::vector<std::int8_t>;

struct Token {
  Codes q;
  float s_a = 0;
};

Token Plain(const std::vector<float>& x) {
  Token out{Codes(x.size()), 0};
  QuantizeTokens(x, 1, x.size(), out.q, std::span(&out.s_a, 1));
  return out;
}

TEST(NormQuantizeSpec, GoldenValues) {
  static_assert(TokenScale(127) == 1);
  static_assert(TokenScale(0) == 12700000);
  static_assert(TokenCode(2.5f, 1) == 2 && TokenCode(-1.5f, 1) == -2);
  static_assert(TokenCode(kNaN, 1) == 0 && TokenCode(1, kNaN) == 0);
  static_assert(NormedValue(3, 0.5f, 4) == 6);
  EXPECT_EQ(ReciprocalRms(25, 4, 1e-6f), 0.399999976f);
  constexpr std::array<float, 17> x{1, 2, 0, 0, 0, 0, 0, 0, 0,
                                    0, 0, 0, 0, 0, 0, 0, 3};
  static_assert(SumOfSquares(x) == 14);
}

class NormQuantizeTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(NormQuantizeTest);

// Vectors A, B, C and F: float32, half to even.
TEST_P(NormQuantizeTest, GoldenVectors) {
  const Token a = Plain({127, .5f, 1.5f, 2.5f, -.5f, -1.5f, -2.5f, 63.5f});
  EXPECT_EQ(a.s_a, 1.0f);
  EXPECT_EQ(a.q, (Codes{127, 0, 2, 2, 0, -2, -2, 64}));
  const Token b = Plain({.1f, -.2f, .3f, -.4f, .5f, -.6f, .7f, -.8f});
  EXPECT_EQ(b.s_a, 158.75f);
  EXPECT_EQ(b.q, (Codes{16, -32, 48, -64, 79, -95, 111, -127}));
  const Token zero = Plain({0, 0, 0});
  EXPECT_EQ(zero.s_a, 12700000.0f);
  EXPECT_EQ(zero.q, (Codes{0, 0, 0}));
  const Token tiny = Plain({1e-6f, -2e-6f, 3e-6f, -4e-6f});
  EXPECT_EQ(tiny.s_a, 12700000.0f);
  EXPECT_EQ(tiny.q, (Codes{13, -25, 38, -51}));
  const std::vector<float> x{3, 4, 0, 0}, ones(4, 1);
  Token f{Codes(4), 0};
  RmsNormQuantize(x, 1, 4, ones, kRmsNormEps, f.q, std::span(&f.s_a, 1));
  EXPECT_EQ(f.s_a, 79.3750076f);
  EXPECT_EQ(f.q, (Codes{95, 127, 0, 0}));
}

std::vector<float> Random(std::size_t n, unsigned seed, bool edges) {
  const float special[] = {0.0f,    -0.0f, 0x1p-149f, 1e-20f, -1e19f,
                           3.4e38f, kInf,  -kInf,     kNaN,   1e-6f};
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(n);
  for (float& v : x) {
    v = edges && rng() % 16 == 0 ? special[rng() % std::size(special)]
                                 : normal(rng);
  }
  return x;
}

bool SameBits(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

void ExpectSpec(const std::vector<float>& x, const std::vector<float>& weight,
                std::size_t m, std::size_t k, float eps) {
  Codes q(m * k + 1, 77);
  std::vector<float> s_a(m + 1, 77), y(m * k + 1, 77);
  RmsNormQuantize(x, m, k, weight, eps, std::span(q).first(m * k),
                  std::span(s_a).first(m));
  RmsNorm(x, m, k, weight, eps, std::span(y).first(m * k));
  for (std::size_t t = 0; t < m; ++t) {
    const auto row = std::span(x).subspan(t * k, k);
    const double sum = SumOfSquares(row);
    const float rstd = ReciprocalRms(sum, k, eps);
    float largest = std::isfinite(sum) ? 0 : kNaN;
    for (std::size_t i = 0; i < k; ++i) {
      const float v = NormedValue(row[i], rstd, weight[i]);
      ASSERT_TRUE(SameBits(y[t * k + i], v)) << k << " i=" << i;
      if (!(std::abs(v) <= largest)) largest = std::abs(v);
      if (std::isnan(v)) largest = kNaN;
      if (std::isnan(largest)) break;
    }
    const float scale = TokenScale(largest);
    ASSERT_TRUE(SameBits(s_a[t], scale)) << s_a[t] << " " << scale;
    for (std::size_t i = 0; i < k; ++i) {
      ASSERT_EQ(q[t * k + i],
                TokenCode(NormedValue(row[i], rstd, weight[i]), scale))
          << k << " i=" << i;
    }
  }
  ASSERT_EQ(q[m * k], 77);
  ASSERT_EQ(s_a[m], 77);
  ASSERT_EQ(y[m * k], 77);
}

TEST_P(NormQuantizeTest, EveryLengthEqualsTheSpecification) {
  for (const std::size_t k :
       {1u, 2u, 3u, 7u, 8u, 15u, 16u, 17u, 31u, 33u, 64u, 97u, 1031u}) {
    for (const bool edges : {false, true}) {
      const auto seed = static_cast<unsigned>(k);
      for (const float eps : {1e-6f, 1e-8f, 0.0f}) {
        ExpectSpec(Random(3 * k, seed, edges), Random(k, seed + 1, false), 3, k,
                   eps);
      }
      ExpectSpec(Random(3 * k, seed, false), Random(k, seed + 2, edges), 3, k,
                 1e-6f);
    }
  }
}

// y * s_a near every tie: products that round up to one, and down.
TEST_P(NormQuantizeTest, TiesEqualTheSpecification) {
  std::vector<float> x{127};
  for (int i = -126; i <= 126; ++i) {
    const float tie = static_cast<float>(i) + 0.5f;
    for (const float v :
         {tie, std::nextafter(tie, kInf), std::nextafter(tie, -kInf)}) {
      x.push_back(v);
    }
  }
  for (const float factor : {1.0f, 0.1f, 1e-7f, 3e30f}) {
    std::vector<float> scaled = x;
    for (float& v : scaled) v *= factor;
    const Token token = Plain(scaled);
    float largest = 0;
    for (const float v : scaled) largest = std::max(largest, std::abs(v));
    ASSERT_EQ(token.s_a, TokenScale(largest));
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(token.q[i], TokenCode(scaled[i], token.s_a)) << scaled[i];
    }
  }
}

TEST_P(NormQuantizeTest, BadTokensSpoilTheirOwnResultsOnly) {
  for (const float bad : {kNaN, kInf, -kInf}) {
    std::vector<float> x(3 * 40, 1.0f);
    x[57] = bad;
    Codes q(x.size());
    std::vector<float> s_a(3);
    QuantizeTokens(x, 3, 40, q, s_a);
    EXPECT_EQ(s_a[0], 127.0f);
    EXPECT_TRUE(std::isnan(s_a[1]));
    EXPECT_EQ(s_a[2], 127.0f);
    EXPECT_EQ(q[40], 0);
    EXPECT_EQ(q[80], 127);
  }
}

TEST_P(NormQuantizeTest, SeveralNormsAreEachItsOwn) {
  const std::size_t m = 2, k = 37;
  const auto x = Random(m * k, 3, false);
  std::vector<std::vector<float>> weights, s_a(3, std::vector<float>(m));
  std::vector<Codes> q(3, Codes(m * k));
  std::vector<NormedCodes> norms;
  for (unsigned i = 0; i < 3; ++i) weights.push_back(Random(k, i, false));
  for (std::size_t i = 0; i < 3; ++i) {
    norms.push_back({weights[i], q[i], s_a[i]});
  }
  RmsNormQuantize(x, m, k, kRmsNormEps, norms);
  for (std::size_t i = 0; i < 3; ++i) {
    Codes one(m * k);
    std::vector<float> scale(m);
    RmsNormQuantize(x, m, k, weights[i], kRmsNormEps, one, scale);
    EXPECT_EQ(one, q[i]);
    EXPECT_EQ(scale, s_a[i]);
  }
}

TEST(NormQuantize, RefusesWrongSizes) {
  std::vector<float> x(6), w(3), s(2);
  Codes q(6);
  const auto call = [&](std::size_t m, std::size_t k) {
    RmsNormQuantize(x, m, k, w, 1e-6f, q, s);
  };
  EXPECT_NO_THROW(call(2, 3));
  EXPECT_THROW(call(2, 2), std::invalid_argument);
  EXPECT_THROW(call(3, 2), std::invalid_argument);
  EXPECT_THROW(call(2, 0), std::invalid_argument);
  q.resize(5);
  EXPECT_THROW(call(2, 3), std::invalid_argument);
  EXPECT_THROW(QuantizeTokens(x, 2, 3, q, s), std::invalid_argument);
  EXPECT_THROW(QuantizeTokens(x, 3, 3, q, s), std::invalid_argument);
  EXPECT_THROW(QuantizeTokens(x, 0, 0, q, s), std::invalid_argument);
  q.resize(6);
  s.resize(3);
  EXPECT_THROW(call(2, 3), std::invalid_argument);
  EXPECT_THROW(QuantizeTokens(x, 2, 3, q, s), std::invalid_argument);
  EXPECT_THROW(RmsNorm(x, 2, 3, w, 1e-6f, w), std::invalid_argument);
  EXPECT_THROW(RmsNorm(x, 3, 2, w, 1e-6f, x), std::invalid_argument);
  EXPECT_THROW(RmsNorm(x, 1, 3, w, 1e-6f, x), std::invalid_argument);
  EXPECT_THROW(RmsNorm(x, 2, 0, w, 1e-6f, x), std::invalid_argument);
}

}  // namespace
}  // namespace nibble
