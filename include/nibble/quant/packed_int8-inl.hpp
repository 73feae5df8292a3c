// Kernel of packed_int8.hpp. Compiled once per instruction set; see
// src/quant/packed_int8.cpp.
#if defined(NIBBLE_QUANT_PACKED_INT8_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_PACKED_INT8_INL_HPP
#undef NIBBLE_QUANT_PACKED_INT8_INL_HPP
#else
#define NIBBLE_QUANT_PACKED_INT8_INL_HPP
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/packed_int8.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Packs one tile, w: [n, k] with n <= 32; false if a code is -128.
HWY_MAYBE_UNUSED HWY_NOINLINE inline bool PackInt8Kernel(
    const int8_t* w, size_t n, size_t k, int8_t* HWY_RESTRICT codes,
    int32_t* HWY_RESTRICT sums) {
  bool narrow = true;
  for (size_t i = 0; i < kInt8Tile; ++i) sums[i] = 0;
  for (size_t g = 0; g < k; g += kInt8Group) {
    for (size_t i = 0; i < kInt8Tile; ++i) {
      for (size_t j = g; j < g + kInt8Group; ++j) {
        const int8_t code = i < n && j < k ? w[i * k + j] : int8_t{0};
        narrow &= code != -128;
        sums[i] += code;
        *codes++ = code;
      }
    }
  }
  return narrow;
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
