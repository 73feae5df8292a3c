#include "nibble/arith/softmax.hpp"

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "function_check.hpp"
#include "hwy/tests/hwy_gtest.h"

namespace nibble {
namespace {

using functions::kInf;
using functions::kNaN;

constexpr Accuracy kAccuracies[] = {Accuracy::kBf16, Accuracy::kF16,
                                    Accuracy::kF32};

constexpr float First(float a, float b) {
  const float x[] = {a, b};
  float out[2] = {};
  SoftmaxRow(x, out);
  return out[0];
}
static_assert(First(3, 3) == 0.5f);
static_assert(First(1000, 0) == 1 && First(0, 1000) == 0);

std::vector<float> Row(std::size_t n, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0, 5);
  std::vector<float> x(n);
  for (float& v : x) v = rng() % 9 == 0 ? -kInf : normal(rng);
  if (n > 0) x[rng() % n] = 3;
  return x;
}

// The order of summation, by hand: lanes 0 and 8 first.
TEST(SoftmaxSpec, OrderOfSums) {
  float s[16] = {1, 0, 0, 0, 0x1p-24f, 0, 0, 0, 0x1p-24f, 0, 0, 0, 0x1p-24f};
  // 1 + 2^-24 is a tie, to even: 1. 2^-24 + 2^-24 is 2^-23, and it stays.
  EXPECT_EQ(SumOfLanes(s), 1 + 0x1p-23f);
}

// Sums to 1 and each value within the bound of the contract.
TEST(SoftmaxSpec, ErrorsAreThoseOfTheContract) {
  for (const std::size_t n : {1u, 7u, 100u, 5000u}) {
    const std::vector<float> x = Row(n, 3);
    std::vector<float> out(n);
    SoftmaxRow(x, out);
    const float max = *std::max_element(x.begin(), x.end());
    double sum = 0;
    for (const float v : x) sum += std::exp(static_cast<double>(v) - max);
    for (std::size_t i = 0; i < n; ++i) {
      const double exact = std::exp(static_cast<double>(x[i]) - max) / sum;
      const double terms = std::ceil(static_cast<double>(n) / 16) + 8;
      const double shift = std::isfinite(x[i]) ? max - x[i] : 0;
      EXPECT_LE(std::abs(out[i] - exact),
                exact * (terms + shift) * 0x1p-24 + 0x1p-149);
    }
    EXPECT_NEAR(std::accumulate(out.begin(), out.end(), 0.0), 1, 1e-5);
  }
}

TEST(SoftmaxSpec, RowsThatAreNaN) {
  for (const auto& bad : std::vector<std::vector<float>>{
           {1, kNaN, 2}, {kNaN, 1, 2}, {1, kInf, 2}, {-kInf, -kInf, -kInf}}) {
    std::vector<float> out(3);
    SoftmaxRow(bad, out);
    for (const float v : out) EXPECT_NE(v, v);
  }
}

class SoftmaxTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(SoftmaxTest);

TEST_P(SoftmaxTest, EqualsTheSpecification) {
  for (const Accuracy a : kAccuracies) {
    for (const std::size_t n : inputs::kSizes) {
      constexpr std::size_t kRows = 3;
      std::vector<float> x;
      for (unsigned r = 0; r < kRows; ++r) {
        const std::vector<float> row = Row(n, r + static_cast<unsigned>(n));
        x.insert(x.end(), row.begin(), row.end());
      }
      if (n > 3) x[n + 2] = kNaN;  // the second row, and no other
      std::vector<float> expected(x.size()), out(x.size() + 1, 77.0f);
      for (std::size_t r = 0; r < kRows; ++r) {
        SoftmaxRow(std::span(x).subspan(r * n, n),
                   std::span(expected).subspan(r * n, n), a);
      }
      Softmax(x, kRows, n, std::span(out).first(x.size()), a);
      for (std::size_t i = 0; i < x.size(); ++i) {
        ASSERT_TRUE(functions::Same(out[i], expected[i])) << n << " " << i;
      }
      ASSERT_EQ(out[x.size()], 77.0f);
      Softmax(x, kRows, n, x, a);
      for (std::size_t i = 0; i < x.size(); ++i) {
        ASSERT_TRUE(functions::Same(x[i], expected[i])) << "in place";
      }
    }
  }
}

TEST_P(SoftmaxTest, BadRows) {
  for (const std::size_t n : {3u, 40u}) {
    for (const float bad : {kNaN, kInf}) {
      for (std::size_t at = 0; at < n; ++at) {
        std::vector<float> x(n, 1.0f);
        x[at] = bad;
        Softmax(x, 1, n, x);
        for (const float v : x) ASSERT_NE(v, v);
      }
    }
  }
}

TEST_P(SoftmaxTest, RejectsWrongSizes) {
  std::vector<float> x(6), five(5);
  EXPECT_THROW(Softmax(x, 2, 3, five), std::invalid_argument);
  EXPECT_THROW(Softmax(x, 2, 2, x), std::invalid_argument);
  EXPECT_THROW(Softmax(x, std::size_t{1} << 63, 2, x), std::invalid_argument);
  Softmax(std::span(x).first(0), 4, 0, std::span(x).first(0));
}

}  // namespace
}  // namespace nibble
