// Range and sum of the finite values among floats: the scalar definitions of
// range.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>

#include "nibble/quant/params.hpp"

namespace nibble {

// Smallest and largest finite value; Range::kEmpty if there is none.
constexpr Range FiniteRange(std::span<const float> x) {
  Range range = Range::kEmpty;
  for (const float v : x) {
    if (!(v >= Range::kEmpty.max && v <= Range::kEmpty.min)) continue;
    range.min = std::min(range.min, v + 0.0f);
    range.max = std::max(range.max, v + 0.0f);
  }
  return range;
}

// |x|, or 0 if x is not finite.
constexpr double FiniteMagnitude(float x) {
  const float magnitude = x < 0 ? -x : x;
  return magnitude <= std::numeric_limits<float>::max() ? magnitude : 0.0;
}

// ((s0 + s8) + (s4 + s12)) + ...: halves added until one is left.
constexpr double SumOfPartials(std::span<double, 16> sums) {
  for (std::size_t half = 8; half != 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) sums[j] += sums[j + half];
  }
  return sums[0];
}

// The sum of all finite magnitudes in double, in a fixed order: sixteen partial
// sums, element i going to number i % 16.
constexpr double SumOfMagnitudes(std::span<const float> x) {
  std::array<double, 16> sums{};
  for (std::size_t i = 0; i < x.size(); ++i) {
    sums[i % 16] += FiniteMagnitude(x[i]);
  }
  return SumOfPartials(sums);
}

}  // namespace nibble
