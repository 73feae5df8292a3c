// What a scale is found from: smallest and largest value, mean magnitude. And
// what it cost: how many values lay outside.
//
// NaN and infinity are never taken for a range.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/format/rounding.hpp"
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

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/quant/range-inl.hpp"
#else
namespace nibble::dispatch {
void RangeKernel(const float* x, std::size_t count, std::size_t size,
                 Range* ranges);
double MagnitudeKernel(const float* x, std::size_t n);
std::size_t CountKernel(const float* x, std::size_t count, std::size_t size,
                        const QuantParams* params, float low, float high);
}  // namespace nibble::dispatch
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// ranges[g] = FiniteRange of the g-th `size` elements; the last group may be
// shorter.
//
// Shapes   x: [n], ranges: [ceil(n / size)]; size > 0.
inline void FindRanges(std::span<const float> x, std::size_t size,
                       std::span<Range> ranges) {
  NIBBLE_CHECK("FindRanges", size > 0);
  NIBBLE_CHECK("FindRanges", ranges.size() == (x.size() + size - 1) / size);
  const std::size_t whole = x.size() / size;
  NIBBLE_DISPATCH(RangeKernel)(x.data(), whole, size, ranges.data());
  if (x.size() % size != 0) {
    NIBBLE_DISPATCH(RangeKernel)
    (x.data() + whole * size, 1, x.size() % size, ranges.data() + whole);
  }
}

// FiniteRange(x), fast.
inline Range FindRange(std::span<const float> x) {
  Range range = Range::kEmpty;
  if (!x.empty()) FindRanges(x, x.size(), std::span(&range, 1));
  return range;
}

// SumOfMagnitudes(x), fast, the same bits.
inline double FindSumOfMagnitudes(std::span<const float> x) {
  return NIBBLE_DISPATCH(MagnitudeKernel)(x.data(), x.size());
}

// How many elements are beyond what their group can hold: x * (1 / scale) plus
// the zero point is below `low` or above `high`. NaN is not counted.
inline std::size_t CountOutside(std::span<const float> x, std::size_t size,
                                std::span<const QuantParams> params, float low,
                                float high) {
  NIBBLE_CHECK("CountOutside", size > 0);
  NIBBLE_CHECK("CountOutside", params.size() == (x.size() + size - 1) / size);
  const std::size_t whole = x.size() / size;
  std::size_t count = NIBBLE_DISPATCH(CountKernel)(x.data(), whole, size,
                                                   params.data(), low, high);
  if (x.size() % size != 0) {
    count += NIBBLE_DISPATCH(CountKernel)(x.data() + whole * size, 1,
                                          x.size() % size,
                                          params.data() + whole, low, high);
  }
  return count;
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
