// Softmax over rows, in a fixed order of summation, so that the bits are the
// same on every instruction set.
#pragma once

#include <cstddef>
#include <span>

#include "nibble/arith/activation.hpp"
#include "nibble/arith/exp.hpp"
#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"

namespace nibble {

// Element k of a row is added to partial sum k mod 16, as sixteen lanes do;
// then the sums are halved: s[j] += s[j + 8], s[j + 4], s[j + 2], s[j + 1].
inline constexpr std::size_t kSoftmaxLanes = 16;

constexpr float SumOfLanes(float (&s)[kSoftmaxLanes]) {
  for (std::size_t half = kSoftmaxLanes / 2; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) s[j] += s[j + half];
  }
  return s[0];
}

// out[k] = e^(x[k] - max x) / sum_j e^(x[j] - max x), for one row: the
// specification.
//
// Shapes   x, out: [n]. out may be x.
// Domain   all floats. -infinity gives 0. A row with NaN or +infinity, or of
//          -infinity alone, is NaN throughout.
// Error    kF32: relative (ceil(n/16) + 8) 2^-24, for out >= 2^-126: one
//          rounding of x - max, which is absolute in the exponent, 1 ULP of
//          exp, ceil(n/16) + 4 of the sum of positive terms, 2 of the quotient.
//          On top of it |x - max| 2^-24 from the first one.
constexpr void SoftmaxRow(std::span<const float> x, std::span<float> out,
                          Accuracy accuracy = Accuracy::kF32) {
  if (x.empty()) return;
  float max = x[0];
  for (const float v : x) max = v > max ? v : max;
  const ExpForm form = RecipeOf(accuracy).exp;
  float sums[kSoftmaxLanes] = {};
  for (std::size_t k = 0; k < x.size(); ++k) {
    out[k] = Exp(x[k] - max, form);
    sums[k % kSoftmaxLanes] += out[k];
  }
  const float inverse = 1 / SumOfLanes(sums);
  for (float& v : out) v *= inverse;
}

}  // namespace nibble

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/arith/softmax-inl.hpp"
#else
namespace nibble::dispatch {
void SoftmaxKernel(const float* x, float* out, std::size_t rows, std::size_t n,
                   Accuracy accuracy);
}
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// Every row of out is SoftmaxRow of that row of x.
//
// Shapes   x, out: [rows, n] row-major, any alignment. out may be x.
// Errors   std::invalid_argument if the sizes disagree; nothing is written.
inline void Softmax(std::span<const float> x, std::size_t rows, std::size_t n,
                    std::span<float> out, Accuracy accuracy = Accuracy::kF32) {
  NIBBLE_CHECK("Softmax", n == 0 || rows <= x.size() / n);
  NIBBLE_CHECK("Softmax", x.size() == rows * n);
  NIBBLE_CHECK("Softmax", x.size() == out.size());
  NIBBLE_DISPATCH(SoftmaxKernel)(x.data(), out.data(), rows, n, accuracy);
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
