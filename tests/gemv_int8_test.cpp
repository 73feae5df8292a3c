#include "nibble/quant/gemv_int8.hpp"

#include <vector>

#include "hwy/tests/hwy_gtest.h"
#include "int8_case.hpp"

namespace nibble {
namespace {

using inputs::Int8Case;

class GemvInt8Test : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(GemvInt8Test);

template <class Code, class Weights>
void ExpectAll(const Int8Case<Code>& c, const Weights& w,
               const Executor& executor = {}) {
  const Activations<Code> x{c.x, c.x_scales, c.zero_point};
  const Activations<Code> bare{c.x, {}, c.zero_point};
  std::vector<std::int32_t> sums(c.n + 1, 77);
  std::vector<float> floats(c.n);
  std::vector<std::uint8_t> nearest(c.n);
  std::vector<std::int8_t> fixed(c.n);
  const CodeRange range{128, 0, 255};
  const FixedMultiplier by = MakeFixedMultiplier(0.003);
  GemvInt8(bare, w, std::span(sums).first(c.n), executor);
  GemvInt8(x, w, FloatOutput{c.scales, c.bias, true}, std::span(floats),
           executor);
  GemvInt8(x, w, NearestOutput{c.scales, c.bias, range}, std::span(nearest),
           executor);
  GemvInt8(bare, w, FixedPointOutput{{&by, 1}, c.bias}, std::span(fixed),
           executor);
  for (std::size_t j = 0; j < c.n; ++j) {
    const std::int64_t total = c.Sum(0, j) + c.bias[j];
    ASSERT_EQ(sums[j], c.Sum(0, j)) << c.n << "x" << c.k << " at " << j;
    ASSERT_EQ(floats[j],
              ScaleTotal(total, c.x_scales[0], c.scales[j], true));
    ASSERT_EQ(nearest[j],
              RequantizeNearest(total, c.x_scales[0], c.scales[j], range));
    ASSERT_EQ(fixed[j],
              RequantizeFixedPoint(static_cast<std::int32_t>(total), by, {}));
  }
  ASSERT_EQ(sums[c.n], 77) << "wrote past the end";
}

template <class Code>
void ExpectBothLayouts(const Int8Case<Code>& c, const Executor& executor = {}) {
  ExpectAll(c, PackInt8({c.w, c.n, c.k}), executor);
  ExpectAll(c, MatrixInt8{c.w, c.n, c.k}, executor);
}

TEST_P(GemvInt8Test, EveryShapeEqualsTheSpecification) {
  for (const std::size_t n : {1, 3, 4, 5, 16, 31, 32, 33, 300}) {
    for (const std::size_t k : {1, 3, 4, 5, 15, 16, 17, 63, 64, 65, 131}) {
      ExpectBothLayouts(Int8Case<std::int8_t>(1, n, k));
      ExpectBothLayouts(Int8Case<std::uint8_t>(1, n, k, 7));
    }
  }
}

TEST_P(GemvInt8Test, SameBitsForAnyThreads) {
  const Int8Case<std::uint8_t> c(1, 1100, 129, 200);
  for (const std::size_t threads : {2, 3}) {
    ThreadPool pool(threads);
    ExpectBothLayouts(c, pool.executor());
  }
}

TEST_P(GemvInt8Test, TotalsBeyondInt32) {
  constexpr float kOne = 1;
  const std::size_t k = 200000;
  const std::vector<std::int8_t> w(2 * k, 127), x(k, 127);
  const Activations<std::int8_t> scaled{x, {&kOne, 1}};
  std::vector<float> y(2);
  std::vector<std::int32_t> sums(2);
  const auto expect = [&](const auto& weights) {
    std::fill(y.begin(), y.end(), 0.0f);
    GemvInt8(scaled, weights, FloatOutput{{&kOne, 1}}, std::span(y));
    EXPECT_EQ(y[0], static_cast<float>(std::int64_t{k} * 127 * 127));
    EXPECT_EQ(y[1], y[0]);
    EXPECT_THROW(
        GemvInt8(Activations<std::int8_t>{x}, weights, std::span(sums)),
        std::invalid_argument);
  };
  expect(PackInt8({w, 2, k}));
  expect(MatrixInt8{w, 2, k});
}

TEST_P(GemvInt8Test, RefusesWhatDisagrees) {
  const Int8Case<std::int8_t> c(2, 5, 7);
  const std::span<const std::int8_t> x = std::span(c.x).first(7);
  std::vector<std::int32_t> out(10);
  const auto run = [&](std::span<const std::int8_t> codes, const auto& w,
                       std::size_t n) {
    GemvInt8(Activations<std::int8_t>{codes}, w, std::span(out).first(n));
  };
  const PackedInt8 packed = PackInt8({c.w, 5, 7});
  const MatrixInt8 rows{c.w, 5, 7};
  run(x, packed, 5);
  run(x, rows, 5);
  EXPECT_THROW(run(c.x, packed, 10), std::invalid_argument);  // two rows
  EXPECT_THROW(run(c.x, rows, 10), std::invalid_argument);
  EXPECT_THROW(run(x, packed, 4), std::invalid_argument);
  EXPECT_THROW(run(x, rows, 4), std::invalid_argument);
  EXPECT_THROW(run(x.first(6), packed, 5), std::invalid_argument);
  EXPECT_THROW(run(x.first(6), rows, 5), std::invalid_argument);
  EXPECT_THROW(run(x, MatrixInt8{c.w, 5, 6}, 5), std::invalid_argument);
  EXPECT_THROW(run(x, MatrixInt8{c.w, 0, 7}, 0), std::invalid_argument);
  EXPECT_THROW(run(x, MatrixInt8{{}, 5, 0}, 5), std::invalid_argument);
  std::vector<float> y(5);
  const float zero = 0;
  EXPECT_THROW(GemvInt8(Activations<std::int8_t>{x, {&zero, 1}}, rows,
                        FloatOutput{{&zero, 1}}, std::span(y)),
               std::invalid_argument);
}

}  // namespace
}  // namespace nibble
