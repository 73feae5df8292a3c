#include "nibble/quant/ternary_gemm.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "hwy/tests/hwy_gtest.h"
#include "nibble/quant/ternary_choose.hpp"
#include "ternary_inputs.hpp"

namespace nibble {
namespace {

using inputs::RandomCodes;
using inputs::RandomTrits;
using enum TernaryPacking;

TEST(TernarySpec, GoldenValues) {
  constexpr std::array<std::int8_t, 4> t{1, -1, 0, 1}, q{127, -127, 5, -2};
  static_assert(TernaryDot(t, q) == 252);
  constexpr std::array<std::int32_t, 2> sums{6, -3};
  constexpr std::array<float, 2> s_w{2, 4};
  static_assert(TernaryResult(std::span(sums).first(1), 3, s_w) == 1);
  static_assert(TernaryResult(sums, 3, s_w) == 0.75f);
}

class TernaryGemmTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(TernaryGemmTest);

std::vector<float> Scales(std::size_t n, float step) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = 0.3f + step * static_cast<float>(i % 97);
  }
  return out;
}

// Last task first: what holds for it holds for any order.
const Executor kBackwards = [](std::size_t tasks, const Executor::Body& body) {
  for (std::size_t i = tasks; i-- > 0;) body(i);
};

void ExpectSpec(std::size_t m, std::size_t n, std::size_t k, std::size_t group,
                TernaryPacking packing, const std::vector<std::int8_t>& t,
                const std::vector<std::int8_t>& q) {
  const std::size_t size = group == 0 ? k : group;
  const std::size_t groups = (k + size - 1) / size;
  const auto s_w = Scales(n * groups, 0.013f);
  const auto s_a = Scales(m, 1.7f);
  const TernaryMatrix w = PackTernary(t, n, k, s_w, packing, group);
  // Exactly so many activations, on the heap: the sanitizer guards their end.
  const std::vector<std::int8_t> exact(q.begin(),
                                       q.begin() + static_cast<long>(m * k));
  std::vector<std::int32_t> sums(m * n + 1, 77);
  std::vector<float> y(m * n + 1, 77);
  TernaryGemm(w, m, exact, std::span(sums).first(m * n), kBackwards);
  TernaryGemm(w, m, exact, s_a, std::span(y).first(m * n), kBackwards);
  for (std::size_t i = 0; i < m * n; ++i) {
    const auto row_t = std::span(t).subspan(i % n * k, k);
    const auto row_q = std::span(exact).subspan(i / n * k, k);
    std::vector<std::int32_t> parts(groups);
    for (std::size_t g = 0; g < groups; ++g) {
      const std::size_t length = std::min(size, k - g * size);
      parts[g] = TernaryDot(row_t.subspan(g * size, length),
                            row_q.subspan(g * size, length));
    }
    ASSERT_EQ(sums[i], TernaryDot(row_t, row_q))
        << m << "x" << n << "x" << k << "/" << group << " i=" << i;
    const float expected = TernaryResult(
        parts, s_a[i / n], std::span(s_w).subspan(i % n * groups, groups));
    ASSERT_EQ(std::bit_cast<std::uint32_t>(y[i]),
              std::bit_cast<std::uint32_t>(expected))
        << m << "x" << n << "x" << k << "/" << group << " i=" << i << " "
        << y[i] << " " << expected;
  }
  ASSERT_EQ(sums[m * n], 77) << "wrote past the end";
  ASSERT_EQ(y[m * n], 77) << "wrote past the end";
}

void ExpectSpec(std::size_t m, std::size_t n, std::size_t k, std::size_t group,
                TernaryPacking packing) {
  const auto seed = static_cast<unsigned>(m * 31 + n * 7 + k + group);
  ExpectSpec(m, n, k, group, packing, RandomTrits(n * k, seed),
             RandomCodes(m * k, seed + 1));
}

TEST_P(TernaryGemmTest, EveryShapeEqualsTheSpecification) {
  for (const TernaryPacking packing : {kTwoBits, kBase3}) {
    for (const std::size_t k :
         {1u, 3u, 5u, 15u, 16u, 17u, 20u, 21u, 127u, 129u, 640u}) {
      for (const std::size_t n : {1u, 15u, 16u, 17u, 33u, 64u}) {
        for (const std::size_t m : {1u, 2u, 3u}) {
          ExpectSpec(m, n, k, 0, packing);
        }
      }
    }
    for (const std::size_t m : {4u, 5u, 7u, 8u, 12u, 13u, 17u, 24u, 31u}) {
      ExpectSpec(m, 33, 131, 0, packing);
      ExpectSpec(m, 32, 640, 0, packing);
    }
    ExpectSpec(2, 37, 2081, 0, packing);
    ExpectSpec(101, 70, 260, 0, packing);
  }
}

TEST_P(TernaryGemmTest, GroupsHaveTheirOwnScales) {
  for (const TernaryPacking packing : {kTwoBits, kBase3}) {
    for (const std::size_t group : {1u, 5u, 16u, 20u, 32u, 100u, 256u, 1000u}) {
      for (const std::size_t k : {1u, 16u, 47u, 333u, 512u}) {
        ExpectSpec(1, 35, k, group, packing);
        ExpectSpec(26, 35, k, group, packing);
      }
    }
  }
}

// Every byte of five trits, in every row, at every place in a line.
TEST_P(TernaryGemmTest, EveryByteDecodes) {
  for (const TernaryPacking packing : {kTwoBits, kBase3}) {
    const std::size_t k = 20 * 61;
    std::vector<std::int8_t> t(64 * k);
    for (std::size_t row = 0; row < 64; ++row) {
      for (std::size_t byte = 0; byte < k / 5; ++byte) {
        std::size_t rest = (byte + row * 5) % 243;
        const std::size_t line = byte / 4 * 20 + byte % 4;
        for (std::size_t i = 0; i < 5; ++i, rest /= 3) {
          t[row * k + line + 4 * i] = static_cast<std::int8_t>(rest % 3) - 1;
        }
      }
    }
    for (const std::size_t m : {1u, 24u}) {
      ExpectSpec(m, 64, k, 0, packing, t, RandomCodes(m * k, 3));
    }
  }
}

// The largest sums there are: of codes, of activations, of both signs.
TEST_P(TernaryGemmTest, SumsThatWouldOverflow) {
  for (const TernaryPacking packing : {kTwoBits, kBase3}) {
    for (const std::size_t k : {2176u, 4096u, 65536u}) {
      for (const int weight : {1, -1}) {
        for (const int q : {127, -127, -128}) {
          const std::vector<std::int8_t> t(k, static_cast<std::int8_t>(weight));
          const std::vector<std::int8_t> a(k, static_cast<std::int8_t>(q));
          const float s = 1;
          const auto w = PackTernary(t, 1, k, std::span(&s, 1), packing);
          for (const std::size_t m : {1u, 3u, 24u}) {
            std::vector<std::int8_t> tokens(m * k, static_cast<std::int8_t>(q));
            std::vector<std::int32_t> sums(m);
            TernaryGemm(w, m, tokens, sums);
            for (const std::int32_t sum : sums) {
              ASSERT_EQ(sum, weight * q * static_cast<std::int32_t>(k))
                  << k << " " << weight << " " << q << " " << m;
            }
          }
        }
      }
    }
  }
}

// Around 2^14 lines, where levels are shifted down and summed apart, a million,
// and the bound itself: 127 * (2^24 - 1) and 128 * (2^24 - 1) fit, just.
TEST_P(TernaryGemmTest, LongSums) {
  const std::size_t line[] = {16, 20};
  for (const TernaryPacking packing : {kTwoBits, kBase3}) {
    const std::size_t edge = line[packing == kBase3] << 14;
    for (const std::size_t k :
         {edge, edge + 1u, std::size_t{1000000u}, (std::size_t{1} << 24) - 1}) {
      const bool whole = k == (std::size_t{1} << 24) - 1;
      for (const int q : {127, -128}) {
        const std::vector<std::int8_t> t(k, 1);
        const float s = 1;
        const auto w = PackTernary(t, 1, k, std::span(&s, 1), packing);
        const std::size_t m = whole ? 1 : 3;
        const std::vector<std::int8_t> a(m * k, static_cast<std::int8_t>(q));
        std::vector<std::int32_t> sums(m);
        TernaryGemm(w, m, a, sums);
        for (const std::int32_t sum : sums) {
          ASSERT_EQ(sum, q * static_cast<std::int32_t>(k)) << k;
        }
        if (whole && q == 127) break;  // one of the two is enough there
      }
    }
  }
}

TEST_P(TernaryGemmTest, SeveralProductsAtOnce) {
  const std::size_t m = 3, k = 96;
  const std::size_t rows[] = {64, 5, 40};
  std::vector<TernaryMatrix> w;
  std::vector<std::vector<std::int8_t>> q;
  std::vector<std::vector<float>> s_a, y, expected;
  for (const std::size_t n : rows) {
    const auto t = RandomTrits(n * k, static_cast<unsigned>(n));
    const float s = 0.7f;
    w.push_back(PackTernary(t, n, k, std::span(&s, 1), kTwoBits));
    q.push_back(RandomCodes(m * k, static_cast<unsigned>(n) + 1));
    s_a.push_back(Scales(m, 0.9f));
    y.emplace_back(m * n);
    expected.emplace_back(m * n);
    TernaryGemm(w.back(), m, q.back(), s_a.back(), expected.back());
  }
  std::vector<TernaryProduct> products;
  for (std::size_t i = 0; i < 3; ++i) {
    products.push_back({&w[i], q[i], s_a[i], y[i]});
  }
  ThreadPool pool(3);
  TernaryGemm(products, m, pool.executor());
  EXPECT_EQ(y, expected);
}

TEST_P(TernaryGemmTest, ScalesMayBeAnything) {
  const std::vector<std::int8_t> t{1, -1}, q{3};
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::vector<float> s_w{0, kInf};
  const auto w = PackTernary(t, 2, 1, s_w, kTwoBits);
  std::vector<float> y(2);
  const float one = 1, nan = std::numeric_limits<float>::quiet_NaN();
  TernaryGemm(w, 1, q, std::span(&one, 1), y);
  EXPECT_EQ(y[0], kInf);
  EXPECT_EQ(y[1], 0.0f);
  TernaryGemm(w, 1, q, std::span(&nan, 1), y);
  EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
}

TEST_P(TernaryGemmTest, EmptyShapes) {
  const std::vector<float> none;
  for (const TernaryPacking packing : {kTwoBits, kBase3}) {
    const auto no_rows =
        PackTernary(std::vector<std::int8_t>{}, 0, 5, none, packing);
    std::vector<std::int32_t> sums;
    TernaryGemm(no_rows, 1, std::vector<std::int8_t>(5), sums);
    TernaryGemm(no_rows, 0, {}, sums);
    const std::vector<float> one(1, 1);
    const auto no_columns =
        PackTernary(std::vector<std::int8_t>{}, 3, 0, one, packing);
    std::vector<float> y(6, 9);
    TernaryGemm(no_columns, 2, {}, std::vector<float>(2, 1), y);
    EXPECT_EQ(y, std::vector<float>(6));
  }
}

TEST(TernaryChoose, TheFasterPacking) {
  static_assert(TernarySpeed{2, 1}.faster() == kTwoBits);
  static_assert(TernarySpeed{1, 2}.faster() == kBase3);
  const TernarySpeed speed = MeasureTernary(100000, 1000);
  EXPECT_GT(speed.two_bits, 1e6);  // a weight takes less than a microsecond
  EXPECT_GT(speed.base3, 1e6);
  EXPECT_GT(MeasureTernary(1).base3, 0);
  EXPECT_THROW(MeasureTernary(0), std::invalid_argument);
  EXPECT_THROW(MeasureTernary(1, 0), std::invalid_argument);
  EXPECT_THROW(MeasureTernary(1, 1 << 24), std::invalid_argument);
}

TEST(TernaryGemm, RefusesWrongSizes) {
  const std::vector<std::int8_t> t(6), q(4);
  const std::vector<float> one(1, 1), two(2, 1);
  const auto w = PackTernary(t, 3, 2, one, kTwoBits);
  std::vector<std::int32_t> sums(6);
  std::vector<float> y(6);
  EXPECT_NO_THROW(TernaryGemm(w, 2, q, sums));
  EXPECT_THROW(TernaryGemm(w, 1, q, sums), std::invalid_argument);
  EXPECT_THROW(TernaryGemm(w, 2, q, std::span(sums).first(5)),
               std::invalid_argument);
  EXPECT_NO_THROW(TernaryGemm(w, 2, q, two, y));
  EXPECT_THROW(TernaryGemm(w, 2, q, one, y), std::invalid_argument);
  EXPECT_THROW(TernaryGemm(w, 2, q, two, std::span(y).first(5)),
               std::invalid_argument);
  EXPECT_THROW(TernaryGemm(w, 1, q, one, std::span(y).first(3)),
               std::invalid_argument);
  const TernaryProduct nothing;
  EXPECT_THROW(TernaryGemm(std::span(&nothing, 1), 1), std::invalid_argument);
  TernaryMatrix long_rows = w;
  long_rows.layout.k = 1 << 24;
  EXPECT_THROW(TernaryGemm(long_rows, 0, {}, std::span<std::int32_t>()),
               std::invalid_argument);
}

}  // namespace
}  // namespace nibble
