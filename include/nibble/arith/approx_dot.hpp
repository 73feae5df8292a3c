// What an approximate matrix product is, element by element: the specification
// of approx_gemm.hpp.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/arith/multiplier.hpp"
#include "nibble/core/check.hpp"

namespace nibble {

// Adds two products to a sum as Intel's vdpbf16ps does, which multiplies them
// by one: first that of the odd k, then that of the even one, each sum rounded
// to the nearest float. (That instruction also takes subnormal sums for zero;
// it is used only where there are none.)
constexpr float AddPair(float sum, float even, float odd) {
  return (sum + odd) + even;
}

// The sum over k of product(x[k], w[k]): from zero, in the order of k, every
// sum rounded to a float; bytes in int32.
//
// Shapes   x, w: [k], equal.
// Domain   bytes: k * largest |product| < 2^31.
template <Product P>
constexpr typename P::Result ApproxDot(const P& product,
                                       std::span<const typename P::Operand> x,
                                       std::span<const typename P::Operand> w) {
  NIBBLE_CHECK("ApproxDot", x.size() == w.size());
  typename P::Result sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += product(x[k], w[k]);
  return sum;
}

// Largest finite magnitude of a row; 0 if there is none.
constexpr float FiniteAbsmax(std::span<const float> row) {
  float largest = 0;
  for (const float v : row) {
    const float magnitude = v < 0 ? -v : v;
    if (magnitude <= std::numeric_limits<float>::max()) {
      largest = std::max(largest, magnitude);
    }
  }
  return largest;
}

// How multipliers of bytes take a row of floats: code = x / scale, to the
// nearest, half to even, within +-127; NaN is 0.
struct ByteScale {
  float scale = 1;  // absmax / 127; 1 for zeros

  explicit ByteScale(std::span<const float> row) {
    const float s = FiniteAbsmax(row) / 127;
    if (s >= 0x1p-126f) scale = s;
  }
  std::int8_t Code(float x) const {
    if (x != x) return 0;
    const float code = std::clamp(x / scale, -127.0f, 127.0f);
    // Exact: to the nearest integer by adding 1.5 * 2^23 would need a rounding
    // mode; nearbyint takes the default one.
    return static_cast<std::int8_t>(std::nearbyint(code));
  }
};

// One element of ApproxGemm: row x of the left side, row w of the weights.
//
//   multipliers of floats   sum over k of multiplier(x[k], w[k]); apot rounds w
//                           in units of its row's absmax. bf16 L-Mul adds
//                           products in pairs (AddPair), the last one alone if
//                           k is odd
//   multipliers of bytes    float(sum over k of multiplier(q_x[k], q_w[k])) *
//                           (s_x * s_w), the sum in int32, codes and scales of
//                           each row by ByteScale
inline float ApproxDot(const Multiplier& multiplier, std::span<const float> x,
                       std::span<const float> w) {
  NIBBLE_CHECK("ApproxDot", x.size() == w.size());
  if (multiplier.on_bytes()) {
    const ByteScale x_scale(x), w_scale(w);
    std::int32_t sum = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      sum += multiplier(x_scale.Code(x[k]), w_scale.Code(w[k]));
    }
    const float scale = x_scale.scale * w_scale.scale;
    return static_cast<float>(sum) * scale;
  }
  const float unit = multiplier.WeightUnit(FiniteAbsmax(w));
  const auto product = [&](std::size_t k) {
    return multiplier.OfPrepared(multiplier.PrepareX(x[k]),
                                 multiplier.PrepareWeight(w[k], unit));
  };
  float sum = 0;
  std::size_t k = 0;
  if (multiplier.adds_pairs()) {
    for (; k + 2 <= x.size(); k += 2) {
      sum = AddPair(sum, product(k), product(k + 1));
    }
  }
  for (; k < x.size(); ++k) {
    const float p = product(k);
    sum += p;
  }
  return sum;
}

}  // namespace nibble
