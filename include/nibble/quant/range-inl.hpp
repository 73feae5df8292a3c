// Kernels of range.hpp. Compiled once per instruction set; see
// src/quant/range.cpp.
#if defined(NIBBLE_QUANT_RANGE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_RANGE_INL_HPP
#undef NIBBLE_QUANT_RANGE_INL_HPP
#else
#define NIBBLE_QUANT_RANGE_INL_HPP
#endif

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/finite_range.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace range_internal {
namespace hn = hwy::HWY_NAMESPACE;

// NaN never enters a minimum; infinity does, and sends the group to the scalar
// definition.
HWY_INLINE Range RangeOfGroup(const float* HWY_RESTRICT x, size_t n) {
  const hn::ScalableTag<float> d;
  const size_t N = hn::Lanes(d);
  if (n < N) return FiniteRange(std::span(x, n));
  auto low0 = hn::Set(d, Range::kEmpty.min);
  auto high0 = hn::Set(d, Range::kEmpty.max);
  auto low1 = low0;
  auto high1 = high0;
  size_t i = 0;
  if (n >= 4 * N) {  // four streams hide the latency of minimum and maximum
    auto low2 = low0;
    auto high2 = high0;
    auto low3 = low0;
    auto high3 = high0;
    for (; i + 4 * N <= n; i += 4 * N) {
      const auto x0 = hn::LoadU(d, x + i);
      const auto x1 = hn::LoadU(d, x + i + N);
      const auto x2 = hn::LoadU(d, x + i + 2 * N);
      const auto x3 = hn::LoadU(d, x + i + 3 * N);
      low0 = MinIgnoringNaN(d, x0, low0);
      high0 = MaxIgnoringNaN(d, x0, high0);
      low1 = MinIgnoringNaN(d, x1, low1);
      high1 = MaxIgnoringNaN(d, x1, high1);
      low2 = MinIgnoringNaN(d, x2, low2);
      high2 = MaxIgnoringNaN(d, x2, high2);
      low3 = MinIgnoringNaN(d, x3, low3);
      high3 = MaxIgnoringNaN(d, x3, high3);
    }
    low0 = hn::Min(low0, low2);
    high0 = hn::Max(high0, high2);
    low1 = hn::Min(low1, low3);
    high1 = hn::Max(high1, high3);
  }
  for (; i + N <= n; i += N) {
    const auto v = hn::LoadU(d, x + i);
    low0 = MinIgnoringNaN(d, v, low0);
    high0 = MaxIgnoringNaN(d, v, high0);
  }
  if (i < n) {  // the last whole vector: minima may count a value twice
    const auto v = hn::LoadU(d, x + n - N);
    low1 = MinIgnoringNaN(d, v, low1);
    high1 = MaxIgnoringNaN(d, v, high1);
  }
  const Range range{hn::GetLane(hn::MinOfLanes(d, hn::Min(low0, low1))),
                    hn::GetLane(hn::MaxOfLanes(d, hn::Max(high0, high1)))};
  if (HWY_UNLIKELY(range.min < -Range::kEmpty.min ||
                   range.max > Range::kEmpty.min)) {
    return FiniteRange(std::span(x, n));
  }
  // -0 and 0 are equal to a minimum; which one comes out is no one's business.
  return {range.min + 0.0f, range.max + 0.0f};
}

}  // namespace range_internal

// ranges[g] = FiniteRange of x[g * size, (g + 1) * size).
HWY_MAYBE_UNUSED HWY_NOINLINE inline void RangeKernel(const float* x,
                                                      size_t count, size_t size,
                                                      Range* ranges) {
  for (size_t g = 0; g < count; ++g) {
    ranges[g] = range_internal::RangeOfGroup(x + g * size, size);
  }
}

// SumOfMagnitudes(x).
HWY_MAYBE_UNUSED HWY_NOINLINE inline double MagnitudeKernel(const float* x,
                                                            size_t n) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<double, 16> dd;
  const hn::Rebind<float, decltype(dd)> df;
  const size_t N = hn::Lanes(dd);
  const auto max = hn::Set(df, Range::kEmpty.min);
  alignas(128) double sums[16] = {};
  const auto add = [&](const float* from) NIBBLE_LAMBDA {
    for (size_t j = 0; j < 16; j += N) {
      const auto magnitude = hn::Abs(hn::LoadU(df, from + j));
      const auto finite = hn::IfThenElseZero(hn::Le(magnitude, max), magnitude);
      hn::StoreU(hn::Add(hn::LoadU(dd, sums + j), hn::PromoteTo(dd, finite)),
                 dd, sums + j);
    }
  };
  size_t i = 0;
  for (; i + 16 <= n; i += 16) add(x + i);
  if (i < n) {  // zeros add nothing
    float last[16] = {};
    for (size_t j = 0; i + j < n; ++j) last[j] = x[i + j];
    add(last);
  }
  return SumOfPartials(sums);
}

// How many x[i] / scale lie outside [low + zero_point, ...]; see CountOutside.
HWY_MAYBE_UNUSED HWY_NOINLINE inline size_t CountKernel(
    const float* x, size_t count, size_t size, const QuantParams* params,
    float low, float high) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  const size_t N = hn::Lanes(d);
  size_t outside = 0;
  for (size_t g = 0; g < count; ++g, x += size) {
    const float inverse = params[g].Inverse();
    const auto zero = static_cast<float>(params[g].zero_point);
    const float group_low = low - zero;
    const float group_high = high - zero;
    size_t i = 0;
    for (; i + N <= size; i += N) {
      const auto y = Barrier(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, inverse)));
      outside += hn::CountTrue(d, hn::Or(hn::Lt(y, hn::Set(d, group_low)),
                                         hn::Gt(y, hn::Set(d, group_high))));
    }
    for (; i < size; ++i) {
      const float y = x[i] * inverse;
      outside += y < group_low || y > group_high ? 1 : 0;
    }
  }
  return outside;
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
