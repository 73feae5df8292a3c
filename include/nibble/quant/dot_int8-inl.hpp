// Kernel of dot_int8.hpp. Compiled once per instruction set; see
// src/quant/dot_int8.cpp.
#if defined(NIBBLE_QUANT_DOT_INT8_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_DOT_INT8_INL_HPP
#undef NIBBLE_QUANT_DOT_INT8_INL_HPP
#else
#define NIBBLE_QUANT_DOT_INT8_INL_HPP
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "nibble/core/dot-inl.hpp"

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace dot_internal {

#if HWY_TARGET == HWY_SCALAR || HWY_HAVE_SCALABLE

template <size_t kRows>
HWY_INLINE void DotRows(const uint8_t* HWY_RESTRICT x, uint8_t flip,
                        int32_t zero, const int8_t* HWY_RESTRICT w,
                        size_t stride, size_t k, int32_t* HWY_RESTRICT sums) {
  for (size_t i = 0; i < kRows; ++i) {
    int32_t sum = 0;
    for (size_t j = 0; j < k; ++j) {
      sum += (static_cast<uint8_t>(x[j] ^ flip) - zero) * w[i * stride + j];
    }
    sums[i] = sum;
  }
}

#else

// kRows rows at a time, so that a vector of x serves them all. The sums of the
// weights, which the zero point multiplies, are counted along.
template <size_t kRows>
HWY_INLINE void DotRows(const uint8_t* HWY_RESTRICT x, uint8_t flip,
                        int32_t zero, const int8_t* HWY_RESTRICT w,
                        size_t stride, size_t k, int32_t* HWY_RESTRICT sums) {
  const hn::CappedTag<int32_t, 16> d;
  const hn::Repartition<uint8_t, decltype(d)> du8;
  const hn::Repartition<int8_t, decltype(d)> di8;
  const size_t N = hn::Lanes(du8);
  const auto flips = hn::Set(du8, flip);
  const auto ones = hn::Set(du8, uint8_t{1});
  hn::Vec<decltype(d)> products[kRows], weights[kRows];
  HWY_UNROLL(4)
  for (size_t i = 0; i < kRows; ++i) {
    products[i] = weights[i] = hn::Zero(d);
  }
  size_t j = 0;
  for (; j + N <= k; j += N) {
    const auto in = hn::Xor(hn::LoadU(du8, x + j), flips);
    HWY_UNROLL(4)
    for (size_t i = 0; i < kRows; ++i) {
      const auto row = hn::LoadU(di8, w + i * stride + j);
      products[i] = SumOfMulQuadAccumulate(in, row, products[i]);
      weights[i] = SumOfMulQuadAccumulate(ones, row, weights[i]);
    }
  }
  if (j < k) {
    HWY_ALIGN uint8_t last_x[hn::MaxLanes(du8)] = {};
    HWY_ALIGN int8_t last_w[hn::MaxLanes(du8)] = {};
    std::memcpy(last_x, x + j, k - j);
    const auto in = hn::Xor(hn::Load(du8, last_x), flips);
    HWY_UNROLL(4)
    for (size_t i = 0; i < kRows; ++i) {
      std::memcpy(last_w, w + i * stride + j, k - j);
      const auto row = hn::Load(di8, last_w);
      products[i] = SumOfMulQuadAccumulate(in, row, products[i]);
      weights[i] = SumOfMulQuadAccumulate(ones, row, weights[i]);
    }
  }
  const auto zeros = hn::Set(d, zero);
  HWY_UNROLL(4)
  for (size_t i = 0; i < kRows; ++i) {
    sums[i] = hn::GetLane(hn::SumOfLanes(
        d, hn::Sub(products[i], hn::Mul(zeros, weights[i]))));
  }
}

#endif

}  // namespace dot_internal

// sums[i] = sum_j ((x[j] ^ flip) - zero) * w[i * stride + j], i < n, j < k,
// modulo 2^32.
HWY_MAYBE_UNUSED HWY_NOINLINE inline void DotInt8Kernel(
    const uint8_t* x, uint8_t flip, int32_t zero, const int8_t* w,
    size_t stride, size_t n, size_t k, int32_t* sums) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    dot_internal::DotRows<4>(x, flip, zero, w + i * stride, stride, k,
                             sums + i);
  }
  for (; i < n; ++i) {
    dot_internal::DotRows<1>(x, flip, zero, w + i * stride, stride, k,
                             sums + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
