// Kernel of packed_int8.hpp. Compiled once per instruction set; see
// src/quant/packed_int8.cpp.
// Before the guard: whoever includes this file alone gets the kernel by way of
// the header, which needs it.
#include "nibble/quant/packed_int8.hpp"

#if defined(NIBBLE_QUANT_PACKED_INT8_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_PACKED_INT8_INL_HPP
#undef NIBBLE_QUANT_PACKED_INT8_INL_HPP
#else
#define NIBBLE_QUANT_PACKED_INT8_INL_HPP
#endif

#include <cstddef>
#include <cstdint>

#include "nibble/core/aligned.hpp"
#include "nibble/core/dot-inl.hpp"
#include "nibble/quant/pack_groups-inl.hpp"

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace pack_internal {

// Sums over k of the 32 outputs of a packed tile; false if a code is -128.
#if HWY_TARGET == HWY_SCALAR
inline bool SumTile(const int8_t* HWY_RESTRICT codes, size_t groups,
                    int32_t* HWY_RESTRICT sums) {
  bool narrow = true;
  for (size_t i = 0; i < kInt8Tile; ++i) sums[i] = 0;
  for (size_t i = 0; i < groups * kInt8Tile * kInt8Group; ++i) {
    sums[i / kInt8Group % kInt8Tile] += codes[i];
    narrow &= codes[i] != -128;
  }
  return narrow;
}
#else
HWY_INLINE bool SumTile(const int8_t* HWY_RESTRICT codes, size_t groups,
                        int32_t* HWY_RESTRICT sums) {
  const hn::CappedTag<int32_t, 16> d;
  const hn::Repartition<int8_t, decltype(d)> d8;
  const hn::Repartition<uint8_t, decltype(d)> du8;
  const auto ones = hn::Set(du8, uint8_t{1});
  auto least = hn::Zero(d8);
  for (size_t n = 0; n < kInt8Tile; n += hn::Lanes(d)) {
    auto sum = hn::Zero(d);
    const int8_t* HWY_RESTRICT from = codes + n * kInt8Group;
    for (size_t g = 0; g < groups; ++g, from += kInt8Tile * kInt8Group) {
      const auto w = hn::Load(d8, from);
      sum = SumOfMulQuadAccumulate(ones, w, sum);
      least = hn::Min(least, w);
    }
    hn::Store(sum, d, sums + n);
  }
  return hn::AllFalse(d8, hn::Eq(least, hn::Set(d8, int8_t{-128})));
}
#endif

}  // namespace pack_internal

// Packs one tile, w: [n, k] with n <= 32; false if a code is -128.
HWY_MAYBE_UNUSED HWY_NOINLINE inline bool PackInt8Kernel(
    const int8_t* w, size_t n, size_t k, int8_t* HWY_RESTRICT codes,
    int32_t* HWY_RESTRICT sums) {
  const AlignedVector<uint8_t> zeros(n < kInt8Tile ? k : 0);
  const uint8_t* rows[kInt8Tile];
  for (size_t i = 0; i < kInt8Tile; ++i) {
    rows[i] =
        i < n ? reinterpret_cast<const uint8_t*>(w + i * k) : zeros.data();
  }
  pack_internal::PackGroups(rows, kInt8Tile, k, 0,
                            reinterpret_cast<uint8_t*>(codes));
  return pack_internal::SumTile(codes, (k + kInt8Group - 1) / kInt8Group, sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
