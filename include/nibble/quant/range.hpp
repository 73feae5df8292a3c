// What a scale is found from: smallest and largest value, mean magnitude. And
// what it cost: how many values lay outside.
//
// NaN and infinity are never taken for a range.
#pragma once

#include <cstddef>
#include <span>

#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/quant/finite_range.hpp"
#include "nibble/quant/params.hpp"

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
