// Convolution of bytes: every instruction set against the definition.
#include <random>
#include <vector>

#include "hwy/tests/hwy_gtest.h"
#include "nibble/quant/conv2d.hpp"

namespace nibble {
namespace {

// By hand: one output, 2x2 taps over [[1, 2], [3, 4]] with zero point 1, the
// upper left tap above and left of the image.
constexpr Conv2dShape kCorner{.in = {2, 2, 1},
                              .out = {1, 1, 1},
                              .kernel = {2, 2},
                              .stride = {1, 1},
                              .padding = {1, 1}};
constexpr std::uint8_t kPixels[] = {1, 2, 3, 4};
constexpr std::int8_t kTaps[] = {100, 10, -5, 7};
static_assert(Conv2dSum(kCorner, kPixels, kTaps, 9, 0, 0, 0, 0) == 9 + 7);
static_assert(Conv2dSum(kCorner, kPixels, kTaps, 9, 4, 0, 0, 0) == 9 - 21);
static_assert(ScaledSum(3, 0.5f, true) == 1.5f);
static_assert(ScaledSum(-3, 0.5f, true) == 0 && ScaledSum(-3, 2, false) == -6);
static_assert(RoundedSum(5, 0.5f, {{}, 10, 0, 255}) == 12);  // halves to even
static_assert(RoundedSum(7, 0.5f, {{}, 10, 0, 255}) == 14);
static_assert(RoundedSum(-70, 0.5f, {{}, 3, -5, 255}) == 251);
static_assert(RequantizedSum(7, {1 << 30, 0}, {{}, 3, 0, 255}) == 7);
static_assert(RequantizedSum(-70, {1 << 30, 0}, {{}, 3, -5, 255}) == 251);

// Kernels, strides and paddings in use, odd sizes, tails of pixels, channels
// and outputs, groups, depthwise ones, a kernel larger than the image, whole
// rows of taps outside.
std::vector<Conv2dShape> Shapes() {
  return {
      {{1, 1, 1}, {1, 1, 1}},
      {{1, 1, 64}, {1, 1, 10}},
      {{5, 3, 8}, {5, 3, 33}},
      {{32, 32, 3}, {32, 32, 16}, {3, 3}, {1, 1}, {1, 1}},
      {{14, 14, 20}, {14, 14, 48}, {3, 3}, {1, 1}, {1, 1}},
      {{8, 8, 16}, {4, 4, 32}, {3, 3}, {2, 2}, {1, 1}},
      {{8, 8, 5}, {4, 4, 40}, {3, 3}, {2, 2}, {0, 0}},
      {{7, 9, 4}, {4, 5, 17}, {1, 1}, {2, 2}, {0, 0}},
      {{9, 5, 2}, {3, 3, 3}, {4, 2}, {3, 2}, {1, 0}},
      {{49, 10, 1}, {25, 5, 64}, {10, 4}, {2, 2}, {4, 1}},
      {{5, 5, 6}, {5, 5, 8}, {3, 3}, {1, 1}, {1, 1}, 2},
      {{5, 7, 24}, {5, 7, 70}, {3, 3}, {1, 1}, {1, 1}, 2},
      {{6, 6, 9}, {6, 6, 9}, {3, 3}, {1, 1}, {1, 1}, 9},
      {{6, 3, 64}, {3, 2, 64}, {3, 3}, {2, 2}, {1, 1}, 64},
      {{5, 11, 37}, {5, 11, 37}, {5, 5}, {1, 1}, {2, 2}, 37},
      {{6, 6, 3}, {6, 6, 6}, {3, 3}, {1, 1}, {1, 1}, 3},
      {{2, 2, 3}, {2, 2, 7}, {5, 5}, {1, 1}, {2, 2}},
      {{1, 2, 4}, {3, 6, 5}, {2, 2}, {1, 1}, {2, 3}},
      {{3, 61, 4}, {3, 61, 4}, {1, 3}, {1, 1}, {0, 1}},
  };
}

std::string Name(const Conv2dShape& s) {
  return std::to_string(s.in.height) + "x" + std::to_string(s.in.width) + "x" +
         std::to_string(s.in.channels) + " to " +
         std::to_string(s.out.channels) + ", kernel " +
         std::to_string(s.kernel.height) + "x" + std::to_string(s.kernel.width);
}

// Numbers in [low, high], every eighth of them an end.
template <class T>
std::vector<T> Numbers(std::size_t n, int low, int high, std::mt19937& rng) {
  std::vector<T> x(n);
  for (T& v : x) {
    const auto random = rng();
    const int ends = random % 16 == 0 ? low : high;
    v = static_cast<T>(
        random % 8 == 0 ? ends
                        : low + static_cast<int>(rng() % static_cast<unsigned>(
                                                             high - low + 1)));
  }
  return x;
}

struct Example {
  Conv2dShape shape;
  std::size_t images = 1;
  std::vector<std::uint8_t> in = {};
  std::vector<std::int8_t> weight = {};
  std::vector<std::int32_t> bias = {};
  std::uint8_t zero = 0;
  int bits = 8;

  ByteFilter Filter() const {
    return PackByteFilter(shape, weight, bias, zero, bits);
  }
  std::vector<std::int32_t> Sums() const {
    std::vector<std::int32_t> sums;
    for (std::size_t i = 0; i < images * shape.out.size(); ++i) {
      const std::size_t image = i / shape.out.size();
      const std::size_t o = i % shape.out.channels;
      const std::size_t pixel = i % shape.out.size() / shape.out.channels;
      sums.push_back(Conv2dSum(
          shape, in.data() + image * shape.in.size(), weight.data(), bias[o],
          zero, pixel / shape.out.width, pixel % shape.out.width, o));
    }
    return sums;
  }
};

Example Random(const Conv2dShape& shape, std::uint8_t zero, int bits,
               std::mt19937& rng, std::size_t images = 1) {
  Example e{.shape = shape, .images = images, .zero = zero, .bits = bits};
  e.in = Numbers<std::uint8_t>(images * shape.in.size(), 0, 255, rng);
  e.weight =
      Numbers<std::int8_t>(shape.out.channels * shape.reduction(),
                           bits == 4 ? -8 : -128, bits == 4 ? 7 : 127, rng);
  e.bias = Numbers<std::int32_t>(shape.out.channels, -100000, 100000, rng);
  return e;
}

std::vector<std::int8_t> Signed(const std::vector<std::uint8_t>& in) {
  std::vector<std::int8_t> out;
  for (const std::uint8_t x : in) {
    out.push_back(static_cast<std::int8_t>(x - 128));
  }
  return out;
}

template <class T>
std::span<const T> View(const std::vector<T>& v) {
  return v;
}

class QuantConv2dTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(QuantConv2dTest);

TEST_P(QuantConv2dTest, SumsAreExact) {
  std::mt19937 rng(1);
  for (const Conv2dShape& shape : Shapes()) {
    for (const auto& [zero, bits] :
         {std::pair<std::uint8_t, int>{0, 8}, {128, 8}, {255, 8}, {7, 4}}) {
      SCOPED_TRACE(Name(shape) + ", zero " + std::to_string(zero) + ", bits " +
                   std::to_string(bits));
      const Example e = Random(shape, zero, bits, rng, 2);
      const auto sums = e.Sums();
      const ByteFilter filter = e.Filter();
      std::vector<std::int32_t> out(sums.size() + 1, 42);
      const auto some = std::span(out).first(sums.size());
      Conv2d(shape, filter, 2, View(e.in), KeepSums{}, some);
      EXPECT_EQ(out.back(), 42);
      out.pop_back();
      ASSERT_EQ(out, sums);
      // Signed: 128 less, the filter's zero as it was.
      std::ranges::fill(out, 42);
      const auto signed_in = Signed(e.in);
      Conv2d(shape, filter, 2, View(signed_in), KeepSums{}, std::span(out));
      ASSERT_EQ(out, sums);
    }
  }
}

TEST_P(QuantConv2dTest, FinishesAreThoseOfTheDefinition) {
  std::mt19937 rng(2);
  for (const Conv2dShape& shape : Shapes()) {
    SCOPED_TRACE(Name(shape));
    const Example e = Random(shape, 100, 8, rng);
    const auto sums = e.Sums();
    const ByteFilter filter = e.Filter();
    const std::size_t n = shape.out.channels;
    std::vector<float> scale(n);
    std::vector<FixedFactor> factor(n);
    for (std::size_t o = 0; o < n; ++o) {
      factor[o] =
          FixedFactorOf(std::ldexp(1.0 + static_cast<double>(rng()) * 0x1p-32,
                                   -static_cast<int>(rng() % 22)));
      scale[o] = std::ldexp(1.0f + static_cast<float>(rng()) * 0x1p-33f, -9);
    }
    for (const bool relu : {false, true}) {
      std::vector<float> out(sums.size() + 1, 42.0f);
      const auto more = Numbers<std::int32_t>(n, -1000, 1000, rng);
      Conv2d(shape, filter, 1, View(e.in), ScaleSums{scale, relu, more},
             std::span(out).first(sums.size()));
      for (std::size_t i = 0; i < sums.size(); ++i) {
        ASSERT_EQ(out[i], ScaledSum(sums[i] + more[i % n], scale[i % n], relu))
            << i;
      }
      Conv2d(shape, filter, 1, View(e.in), ScaleSums{scale, relu},
             std::span(out).first(sums.size()));
      for (std::size_t i = 0; i < sums.size(); ++i) {
        ASSERT_EQ(out[i], ScaledSum(sums[i], scale[i % n], relu)) << i;
      }
      EXPECT_EQ(out.back(), 42.0f);
    }
    for (const RoundSums& to :
         {RoundSums{scale, 128, 0, 255}, RoundSums{scale, 20, 20, 219}}) {
      std::vector<std::uint8_t> out(sums.size() + 1, 42);
      Conv2d(shape, filter, 1, View(e.in), to,
             std::span(out).first(sums.size()));
      for (std::size_t i = 0; i < sums.size(); ++i) {
        ASSERT_EQ(out[i], RoundedSum(sums[i], scale[i % n], to)) << i;
      }
      EXPECT_EQ(out.back(), 42);
    }
    for (const Requantize& to :
         {Requantize{factor, 128, 0, 255}, Requantize{factor, -3, -128, 127},
          Requantize{factor, 20, 20, 219}}) {
      std::vector<std::uint8_t> out(sums.size() + 1, 42);
      Conv2d(shape, filter, 1, View(e.in), to,
             std::span(out).first(sums.size()));
      for (std::size_t i = 0; i < sums.size(); ++i) {
        ASSERT_EQ(out[i], RequantizedSum(sums[i], factor[i % n], to)) << i;
      }
      EXPECT_EQ(out.back(), 42);
    }
  }
}

// Sums at the ends of int32, scales that make halves or overflow.
TEST_P(QuantConv2dTest, RoundsExtremes) {
  const Conv2dShape shape{{1, 1, 1}, {1, 1, 21}};
  Example e{.shape = shape,
            .in = {0},
            .weight = std::vector<std::int8_t>(21, 1),
            .bias = std::vector<std::int32_t>(21)};
  constexpr std::int32_t kSums[] = {
      -2147483647 - 1, 2147483647, -1, 1, 0, 3, -5, 16777217};
  constexpr float kScales[] = {0.5f, 3e38f, 1e-38f, -0.5f, 0.0f};
  std::vector<float> scale(21);
  for (std::size_t i = 0; i < 40; ++i) {
    for (std::size_t o = 0; o < 21; ++o) {
      e.bias[o] = kSums[(o + i) % 8];
      scale[o] = kScales[(o + i / 8) % 5];
    }
    for (const RoundSums& to :
         {RoundSums{scale, 128, 0, 255}, RoundSums{scale, 3, -128, 127}}) {
      std::vector<std::uint8_t> out(21);
      Conv2d(shape, e.Filter(), 1, View(e.in), to, std::span(out));
      for (std::size_t o = 0; o < 21; ++o) {
        ASSERT_EQ(out[o], RoundedSum(e.bias[o], scale[o], to)) << i;
      }
    }
  }
}

// Where 16-bit sums of pairs saturate, and the longest sums that int32 holds.
TEST_P(QuantConv2dTest, NothingSaturates) {
  for (const std::int8_t w : {std::int8_t{-128}, std::int8_t{127}}) {
    for (const std::size_t k : {4u, 65536u}) {
      const Conv2dShape shape{{1, 1, k}, {1, 1, 17}};
      Example e{.shape = shape,
                .in = std::vector<std::uint8_t>(k, 255),
                .weight = std::vector<std::int8_t>(17 * k, w),
                .bias = std::vector<std::int32_t>(17, 0)};
      std::vector<std::int32_t> out(17);
      Conv2d(shape, e.Filter(), 1, View(e.in), KeepSums{}, std::span(out));
      EXPECT_EQ(out, std::vector<std::int32_t>(
                         17, 255 * w * static_cast<std::int32_t>(k)));
    }
  }
}

// Factors at both ends, and sums at the ends of int32.
TEST_P(QuantConv2dTest, RequantizesExtremes) {
  const Conv2dShape shape{{1, 1, 1}, {1, 1, 21}};
  Example e{.shape = shape,
            .in = {0},
            .weight = std::vector<std::int8_t>(21, 1),
            .bias = std::vector<std::int32_t>(21)};
  std::vector<FixedFactor> factor(21);
  constexpr std::int32_t kEnds[] = {-2147483647 - 1, 2147483647, -1, 1, 0,
                                    1 << 30};
  constexpr FixedFactor kFactors[] = {{1 << 30, -31},
                                      {2147483647, -31},
                                      {2147483647, 0},
                                      {1 << 30, 30},
                                      {0, 0}};
  for (std::size_t i = 0; i < 30; ++i) {
    for (std::size_t o = 0; o < 21; ++o) {
      e.bias[o] = kEnds[(o + i) % 6];
      factor[o] = kFactors[(o + i / 6) % 5];
    }
    const Requantize to{factor, 1, -1000000, 1000000};
    std::vector<std::uint8_t> out(21);
    Conv2d(shape, e.Filter(), 1, View(e.in), to, std::span(out));
    for (std::size_t o = 0; o < 21; ++o) {
      ASSERT_EQ(out[o], RequantizedSum(e.bias[o], factor[o], to)) << i;
    }
  }
}

TEST_P(QuantConv2dTest, ThreadsDoNotChangeBits) {
  std::mt19937 rng(3);
  ThreadPool pool(3);
  for (const Conv2dShape& shape :
       {Conv2dShape{{40, 30, 4}, {40, 30, 18}, {3, 3}, {1, 1}, {1, 1}},
        Conv2dShape{{20, 20, 8}, {20, 20, 5}}}) {
    const Example e = Random(shape, 128, 8, rng, 3);
    std::vector<std::int32_t> out(3 * shape.out.size());
    const auto in = Signed(e.in);
    Conv2d(shape, e.Filter(), 3, View(in), KeepSums{}, std::span(out),
           pool.executor());
    EXPECT_EQ(out, e.Sums());
  }
}

TEST_P(QuantConv2dTest, RejectsSizesThatDisagree) {
  const Conv2dShape s{{2, 2, 2}, {2, 2, 3}};
  const std::vector<std::int8_t> w(6), few(5), wide{1, 2, 3, 4, 5, 8};
  const std::vector<std::int32_t> bias(3), two(2);
  EXPECT_THROW(PackByteFilter(s, few, bias, 0), std::invalid_argument);
  EXPECT_THROW(PackByteFilter(s, w, two, 0), std::invalid_argument);
  EXPECT_THROW(PackByteFilter(s, w, bias, 0, 2), std::invalid_argument);
  EXPECT_THROW(PackByteFilter(s, wide, bias, 0, 4), std::invalid_argument);
  Conv2dShape odd = s;
  odd.groups = 2;
  EXPECT_THROW(PackByteFilter(odd, w, bias, 0), std::invalid_argument);
  odd.groups = 0;
  EXPECT_THROW(PackByteFilter(odd, w, bias, 0), std::invalid_argument);
  odd = s;
  odd.stride.width = 0;
  EXPECT_THROW(PackByteFilter(odd, w, bias, 0), std::invalid_argument);

  const ByteFilter filter = PackByteFilter(s, w, bias, 0);
  const std::vector<std::uint8_t> in(8);
  std::vector<std::int32_t> out(12, 42);
  std::vector<float> floats(12), scale(2);
  std::vector<FixedFactor> factor(4);
  const auto keep = [&](const Conv2dShape& shape, std::size_t images,
                        std::size_t from, std::size_t to) {
    Conv2d(shape, filter, images, View(in).first(from), KeepSums{},
           std::span(out).first(to));
  };
  EXPECT_THROW(keep(s, 2, 8, 12), std::invalid_argument);
  EXPECT_THROW(keep(s, 1, 7, 12), std::invalid_argument);
  EXPECT_THROW(keep(s, 1, 8, 11), std::invalid_argument);
  odd = s;
  odd.kernel.width = 2;
  EXPECT_THROW(keep(odd, 1, 8, 12), std::invalid_argument);
  EXPECT_EQ(out, std::vector<std::int32_t>(12, 42));
  EXPECT_THROW(
      Conv2d(s, filter, 1, View(in), ScaleSums{scale}, std::span(floats)),
      std::invalid_argument);
  scale.resize(3);
  EXPECT_THROW(Conv2d(s, filter, 1, View(in), ScaleSums{scale, false, two},
                      std::span(floats)),
               std::invalid_argument);
  std::vector<std::uint8_t> bytes(12);
  EXPECT_THROW(
      Conv2d(s, filter, 1, View(in), RoundSums{floats}, std::span(bytes)),
      std::invalid_argument);
  EXPECT_THROW(
      Conv2d(s, filter, 1, View(in), Requantize{factor}, std::span(bytes)),
      std::invalid_argument);
  keep(s, 0, 0, 0);
}

}  // namespace
}  // namespace nibble
