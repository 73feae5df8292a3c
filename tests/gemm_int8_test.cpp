#include "nibble/quant/gemm_int8.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "hwy/tests/hwy_gtest.h"
#include "int8_case.hpp"

namespace nibble {
namespace {

using inputs::Int8Case;

class GemmInt8Test : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(GemmInt8Test);

// All outputs of a case against the specification, a guard behind each.
template <class Code>
void ExpectAll(const Int8Case<Code>& c, const Executor& executor = {}) {
  const PackedInt8 w = PackInt8({c.w, c.n, c.k});
  const std::size_t size = c.m * c.n;
  std::vector<std::int32_t> sums(size + 1, 77);
  GemmInt8(Activations<Code>{c.x, {}, c.zero_point}, w,
           std::span(sums).first(size), executor);

  const Activations<Code> x{c.x, c.x_scales, c.zero_point};
  std::vector<float> floats(size + 1, 77), relus(size + 1, 77);
  GemmInt8(x, w, FloatOutput{c.scales, c.bias}, std::span(floats).first(size),
           executor);
  GemmInt8(x, w, FloatOutput{c.scales, {}, true}, std::span(relus).first(size),
           executor);
  const CodeRange narrow{3, -127, 127}, relu{10, 10, 250};
  std::vector<std::int8_t> nearest(size + 1, 77);
  GemmInt8(x, w, NearestOutput{c.scales, c.bias, narrow},
           std::span(nearest).first(size), executor);

  std::vector<FixedMultiplier> by(c.n);
  for (std::size_t j = 0; j < c.n; ++j) {
    by[j] = MakeFixedMultiplier(0.01 * static_cast<double>(c.scales[j]));
  }
  std::vector<std::uint8_t> fixed(size + 1, 77);
  GemmInt8(Activations<Code>{c.x, {}, c.zero_point}, w,
           FixedPointOutput{by, c.bias, relu}, std::span(fixed).first(size),
           executor);

  for (std::size_t at = 0; at < size; ++at) {
    const std::size_t i = at / c.n, j = at % c.n;
    const std::int64_t sum = c.Sum(i, j), total = sum + c.bias[j];
    const std::string where = std::to_string(c.m) + "x" + std::to_string(c.n) +
                              "x" + std::to_string(c.k) + " at " +
                              std::to_string(i) + "," + std::to_string(j);
    ASSERT_EQ(sums[at], sum) << where;
    ASSERT_EQ(floats[at], ScaleTotal(total, c.x_scales[i], c.scales[j]))
        << where;
    ASSERT_EQ(relus[at], ScaleTotal(sum, c.x_scales[i], c.scales[j], true))
        << where;
    ASSERT_EQ(nearest[at],
              RequantizeNearest(total, c.x_scales[i], c.scales[j], narrow))
        << where;
    ASSERT_EQ(fixed[at], RequantizeFixedPoint(static_cast<std::int32_t>(total),
                                              by[j], relu))
        << where;
  }
  ASSERT_EQ(sums[size], 77) << "wrote past the end";
  ASSERT_EQ(floats[size], 77) << "wrote past the end";
  ASSERT_EQ(nearest[size], 77) << "wrote past the end";
  ASSERT_EQ(fixed[size], 77) << "wrote past the end";
}

TEST_P(GemmInt8Test, EveryShapeEqualsTheSpecification) {
  for (const std::size_t m : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}) {
    for (const std::size_t n : {1, 15, 16, 17, 31, 32, 33, 67}) {
      for (const std::size_t k : {1, 3, 4, 5, 17, 64}) {
        ExpectAll(Int8Case<std::int8_t>(m, n, k));
        ExpectAll(Int8Case<std::uint8_t>(m, n, k, static_cast<int>(n) * 3));
      }
    }
  }
  ExpectAll(Int8Case<std::int8_t>(29, 131, 1031));
  ExpectAll(Int8Case<std::uint8_t>(29, 131, 1031, 255));
}

// More rows than one task packs at once: 384 KiB of panels.
TEST_P(GemmInt8Test, ManyRows) {
  ExpectAll(Int8Case<std::int8_t>(113, 33, 5003));
}

// All products of one sign and the largest there are, at the bounds and beside
// them, so that a step that saturates or wraps shows.
TEST_P(GemmInt8Test, LargestSums) {
  for (const std::size_t k : {2u, 4u, 1000u, 66311u, 133144u}) {
    for (const int ws : {127, -127}) {
      const std::vector<std::int8_t> codes(k, static_cast<std::int8_t>(ws));
      const PackedInt8 w = PackInt8({codes, 1, k});
      for (const int xs : {127, -127}) {
        const std::vector<std::int8_t> x(2 * k, static_cast<std::int8_t>(xs));
        std::vector<std::int32_t> out(2);
        GemmInt8(Activations<std::int8_t>{x}, w, std::span(out));
        const auto sum = static_cast<std::int64_t>(k) * xs * ws;
        EXPECT_EQ(out[0], sum) << k;
        EXPECT_EQ(out[1], sum) << k;
      }
      if (k > 66311) continue;
      for (const std::int32_t zero : {0, 255}) {
        const std::vector<std::uint8_t> x(k, zero == 0 ? 255 : 0);
        std::vector<std::int32_t> out(1);
        GemmInt8(Activations<std::uint8_t>{x, {}, zero}, w, std::span(out));
        EXPECT_EQ(out[0], static_cast<std::int64_t>(k) * (255 - 2 * zero) * ws);
      }
    }
  }
}

// Beyond the bound: refused where the output has 32 bits, exact elsewhere.
TEST_P(GemmInt8Test, TotalsBeyondInt32) {
  constexpr float kOne = 1, kSmall = 0x1p-27f;
  for (const std::size_t k : {133145u, 1000003u}) {
    const std::vector<std::int8_t> codes(2 * k, -127);
    const PackedInt8 w = PackInt8({codes, 2, k});
    const std::vector<std::int8_t> x(k, 127);
    const std::vector<std::int32_t> bias = {-5, 1 << 30};
    std::vector<std::int32_t> sums(2, 77);
    std::vector<std::int8_t> q(2, 77);
    const FixedMultiplier by;
    EXPECT_THROW(
        GemmInt8(Activations<std::int8_t>{x}, w, std::span(sums)),
        std::invalid_argument);
    EXPECT_THROW(GemmInt8(Activations<std::int8_t>{x}, w,
                          FixedPointOutput{{&by, 1}}, std::span(q)),
                 std::invalid_argument);
    EXPECT_EQ(sums[0], 77);
    EXPECT_EQ(q[0], 77);
    const Activations<std::int8_t> scaled{x, {&kOne, 1}};
    std::vector<float> floats(2);
    GemmInt8(scaled, w, FloatOutput{{&kOne, 1}, bias}, std::span(floats));
    GemmInt8(scaled, w, NearestOutput{{&kSmall, 1}, bias}, std::span(q));
    for (std::size_t j = 0; j < 2; ++j) {
      const std::int64_t total =
          static_cast<std::int64_t>(k) * -127 * 127 + bias[j];
      EXPECT_EQ(floats[j], static_cast<float>(total)) << k;
      EXPECT_EQ(q[j], RequantizeNearest(total, 1, kSmall, {})) << k;
    }
  }
  // uint8 with zero point 128 has a bound of its own.
  EXPECT_EQ(LargestK(LargestStep<std::uint8_t>(128), 127), 132104u);
  Int8Case<std::uint8_t> c(35, 3, 132105, 128);
  const PackedInt8 w = PackInt8({c.w, c.n, c.k});
  std::vector<float> y(c.m * c.n);
  GemmInt8(Activations<std::uint8_t>{c.x, c.x_scales, 128}, w,
           FloatOutput{c.scales, c.bias}, std::span(y));
  for (std::size_t i = 0; i < y.size(); ++i) {
    ASSERT_EQ(y[i], ScaleTotal(c.Sum(i / 3, i % 3) + c.bias[i % 3],
                               c.x_scales[i / 3], c.scales[i % 3]));
  }
}

TEST_P(GemmInt8Test, ABiasBeyondInt32) {
  constexpr float kOne = 1;
  const std::vector<std::int8_t> ones(1, 1);
  const PackedInt8 w = PackInt8({ones, 1, 1});
  const std::int32_t bias = std::numeric_limits<std::int32_t>::max();
  std::vector<float> y(1);
  GemmInt8(Activations<std::int8_t>{ones, {&kOne, 1}}, w,
           FloatOutput{{&kOne, 1}, {&bias, 1}}, std::span(y));
  EXPECT_EQ(y[0], 0x1p31f);
  std::vector<std::int8_t> q(1);
  const FixedMultiplier by;
  EXPECT_THROW(GemmInt8(Activations<std::int8_t>{ones}, w,
                        FixedPointOutput{{&by, 1}, {&bias, 1}}, std::span(q)),
               std::invalid_argument);
}

// Ties of the two roundings, and saturation on both sides.
TEST_P(GemmInt8Test, Roundings) {
  constexpr float kOne = 1, kHalf = 0.5f;
  const std::vector<std::int8_t> one(1, 1);
  const PackedInt8 w = PackInt8({one, 1, 1});
  std::vector<std::int8_t> x(255), nearest(255), fixed(255);
  for (std::size_t i = 0; i < 255; ++i) {
    x[i] = static_cast<std::int8_t>(static_cast<int>(i) - 127);
  }
  const CodeRange range{0, -50, 40};
  GemmInt8(Activations<std::int8_t>{x, {&kOne, 1}}, w,
           NearestOutput{{&kHalf, 1}, {}, range}, std::span(nearest));
  const FixedMultiplier by{1 << 30, 0};
  GemmInt8(Activations<std::int8_t>{x}, w, FixedPointOutput{{&by, 1}, {}, range},
           std::span(fixed));
  for (int i = 0; i < 255; ++i) {
    const double half = (i - 127) / 2.0;
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(nearest[at], std::clamp(std::nearbyint(half), -50.0, 40.0)) << i;
    EXPECT_EQ(fixed[at], std::clamp(std::floor(half + 0.5), -50.0, 40.0)) << i;
  }
}

TEST_P(GemmInt8Test, SameBitsForAnyThreads) {
  const Int8Case<std::int8_t> c(50, 300, 67);
  for (const std::size_t threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    ExpectAll(c, pool.executor());
  }
  // An executor that does not say how many, and begins with the last.
  ExpectAll(c, Executor([](std::size_t tasks, const Executor::Body& body) {
              for (std::size_t i = tasks; i-- > 0;) body(i);
            }));
}

TEST_P(GemmInt8Test, WeightsThatAreNotPacked) {
  const Int8Case<std::int8_t> c(3, 5, 7);
  std::vector<std::int32_t> out(15);
  GemmInt8(Activations<std::int8_t>{c.x}, MatrixInt8{c.w, 5, 7},
           std::span(out));
  for (std::size_t i = 0; i < 15; ++i) EXPECT_EQ(out[i], c.Sum(i / 5, i % 5));
}

// What a call throws, or "nothing".
template <class Call>
std::string Message(const Call& call) {
  try {
    call();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "nothing";
}

TEST_P(GemmInt8Test, RefusesWhatDisagrees) {
  const Int8Case<std::int8_t> c(3, 5, 7);
  const Int8Case<std::uint8_t> u(3, 5, 7);
  const PackedInt8 w = PackInt8({c.w, 5, 7});
  std::vector<std::int32_t> sums(15);
  const auto run = [&](std::span<const std::int8_t> x, std::int32_t zero,
                       std::span<std::int32_t> out, const PackedInt8& weights) {
    return Message([&] {
      GemmInt8(Activations<std::int8_t>{x, {}, zero}, weights, out);
    });
  };
  const std::span<const std::int8_t> x = c.x;
  EXPECT_EQ(run(x, 0, sums, w), "nothing");
  EXPECT_EQ(run(x.first(20), 0, sums, w),
            "GemmInt8: requires x.codes.size() == M * K");
  EXPECT_EQ(run(x, 0, std::span(sums).first(14), w),
            "GemmInt8: requires out.size() == M * N");
  EXPECT_EQ(run(x, 0, std::span(sums).first(10), w),
            "GemmInt8: requires x.codes.size() == M * K");
  EXPECT_EQ(run(x, 0, sums, PackInt8({c.w, 7, 5})),
            "GemmInt8: requires out.size() == M * N");
  EXPECT_EQ(run(x, 0, sums, {}),
            "GemmInt8: requires weights that are not empty");
  EXPECT_NE(run(x, 1, sums, w), "nothing");
  const std::span<const std::int8_t> null(static_cast<std::int8_t*>(nullptr),
                                          21);
  EXPECT_EQ(run(null, 0, sums, w),
            "GemmInt8: requires x.codes.data() != nullptr");
  EXPECT_NE(Message([&] {
              GemmInt8(Activations<std::uint8_t>{u.x, {}, 256}, w,
                       std::span(sums));
            }),
            "nothing");
}

TEST_P(GemmInt8Test, RefusesBadScales) {
  const Int8Case<std::int8_t> c(3, 5, 7);
  const PackedInt8 w = PackInt8({c.w, 5, 7});
  std::vector<float> y(15, 77);
  const auto run = [&](std::vector<float> x_scales, std::vector<float> scales,
                       std::vector<std::int32_t> bias = {}) {
    return Message([&] {
      GemmInt8(Activations<std::int8_t>{c.x, x_scales}, w,
               FloatOutput{scales, bias}, std::span(y));
    });
  };
  const std::string bad = "GemmInt8: requires scales that are finite and above 0";
  for (const float s : {0.0f, -1.0f, std::nanf(""),
                        std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(run({1}, {1, 1, 1, 1, s}), bad) << s;
    EXPECT_EQ(run({1, s, 1}, {1}), bad) << s;
  }
  EXPECT_NE(run({}, {1}), "nothing");
  EXPECT_NE(run({1, 1}, {1}), "nothing");
  EXPECT_NE(run({1}, {}), "nothing");
  EXPECT_NE(run({1}, {1, 1}), "nothing");
  EXPECT_NE(run({1e30f}, {1e30f}), "nothing");
  EXPECT_NE(run({1}, {1}, {1, 2, 3}), "nothing");
  EXPECT_EQ(y, std::vector<float>(15, 77)) << "written before it was refused";
  EXPECT_EQ(run({1}, {1}), "nothing");
}

TEST_P(GemmInt8Test, RefusesBadRanges) {
  const Int8Case<std::int8_t> c(3, 5, 7);
  const PackedInt8 w = PackInt8({c.w, 5, 7});
  std::vector<std::uint8_t> u(15);
  std::vector<std::int8_t> s(15);
  const FixedMultiplier by;
  const auto run = [&](auto& out, const CodeRange& range,
                       const FixedMultiplier& multiplier) {
    return Message([&] {
      GemmInt8(Activations<std::int8_t>{c.x}, w,
               FixedPointOutput{{&multiplier, 1}, {}, range}, std::span(out));
    });
  };
  EXPECT_EQ(run(s, {}, by), "nothing");
  EXPECT_EQ(run(u, {0, 0, 255}, by), "nothing");
  EXPECT_NE(run(u, {0, -1, 255}, by), "nothing");
  EXPECT_NE(run(u, {0, 0, 256}, by), "nothing");
  EXPECT_NE(run(u, {256, 0, 255}, by), "nothing");
  EXPECT_NE(run(s, {0, 5, 4}, by), "nothing");
  EXPECT_NE(run(s, {}, {(1 << 30) - 1, 0}), "nothing");
  EXPECT_NE(run(s, {}, {1 << 30, 32}), "nothing");
  EXPECT_NE(run(s, {}, {1 << 30, -1}), "nothing");
  const std::vector<FixedMultiplier> two(2);
  EXPECT_NE(Message([&] {
              GemmInt8(Activations<std::int8_t>{c.x}, w, FixedPointOutput{two},
                       std::span(s));
            }),
            "nothing");
  EXPECT_NE(Message([&] {
              GemmInt8(Activations<std::int8_t>{c.x, c.x_scales}, w,
                       FixedPointOutput{{&by, 1}}, std::span(s));
            }),
            "nothing");
}

}  // namespace
}  // namespace nibble
