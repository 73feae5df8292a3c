#include "nibble/quant/gemm_int8.hpp"

#include <random>
#include <vector>

#include "hwy/tests/hwy_gtest.h"

namespace nibble {
namespace {

class GemmInt8Test : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(GemmInt8Test);

template <class Code>
struct Case {
  std::size_t m, n, k;
  std::int32_t zero_point = 0;
  std::vector<Code> x;
  std::vector<std::int8_t> w;

  Case(std::size_t m_, std::size_t n_, std::size_t k_, std::int32_t zero = 0)
      : m(m_), n(n_), k(k_), zero_point(zero), x(m * k), w(n * k) {
    std::mt19937 rng(static_cast<unsigned>(m * 31 + n * 7 + k));
    for (auto& c : x) {
      c = static_cast<Code>(std::same_as<Code, std::int8_t>
                                ? static_cast<int>(rng() % 255) - 127
                                : static_cast<int>(rng() % 256));
    }
    for (auto& c : w) {
      c = static_cast<std::int8_t>(static_cast<int>(rng() % 255) - 127);
    }
  }

  std::int64_t Sum(std::size_t i, std::size_t j) const {
    std::int64_t sum = 0;
    for (std::size_t l = 0; l < k; ++l) {
      sum += (x[i * k + l] - zero_point) * w[j * k + l];
    }
    return sum;
  }
};

template <class Code>
void ExpectSums(const Case<Code>& c) {
  std::vector<std::int32_t> out(c.m * c.n + 1, 77);
  GemmInt8(Activations<Code>{c.x, {}, c.zero_point},
           PackInt8({c.w, c.n, c.k}), std::span(out).first(c.m * c.n));
  for (std::size_t i = 0; i < c.m * c.n; ++i) {
    ASSERT_EQ(out[i], c.Sum(i / c.n, i % c.n))
        << c.m << "x" << c.n << "x" << c.k << " at " << i;
  }
  ASSERT_EQ(out.back(), 77) << "wrote past the end";
}

TEST_P(GemmInt8Test, SumsOfEveryShape) {
  for (const std::size_t m : {0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 25}) {
    for (const std::size_t n : {1, 15, 16, 17, 31, 32, 33, 67}) {
      for (const std::size_t k : {1, 3, 4, 5, 15, 16, 17, 64, 131}) {
        ExpectSums(Case<std::int8_t>(m, n, k));
        ExpectSums(Case<std::uint8_t>(m, n, k, 3));
      }
    }
  }
}

}  // namespace
}  // namespace nibble
