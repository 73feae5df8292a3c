// Run-time dispatch of nibble/qat/products.hpp.
#include "nibble/qat/products.hpp"

#include <algorithm>

// Kernels hold vectors in arrays, which vectors of unknown length cannot be.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_RVV)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "qat/products.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/core/highway.hpp"
#include "nibble/qat/products-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble::qat {
namespace HWY_NAMESPACE {

using Wide = hn::ScalableTag<float>;
using Half = hn::CappedTag<float, 8>;
using Quarter = hn::CappedTag<float, 4>;

size_t LanesFor(size_t n) {
  return hn::Lanes(Wide()) <= 4 || n <= 4 ? hn::Lanes(Quarter())
         : n <= 8                         ? hn::Lanes(Half())
                                          : hn::Lanes(Wide());
}

void RunData(const DataProduct& p, const float* in, const float* packed,
             bool add, float* out) {
  const size_t lanes = LanesFor(p.n);
  if (lanes == hn::Lanes(Wide())) {
    DataProductWith(Wide(), p, in, packed, add, out);
  } else if (lanes == hn::Lanes(Half())) {
    DataProductWith(Half(), p, in, packed, add, out);
  } else {
    DataProductWith(Quarter(), p, in, packed, add, out);
  }
}

void RunWeights(const WeightProduct& p, const float* d, const float* in,
                float* dw) {
  const size_t lanes = LanesFor(p.k);
  if (lanes == hn::Lanes(Wide())) {
    WeightProductWith(Wide(), p, d, in, dw);
  } else if (lanes == hn::Lanes(Half())) {
    WeightProductWith(Half(), p, d, in, dw);
  } else {
    WeightProductWith(Quarter(), p, d, in, dw);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::qat
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nibble::qat {
HWY_EXPORT(LanesFor);
HWY_EXPORT(RunData);
HWY_EXPORT(RunWeights);

std::size_t PackedSize(std::size_t taps, std::size_t k, std::size_t n) {
  const std::size_t lanes = HWY_DYNAMIC_DISPATCH(LanesFor)(n);
  const std::size_t size = taps * k * ((n + lanes - 1) / lanes * lanes);
  return (size + 15) / 16 * 16;  // whole cache lines, so that loads are aligned
}

void PackForData(const float* w, std::span<const std::size_t> taps,
                 std::size_t k, std::size_t n, std::size_t k_stride,
                 std::size_t n_stride, float* packed) {
  const std::size_t lanes = HWY_DYNAMIC_DISPATCH(LanesFor)(n);
  for (std::size_t n0 = 0; n0 < n;) {
    const std::size_t columns = n - n0 > lanes ? 2 * lanes : lanes;
    const std::size_t valid = std::min(columns, n - n0);
    for (const std::size_t tap : taps) {
      for (std::size_t i = 0; i < k; ++i, packed += columns) {
        const float* from = w + tap + i * k_stride + n0 * n_stride;
        for (std::size_t j = 0; j < valid; ++j) packed[j] = from[j * n_stride];
        for (std::size_t j = valid; j < columns; ++j) packed[j] = 0;
      }
    }
    n0 += columns;
  }
}

void RunDataProduct(const DataProduct& product, const float* in,
                    const float* packed, bool add, float* out) {
  HWY_DYNAMIC_DISPATCH(RunData)(product, in, packed, add, out);
}

void RunWeightProduct(const WeightProduct& product, const float* d,
                      const float* in, float* dw) {
  HWY_DYNAMIC_DISPATCH(RunWeights)(product, d, in, dw);
}

}  // namespace nibble::qat
#endif
