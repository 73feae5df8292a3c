#include "nibble/nn/conv2d.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "hwy/tests/hwy_gtest.h"
#include "nibble/nn/elementwise.hpp"
#include "nibble/nn/fake_conv2d.hpp"

namespace nibble::nn {
namespace {

// The definition: every tap inside the image, in double.
struct Exact {
  std::vector<double> sum;        // without bias
  std::vector<double> magnitude;  // sum of |in * w|
};

Exact Reference(const Conv2dShape& s, const std::vector<float>& in,
                const std::vector<float>& w) {
  Exact exact;
  for (std::size_t y = 0; y < s.out.height; ++y) {
    for (std::size_t x = 0; x < s.out.width; ++x) {
      for (std::size_t o = 0; o < s.out.channels; ++o) {
        double sum = 0, magnitude = 0;
        for (std::size_t tap = 0; tap < s.kernel.area(); ++tap) {
          const auto iy =
              static_cast<long>(y * s.stride.height + tap / s.kernel.width) -
              static_cast<long>(s.padding.height);
          const auto ix =
              static_cast<long>(x * s.stride.width + tap % s.kernel.width) -
              static_cast<long>(s.padding.width);
          if (iy < 0 || iy >= static_cast<long>(s.in.height) || ix < 0 ||
              ix >= static_cast<long>(s.in.width)) {
            continue;
          }
          const std::size_t pixel = static_cast<std::size_t>(iy) * s.in.width +
                                    static_cast<std::size_t>(ix);
          const std::size_t first = o / s.out_channels() * s.in_channels();
          for (std::size_t c = 0; c < s.in_channels(); ++c) {
            const double product =
                double{in[pixel * s.in.channels + first + c]} *
                w[(o * s.kernel.area() + tap) * s.in_channels() + c];
            sum += product;
            magnitude += std::abs(product);
          }
        }
        exact.sum.push_back(sum);
        exact.magnitude.push_back(magnitude);
      }
    }
  }
  return exact;
}

// Kernels, strides and paddings in use, odd sizes, tails of pixels and outputs,
// groups, a depthwise one, and a kernel larger than the image.
std::vector<Conv2dShape> Shapes() {
  return {
      {{1, 1, 64}, {1, 1, 10}},
      {{32, 32, 3}, {32, 32, 16}, {3, 3}, {1, 1}, {1, 1}},
      {{8, 8, 16}, {4, 4, 32}, {3, 3}, {2, 2}, {1, 1}},
      {{8, 8, 5}, {4, 4, 40}, {3, 3}, {2, 2}, {0, 0}},
      {{7, 9, 4}, {4, 5, 17}, {1, 1}, {2, 2}, {0, 0}},
      {{9, 5, 2}, {3, 3, 3}, {4, 2}, {3, 2}, {1, 0}},
      {{5, 5, 6}, {5, 5, 8}, {3, 3}, {1, 1}, {1, 1}, 2},
      {{6, 6, 9}, {6, 6, 9}, {3, 3}, {1, 1}, {1, 1}, 9},
      {{2, 2, 3}, {2, 2, 7}, {5, 5}, {1, 1}, {2, 2}},
  };
}

std::string Name(const Conv2dShape& s) {
  return std::to_string(s.in.height) + "x" + std::to_string(s.in.width) + "x" +
         std::to_string(s.in.channels) + " kernel " +
         std::to_string(s.kernel.height) + "x" + std::to_string(s.kernel.width);
}

std::vector<float> Normal(std::size_t n, std::mt19937& rng) {
  std::normal_distribution<float> normal;
  std::vector<float> x(n);
  for (float& v : x) v = normal(rng);
  return x;
}

class Conv2dTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(Conv2dTest);

TEST_P(Conv2dTest, IsWithinItsBoundOfTheDefinition) {
  std::mt19937 rng(1);
  for (const Conv2dShape& s : Shapes()) {
    SCOPED_TRACE(Name(s));
    const auto in = Normal(s.in.size(), rng);
    const auto w = Normal(s.out.channels * s.reduction(), rng);
    const auto bias = Normal(s.out.channels, rng);
    const Exact exact = Reference(s, in, w);
    for (const bool relu : {false, true}) {
      std::vector<float> out(s.out.size() + 1, 42.0f);
      Conv2d(s, PackFilter(s, w, bias), 1, in,
             std::span(out).first(s.out.size()), relu);
      for (std::size_t i = 0; i < s.out.size(); ++i) {
        double y = exact.sum[i] + bias[i % bias.size()];
        const double bound =
            1.001 * 0x1p-24 *
            (static_cast<double>(s.reduction() + 1) * exact.magnitude[i] +
             std::abs(y));
        if (relu) y = std::max(y, 0.0);
        ASSERT_NEAR(out[i], y, bound) << i << (relu ? " relu" : "");
      }
      EXPECT_EQ(out.back(), 42.0f);
    }
  }
}

TEST_P(Conv2dTest, BatchesAndThreadsDoNotChangeBits) {
  std::mt19937 rng(2);
  const Conv2dShape s{{7, 5, 4}, {7, 5, 18}, {3, 3}, {1, 1}, {1, 1}};
  const auto w = Normal(s.out.channels * s.reduction(), rng);
  const Filter filter = PackFilter(s, w, Normal(18, rng));
  const auto in = Normal(5 * s.in.size(), rng);
  std::vector<float> together(5 * s.out.size()), apart(together.size());
  ThreadPool pool(3);
  Conv2d(s, filter, 5, in, together, false, pool.executor());
  for (std::size_t i = 0; i < 5; ++i) {
    Conv2d(s, filter, 1, std::span(in).subspan(i * s.in.size(), s.in.size()),
           std::span(apart).subspan(i * s.out.size(), s.out.size()), false);
  }
  EXPECT_EQ(together, apart);
}

TEST_P(Conv2dTest, NaNIsKept) {
  const Conv2dShape s{{1, 1, 1}, {1, 1, 1}};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> in = {nan}, w = {1}, bias = {0};
  for (const bool relu : {false, true}) {
    std::vector<float> out(1);
    Conv2d(s, PackFilter(s, w, bias), 1, in, out, relu);
    EXPECT_TRUE(std::isnan(out[0])) << relu;
  }
}

TEST_P(Conv2dTest, RejectsSizesThatDisagree) {
  const Conv2dShape s{{2, 2, 2}, {2, 2, 3}};
  std::vector<float> w(6), bias(3), in(8), out(12);
  EXPECT_THROW(PackFilter(s, std::span(w).first(5), bias),
               std::invalid_argument);
  EXPECT_THROW(PackFilter(s, w, in), std::invalid_argument);
  const Filter filter = PackFilter(s, w, bias);
  EXPECT_THROW(Conv2d(s, filter, 2, in, out, false), std::invalid_argument);
  EXPECT_THROW(Conv2d(s, filter, 1, in, in, false), std::invalid_argument);
  EXPECT_THROW(Conv2d(s, Filter(), 1, in, out, false), std::invalid_argument);
  Conv2d(s, filter, 1, in, out, false);
}

// Integers below 2^53 are exact in double: equal, not near.
TEST_P(Conv2dTest, FakeSumsOfIntegersAreExact) {
  std::mt19937 rng(3);
  for (const Conv2dShape& s : Shapes()) {
    SCOPED_TRACE(Name(s));
    std::vector<float> in(s.in.size()), w(s.out.channels * s.reduction());
    for (float& v : in) v = static_cast<float>(rng() % 511) - 255;
    for (float& v : w) v = static_cast<float>(rng() % 255) - 127;
    std::vector<double> sums(s.out.size());
    FakeConv2d(s, w).Run(in, sums);
    EXPECT_EQ(sums, Reference(s, in, w).sum);
  }
}

// Products of two floats are exact in double and are summed in one order.
TEST_P(Conv2dTest, FakeSumsOfFloatsHaveOneOrder) {
  std::mt19937 rng(4);
  for (const Conv2dShape& s : Shapes()) {
    SCOPED_TRACE(Name(s));
    const auto in = Normal(s.in.size(), rng);
    const auto w = Normal(s.out.channels * s.reduction(), rng);
    std::vector<double> sums(s.out.size());
    FakeConv2d(s, w).Run(in, sums);
    EXPECT_EQ(sums, Reference(s, in, w).sum);
  }
}

TEST(FakeConv2d, RejectsSizesThatDisagree) {
  const Conv2dShape s{{2, 2, 2}, {2, 2, 3}};
  std::vector<float> w(6), in(8);
  std::vector<double> sums(12);
  EXPECT_THROW(FakeConv2d(s, in), std::invalid_argument);
  EXPECT_THROW(FakeConv2d(s, w).Run(w, sums), std::invalid_argument);
  sums.pop_back();
  EXPECT_THROW(FakeConv2d(s, w).Run(in, sums), std::invalid_argument);
}

// The layers without weights.

TEST_P(Conv2dTest, AddTakesOptionAShortcuts) {
  Layer layer;
  layer.kind = LayerKind::kAdd;
  layer.in = layer.out = {2, 2, 7};
  layer.stride = {2, 2};
  const Shape from{4, 3, 3};  // two channels of zeros in front, two behind
  std::vector<float> in(2 * layer.out.size()), in2(2 * from.size());
  std::mt19937 rng(5);
  for (float& v : in) v = static_cast<float>(rng() % 9) - 4;
  for (float& v : in2) v = static_cast<float>(rng() % 9) - 4;
  for (const bool relu : {false, true}) {
    layer.relu = relu;
    std::vector<float> out(in.size());
    Add(layer, from, 2, in, in2, out);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t image = i / 28, y = i / 14 % 2, x = i / 7 % 2;
      const std::size_t c = i % 7;
      float sum = in[i];
      if (c >= 2 && c < 5) {
        sum += in2[image * 36 + (2 * y * 3 + 2 * x) * 3 + c - 2];
      }
      ASSERT_EQ(out[i], relu ? std::max(sum, 0.0f) : sum) << i;
    }
  }
  std::vector<float> out(in.size());
  EXPECT_THROW(Add(layer, {3, 2, 3}, 2, in, in2, out), std::invalid_argument);
}

TEST_P(Conv2dTest, AddOfEqualShapes) {
  Layer layer;
  layer.in = layer.out = {1, 1, 19};
  layer.relu = true;
  std::vector<float> a(19), b(19), out(19);
  for (std::size_t i = 0; i < 19; ++i) a[i] = static_cast<float>(i) - 9;
  for (std::size_t i = 0; i < 19; ++i) b[i] = i % 2 == 0 ? 0.5f : -0.5f;
  Add(layer, layer.out, 1, a, b, out);
  for (std::size_t i = 0; i < 19; ++i) {
    EXPECT_EQ(out[i], std::max(a[i] + b[i], 0.0f));
  }
}

TEST_P(Conv2dTest, PoolsByHand) {
  Layer layer;
  layer.in = {2, 3, 2};
  layer.out = {1, 1, 2};
  const std::vector<float> in = {1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 9, -9};
  std::vector<float> out(2);
  AvgPool(layer, 1, in, out);
  EXPECT_EQ(out, (std::vector<float>{4, -4}));

  // 2x2 windows, stride 2, one column of padding left: it never wins.
  layer.out = {1, 2, 2};
  layer.kernel = layer.stride = {2, 2};
  layer.padding = {0, 1};
  out.resize(4);
  MaxPool(layer, 1, in, out);
  EXPECT_EQ(out, (std::vector<float>{4, -1, 9, -2}));
}

}  // namespace
}  // namespace nibble::nn
