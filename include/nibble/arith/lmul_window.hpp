// When a sum of L-Mul products needs no test of its operands.
//
// The bare addition of encodings is right unless an operand is zero, infinite
// or NaN, or the product leaves the normal range. What follows finds, from the
// exponents of both matrices, an encoding under which bare additions give the
// sums that the specification gives, bit for bit.
//
// Exponents are biased ones. e(x) in [xl, xh] and e(w) in [wl, wh] over
// operands that are not zero; every x is shifted by s, so a product has an
// exponent in [lo, hi + 2], lo = xl + wl + s - 127, hi = xh + wh + s - 127. It
// is a multiple of u = 2^(lo - m), m being the mantissa bits of products, and
// so are their sums, however often they are rounded.
//
// Zeros become numbers of exponents zx and zw, so small that K products with
// them together stay below 2^(lo - m - 25): a quarter of the last place of the
// smallest sum that is not zero. Hence, after each addition, the sum is either
// the specification's, or that is zero and this one smaller than u / 2. At the
// end sums below u / 2 become zero, and all are shifted back.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "nibble/arith/lmul.hpp"

namespace nibble {

// Exponents of prepared operands, zeros aside.
struct ExponentRange {
  int low = 255;
  int high = 0;
  bool zeros = false;
  bool special = false;  // infinity or NaN

  constexpr int width() const { return std::max(high - low, 0); }

  constexpr void Add(float prepared) {
    const std::uint32_t magnitude =
        std::bit_cast<std::uint32_t>(prepared) & ~kSignBit;
    if (magnitude == 0) {
      zeros = true;
      return;
    }
    const auto exponent = static_cast<int>(magnitude >> 23);
    special = special || exponent == 255;
    low = std::min(low, exponent);
    high = std::max(high, exponent);
  }
  constexpr void Add(const ExponentRange& other) {
    low = std::min(low, other.low);
    high = std::max(high, other.high);
    zeros = zeros || other.zeros;
    special = special || other.special;
  }
};

// A power of two as a word of an encoding: exponents beyond a float's are
// allowed, only sums of words must be floats.
constexpr std::uint32_t ExponentWord(int exponent) {
  return static_cast<std::uint32_t>(exponent) << 23;
}

// How weights are encoded: word = bits - bias, or `zero` for a zero.
struct WeightWindow {
  bool usable = false;
  std::uint32_t bias = 0;  // of the multiplier
  std::uint32_t zero = 0;
  ExponentRange range;
  int gap = 0;  // exponents between the smallest product and those with zeros
  int log_k = 0;
};

// How far exponents of x may lie apart where weights have zeros. Where weights
// spread over 20 binades, this much is left for x (k = 1024, m = 23).
inline constexpr int kWindowOfX = 30;

// Mantissa bits of products.
constexpr int ProductBits(const LMulParams& p) {
  return std::max(p.operand.k,
                  p.correction == 0 ? 0 : 23 - std::countr_zero(p.correction));
}

constexpr WeightWindow MakeWeightWindow(const LMulParams& p,
                                        const ExponentRange& w, std::size_t k) {
  WeightWindow window{.bias = p.bias(), .range = w};
  window.log_k = static_cast<int>(std::bit_width(k));
  window.gap = ProductBits(p) + 27 + window.log_k;
  window.zero = ExponentWord(w.low - kWindowOfX - window.gap) - window.bias;
  // Within 125 binades no weight looks like a zero.
  window.usable =
      !w.special && w.low <= w.high && w.width() <= 125 && window.log_k <= 24;
  return window;
}

// What x is encoded by (word = bits + shift, or `zero`), and what sums become.
struct SumWindow {
  enum class Test : std::uint8_t {
    kNone,  // sums of bare additions
    kZero,  // of additions whose bit 30 is clear, and weights that are not zero
    kFull,  // of whole products: x is not encoded
  };
  Test test = Test::kFull;
  std::uint32_t shift = 0;
  std::uint32_t zero = 0;
  float least = 0;  // sums below become zero
  float scale = 1;  // then they are multiplied by this power of two
};

// Domain   0 < exponent < 255.
constexpr float FloatOfExponent(int exponent) {
  return std::bit_cast<float>(ExponentWord(exponent));
}

// The encoding of x that needs the fewest tests.
constexpr SumWindow MakeSumWindow(const LMulParams& p, const WeightWindow& w,
                                  const ExponentRange& x) {
  SumWindow window;
  const ProductRange& range = p.operand.range;
  const int m = ProductBits(p);
  const int low = x.low + w.range.low - 127;
  const int high = x.high + w.range.high - 127;
  // No product may leave the format's range, and no sum the floats'.
  const int least = static_cast<int>(range.min_normal >> 23);
  const int most = static_cast<int>(range.max_finite >> 23);
  if (!w.usable || x.special || x.low > x.high || low < least || low - m < 1 ||
      high + 2 >= most || high + 3 + w.log_k > 253) {
    return window;
  }
  const int zero = x.low - w.range.width() - w.gap;
  const int weight_zero = w.range.low - kWindowOfX - w.gap;
  const int floor =
      std::min({x.zeros ? zero : x.low, x.low}) +
      std::min({w.range.zeros ? weight_zero : w.range.low, w.range.low}) - 127;
  const int shift = std::max(1 - std::min(floor, low - m), 0);
  const bool narrow = !w.range.zeros || x.width() <= kWindowOfX;
  if (narrow && shift <= 126 && high + shift + 3 + w.log_k <= 253) {
    window.test = SumWindow::Test::kNone;
    window.shift = ExponentWord(shift);
    window.zero = ExponentWord(zero + shift);
    window.least = FloatOfExponent(std::max(low + shift - m - 1, 1));
    window.scale = FloatOfExponent(127 - shift);
    return window;
  }
  // A shift that puts products below 2: bit 30 then shows a borrow.
  const int down = 125 - high;
  if (low + down < 1 || low + down - m < 1 || w.range.width() > 125 ||
      down < -126 || down > 126) {
    return window;
  }
  window.test = SumWindow::Test::kZero;
  window.shift = ExponentWord(down);
  window.zero = ExponentWord(-3 - w.range.high + 127);
  window.scale = FloatOfExponent(127 - down);
  return window;
}

}  // namespace nibble
