// Kernels of norm_quantize.hpp. Compiled once per instruction set; see
// src/quant/norm_quantize.cpp.
#if defined(NIBBLE_QUANT_NORM_QUANTIZE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_NORM_QUANTIZE_INL_HPP
#undef NIBBLE_QUANT_NORM_QUANTIZE_INL_HPP
#else
#define NIBBLE_QUANT_NORM_QUANTIZE_INL_HPP
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/finite_range.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {

// SumOfSquares(x).
HWY_MAYBE_UNUSED HWY_NOINLINE inline double SumOfSquaresKernel(const float* x,
                                                               size_t n) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<double, 16> dd;
  const hn::Rebind<float, decltype(dd)> df;
  const size_t N = hn::Lanes(dd);
  alignas(128) double sums[16] = {};
  // A square has at most 48 bits, so that it is exact, fused or not.
  const auto add = [&](const float* from) NIBBLE_LAMBDA {
    for (size_t j = 0; j < 16; j += N) {
      const auto v = hn::PromoteTo(dd, hn::LoadU(df, from + j));
      hn::StoreU(hn::MulAdd(v, v, hn::LoadU(dd, sums + j)), dd, sums + j);
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

// y = x * rstd * weight, or x where weight is null; stored unless y is null.
// Returns the largest |y|, NaN if there is one.
HWY_MAYBE_UNUSED HWY_NOINLINE inline float NormKernel(const float* x,
                                                      const float* weight,
                                                      size_t n, float rstd,
                                                      float* y) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const size_t N = hn::Lanes(d);
  // Magnitudes are ordered as their bits are, NaN above infinity.
  auto largest = hn::Zero(du);
  const auto one = [&](auto v, auto w) NIBBLE_LAMBDA {
    return hn::Mul(hn::Mul(v, hn::Set(d, rstd)), w);
  };
  const auto track = [&](auto v) NIBBLE_LAMBDA {
    largest = hn::Max(largest, hn::BitCast(du, hn::Abs(v)));
  };
  size_t i = 0;
  for (; i + N <= n; i += N) {
    auto v = hn::LoadU(d, x + i);
    if (weight != nullptr) v = one(v, hn::LoadU(d, weight + i));
    track(v);
    if (y != nullptr) hn::StoreU(v, d, y + i);
  }
  if (i < n) {
    const size_t rest = n - i;
    float in[hn::MaxLanes(d)] = {}, w[hn::MaxLanes(d)] = {};
    std::copy_n(x + i, rest, in);
    auto v = hn::LoadU(d, in);
    if (weight != nullptr) {
      std::copy_n(weight + i, rest, w);
      v = one(v, hn::LoadU(d, w));
      // 0 * infinity beyond the end would be NaN.
      hn::StoreU(v, d, in);
      std::fill(in + rest, in + N, 0.0f);
      v = hn::LoadU(d, in);
    }
    track(v);
    if (y != nullptr) std::copy_n(in, rest, y + i);
  }
  return hn::GetLane(hn::BitCast(d, hn::MaxOfLanes(du, largest)));
}

// q = TokenCode(y, s_a).
HWY_MAYBE_UNUSED HWY_NOINLINE inline void CodesKernel(const float* y, size_t n,
                                                      float s_a,
                                                      std::int8_t* q) {
  namespace hn = hwy::HWY_NAMESPACE;
  if (s_a != s_a) {
    std::fill_n(q, n, std::int8_t{0});
    return;
  }
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> d32;
  const hn::Rebind<std::int8_t, decltype(d)> d8;
  ForEachVector(
      d, y, q, n, [&](const float* from, std::int8_t* to) NIBBLE_LAMBDA {
        const auto scaled = hn::Mul(hn::LoadU(d, from), hn::Set(d, s_a));
        hn::StoreU(LowBits(hn::RebindToUnsigned<decltype(d8)>(),
                           hn::BitCast(hn::RebindToUnsigned<decltype(d32)>(),
                                       hn::NearestInt(scaled))),
                   hn::RebindToUnsigned<decltype(d8)>(),
                   reinterpret_cast<std::uint8_t*>(to));
      });
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
