#include "nibble/arith/lmul_window.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "nibble/arith/mitchell.hpp"

namespace nibble {
namespace {

using Sizes = std::vector<std::size_t>;

ExponentRange Range(int low, int high, bool zeros) {
  ExponentRange range;
  range.Add(std::ldexp(1.0f, low));
  range.Add(std::ldexp(1.9999f, high));
  if (zeros) range.Add(0.0f);
  return range;
}

float Added(std::uint32_t x, std::uint32_t w) {
  return std::bit_cast<float>(x + w);
}

// The promises of the window at its corners: products of zeros are normal
// numbers, K of them are below a quarter of the last place of the smallest sum,
// and no sum overflows.
void ExpectPromises(const LMulParams& p, const ExponentRange& x,
                    const ExponentRange& w, std::size_t k) {
  const WeightWindow weights = MakeWeightWindow(p, w, k);
  const SumWindow window = MakeSumWindow(p, weights, x);
  ASSERT_EQ(window.test, SumWindow::Test::kNone);
  const auto x_word = [&](int exponent, std::uint32_t mantissa) {
    return (ExponentWord(exponent) | mantissa) + window.shift;
  };
  const auto w_word = [&](int exponent, std::uint32_t mantissa) {
    return (ExponentWord(exponent) | mantissa) - weights.bias;
  };
  const std::uint32_t most = 0x007FFFFF;
  std::vector<float> tiny;
  if (x.zeros) {
    tiny.push_back(Added(window.zero, w_word(w.low, 0)));
    tiny.push_back(Added(window.zero, w_word(w.high, most)));
  }
  if (w.zeros) {
    tiny.push_back(Added(x_word(x.low, 0), weights.zero));
    tiny.push_back(Added(x_word(x.high, most), weights.zero));
  }
  if (x.zeros && w.zeros) tiny.push_back(Added(window.zero, weights.zero));
  const double u =
      std::ldexp(Added(x_word(x.low, 0), w_word(w.low, 0)), -ProductBits(p));
  for (const float t : tiny) {
    EXPECT_GE(t, 0x1p-126f);
    EXPECT_LT(static_cast<double>(k) * t, std::ldexp(u, -25));
  }
  EXPECT_GE(u, 0x1p-127);  // of a correction: up to half as large again
  const float largest = Added(x_word(x.high, most), w_word(w.high, most));
  EXPECT_LT(static_cast<double>(k) * largest, 0x1p127);
  EXPECT_LE(window.least, u);
  // ... and what it gives is the product, shifted.
  EXPECT_EQ(
      Added(x_word(x.low, 0x123456), w_word(w.high, 0x654321)) * window.scale,
      LMul(std::bit_cast<float>(ExponentWord(x.low) | 0x123456),
           std::bit_cast<float>(ExponentWord(w.high) | 0x654321), p));
}

TEST(LMulWindow, KeepsItsPromises) {
  for (const LMulParams& p : {MakeLMul(), MakeMitchell(), MakePam(true),
                              MakeLMul(ProductFormat::kF32, 23, 1)}) {
    for (const bool x_zeros : {false, true}) {
      for (const bool w_zeros : {false, true}) {
        for (const int base : {-50, -20, 0, 20}) {
          for (const std::size_t k : Sizes{1, 1000, 16384}) {
            ExpectPromises(p, Range(base, base + 22, x_zeros),
                           Range(-20, 0, w_zeros), k);
            ExpectPromises(p, Range(base, base, x_zeros), Range(3, 3, w_zeros),
                           k);
          }
        }
      }
    }
  }
}

TEST(LMulWindow, TestsWhatItMust) {
  const LMulParams p = MakeLMul();
  const auto test = [&](const ExponentRange& x, const ExponentRange& w) {
    return MakeSumWindow(p, MakeWeightWindow(p, w, 100), x).test;
  };
  using enum SumWindow::Test;
  EXPECT_EQ(test(Range(-20, 0, true), Range(-20, 0, true)), kNone);
  EXPECT_EQ(test(Range(-40, 0, true), Range(-40, 0, true)), kZero);
  EXPECT_EQ(test(Range(-70, 0, true), Range(-70, 0, true)), kFull);
  EXPECT_EQ(test(Range(-60, -50, false), Range(-60, -50, false)), kFull);
  EXPECT_EQ(test(Range(50, 60, false), Range(50, 66, false)), kFull);
  ExponentRange special = Range(0, 0, false);
  special.Add(std::bit_cast<float>(kInfinityBits));
  EXPECT_EQ(test(special, Range(0, 0, false)), kFull);
  EXPECT_EQ(test(Range(0, 0, false), special), kFull);
  EXPECT_EQ(test({}, Range(0, 0, false)), kFull);
}

}  // namespace
}  // namespace nibble
