// Rows of bytes to groups of four k's side by side: the order of panels and of
// packed weights.
#if defined(NIBBLE_QUANT_PACK_GROUPS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_PACK_GROUPS_INL_HPP
#undef NIBBLE_QUANT_PACK_GROUPS_INL_HPP
#else
#define NIBBLE_QUANT_PACK_GROUPS_INL_HPP
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "nibble/core/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace pack_internal {

// Stores groups, four bytes each, as bytes or widened (unsigned) to 16 bits.
HWY_INLINE void StoreGroup(uint32_t group, uint8_t* to) {
  std::memcpy(to, &group, sizeof(group));
}
HWY_INLINE void StoreGroup(uint32_t group, int16_t* to) {
  for (int j = 0; j < 4; ++j) {
    to[j] = static_cast<int16_t>(group >> (8 * j) & 0xFF);
  }
}

#if HWY_TARGET != HWY_SCALAR
using Groups = hn::FixedTag<uint32_t, 4>;

HWY_INLINE void StoreGroups(hn::Vec<Groups> v, uint8_t* to) {
  const hn::Repartition<uint8_t, Groups> d8;
  hn::StoreU(hn::BitCast(d8, v), d8, to);
}
HWY_INLINE void StoreGroups(hn::Vec<Groups> v, int16_t* to) {
  const hn::Repartition<uint8_t, Groups> d8;
  const hn::Half<decltype(d8)> half;
  const hn::Repartition<int16_t, Groups> d16;
  const auto bytes = hn::BitCast(d8, v);
  hn::StoreU(hn::PromoteTo(d16, hn::LowerHalf(half, bytes)), d16, to);
  hn::StoreU(hn::PromoteTo(d16, hn::UpperHalf(half, bytes)), d16, to + 8);
}

// Four groups of each of four rows, transposed:
//
//     [a0 a1 a2 a3]      [a0 b0 c0 d0]  to out
//     [b0 b1 b2 b3]  ->  [a1 b1 c1 d1]  to out + stride
//     [c0 c1 c2 c3]      [a2 b2 c2 d2]  ...
//     [d0 d1 d2 d3]      [a3 b3 c3 d3]
template <class Out>
HWY_INLINE void Transpose4x4(const uint8_t* const* rows, size_t at,
                             uint32_t flips, Out* out, size_t stride) {
  const Groups d;
  const hn::Repartition<uint8_t, Groups> d8;
  const hn::Repartition<uint64_t, Groups> d64;
  const auto flip = hn::Set(d, flips);
  const auto load = [&](size_t i) HWY_ATTR {
    return hn::Xor(hn::BitCast(d, hn::LoadU(d8, rows[i] + at)), flip);
  };
  const auto a = load(0), b = load(1), c = load(2), e = load(3);
  const auto ab01 = hn::BitCast(d64, hn::InterleaveLower(d, a, b));
  const auto ab23 = hn::BitCast(d64, hn::InterleaveUpper(d, a, b));
  const auto ce01 = hn::BitCast(d64, hn::InterleaveLower(d, c, e));
  const auto ce23 = hn::BitCast(d64, hn::InterleaveUpper(d, c, e));
  StoreGroups(hn::BitCast(d, hn::InterleaveLower(d64, ab01, ce01)), out);
  StoreGroups(hn::BitCast(d, hn::InterleaveUpper(d64, ab01, ce01)),
              out + stride);
  StoreGroups(hn::BitCast(d, hn::InterleaveLower(d64, ab23, ce23)),
              out + 2 * stride);
  StoreGroups(hn::BitCast(d, hn::InterleaveUpper(d64, ab23, ce23)),
              out + 3 * stride);
}
#endif

// Groups [from, to) of row i of h, one by one; the last may lie partly beyond
// k and is filled up with zeros.
template <class Out>
HWY_INLINE void PackOneRow(const uint8_t* row, size_t i, size_t h, size_t k,
                           size_t from, size_t to, uint32_t flips, Out* out) {
  for (size_t g = from; g < to; ++g) {
    uint32_t group = 0;
    if (HWY_LIKELY(4 * g + 4 <= k)) {
      std::memcpy(&group, row + 4 * g, 4);
    } else {
      std::memcpy(&group, row + 4 * g, k - 4 * g);
    }
    StoreGroup(group ^ flips, out + (g * h + i) * 4);
  }
}

// h rows of k bytes, each xored with `flips`, to out: [ceil(k / 4)][h][4].
// Where k ends within a group, the rest of it is 0 ^ flips: its weights are 0.
template <class Out>
HWY_INLINE void PackGroups(const uint8_t* const* rows, size_t h, size_t k,
                           uint32_t flips, Out* out) {
  constexpr size_t kBlock = 64;  // groups, so that lines are used up at once
  const size_t groups = (k + 3) / 4;
  for (size_t g0 = 0; g0 < groups; g0 += kBlock) {
    const size_t g1 = std::min(groups, g0 + kBlock);
    size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
    for (; i + 4 <= h; i += 4) {
      size_t g = g0;
      for (; g + 4 <= g1 && 4 * (g + 4) <= k; g += 4) {
        Transpose4x4(rows + i, 4 * g, flips, out + (g * h + i) * 4, 4 * h);
      }
      for (size_t r = i; g < g1 && r < i + 4; ++r) {
        PackOneRow(rows[r], r, h, k, g, g1, flips, out);
      }
    }
#endif
    for (; i < h; ++i) PackOneRow(rows[i], i, h, k, g0, g1, flips, out);
  }
}

}  // namespace pack_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
