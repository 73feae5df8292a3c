// uint8 x int8 -> int32 for core/gemm_panel-inl.hpp: how a panel of rows meets
// a tile of packed_int8.hpp. Signed codes come as code + 128; what that adds is
// 128 times the sum of the weights, which the callers take off again.
//
// Sums are exact modulo 2^32 on every instruction set: no step saturates.
#if defined(NIBBLE_QUANT_INT8_KERNEL_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_INT8_KERNEL_INL_HPP
#undef NIBBLE_QUANT_INT8_KERNEL_INL_HPP
#else
#define NIBBLE_QUANT_INT8_KERNEL_INL_HPP
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "nibble/core/dot-inl.hpp"
#include "nibble/quant/packed_int8.hpp"

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace int8_internal {

// Four codes of one row as they lie in memory.
HWY_INLINE uint32_t LoadGroup(const uint8_t* from) {
  uint32_t group;
  std::memcpy(&group, from, sizeof(group));
  return group;
}

// The last k % 4 codes of a row, then zeros.
HWY_INLINE uint32_t LoadLastGroup(const uint8_t* from, size_t count) {
  uint32_t group = 0;
  std::memcpy(&group, from, count);
  return group;
}

#if NIBBLE_VNNI512

// 12 rows by two vectors of 16 outputs: 24 sums, 2 vectors of weights and a
// broadcast input fill 27 of 32 registers. One dot product per half a load, and
// chains enough (24) for the two per cycle of 5 cycles that some CPUs do.
inline constexpr size_t kMostRows = 12;

// Bytes ahead of the weights in use that are asked for. A tile comes from the
// L2 cache, or from beyond it at its first panel.
inline constexpr size_t kAhead = 1024;

// Few rows take several groups at a time, each with sums of its own, or the
// latency of one dot product would be the limit.
template <size_t kRows>
HWY_INLINE void Multiply(const uint8_t* HWY_RESTRICT panel, size_t groups,
                         const int8_t* HWY_RESTRICT tile,
                         int32_t* HWY_RESTRICT sums) {
  constexpr size_t kUnroll = kRows >= 5 ? 1 : kRows >= 3 ? 2 : 4;
  __m512i c0[kUnroll][kRows], c1[kUnroll][kRows];
  HWY_UNROLL(4)
  for (size_t u = 0; u < kUnroll; ++u) {
    HWY_UNROLL(12)
    for (size_t i = 0; i < kRows; ++i) {
      c0[u][i] = c1[u][i] = _mm512_setzero_si512();
    }
  }
  const auto step = [&](size_t u) NIBBLE_ATTR __attribute__((always_inline)) {
    const __m512i w0 = _mm512_load_si512(tile + u * 128);
    const __m512i w1 = _mm512_load_si512(tile + u * 128 + 64);
    _mm_prefetch(reinterpret_cast<const char*>(tile + u * 128 + kAhead),
                 _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(tile + u * 128 + kAhead + 64),
                 _MM_HINT_T0);
    HWY_UNROLL(12)
    for (size_t i = 0; i < kRows; ++i) {
      const __m512i x = _mm512_set1_epi32(static_cast<int32_t>(
          LoadGroup(panel + (u * kRows + i) * kInt8Group)));
      c0[u][i] = _mm512_dpbusd_epi32(c0[u][i], x, w0);
      c1[u][i] = _mm512_dpbusd_epi32(c1[u][i], x, w1);
    }
  };
  size_t g = 0;
  for (; g + kUnroll <= groups; g += kUnroll) {
    HWY_UNROLL(4)
    for (size_t u = 0; u < kUnroll; ++u) step(u);
    panel += kUnroll * kRows * kInt8Group;
    tile += kUnroll * kInt8Tile * kInt8Group;
  }
  if constexpr (kUnroll > 1) {
    for (; g < groups; ++g) {
      step(0);
      panel += kRows * kInt8Group;
      tile += kInt8Tile * kInt8Group;
    }
  }
  HWY_UNROLL(12)
  for (size_t i = 0; i < kRows; ++i) {
    HWY_UNROLL(4)
    for (size_t u = 1; u < kUnroll; ++u) {
      c0[0][i] = _mm512_add_epi32(c0[0][i], c0[u][i]);
      c1[0][i] = _mm512_add_epi32(c1[0][i], c1[u][i]);
    }
    _mm512_store_si512(sums + i * kInt8Tile, c0[0][i]);
    _mm512_store_si512(sums + i * kInt8Tile + 16, c1[0][i]);
  }
}

using PanelCode = uint8_t;

#else  // Plain loops: correct everywhere.

inline constexpr size_t kMostRows = 6;
using PanelCode = uint8_t;

template <size_t kRows>
HWY_INLINE void Multiply(const uint8_t* HWY_RESTRICT panel, size_t groups,
                         const int8_t* HWY_RESTRICT tile,
                         int32_t* HWY_RESTRICT sums) {
  std::memset(sums, 0, kRows * kInt8Tile * sizeof(*sums));
  for (size_t g = 0; g < groups; ++g) {
    for (size_t i = 0; i < kRows; ++i) {
      for (size_t n = 0; n < kInt8Tile; ++n) {
        for (size_t j = 0; j < kInt8Group; ++j) {
          sums[i * kInt8Tile + n] += panel[i * kInt8Group + j] *
                                     tile[n * kInt8Group + j];
        }
      }
    }
    panel += kRows * kInt8Group;
    tile += kInt8Tile * kInt8Group;
  }
}

#endif

}  // namespace int8_internal

// See gemm_panel-inl.hpp. flip: what int8 codes are xored with to become
// code + 128 (0x80), or 0 for uint8.
struct Int8Kernel {
  using Input = uint8_t;
  using Weight = int8_t;
  using Panel = int8_internal::PanelCode;
  using Tag = hn::CappedTag<int32_t, 16>;
  static constexpr size_t kRows = int8_internal::kMostRows;
  static constexpr size_t kGroup = kInt8Group;

  uint8_t flip;

  size_t columns() const { return kInt8Tile; }

  void PackRows(const uint8_t* const* rows, size_t h, size_t k,
                Panel* HWY_RESTRICT out) const {
    using namespace int8_internal;  // NOLINT
    const uint32_t flips = flip * 0x01010101u;
    for (size_t g = 0; g < k / kGroup; ++g) {
      for (size_t i = 0; i < h; ++i, out += kGroup) {
        Store(LoadGroup(rows[i] + g * kGroup) ^ flips, out);
      }
    }
    if (k % kGroup == 0) return;
    for (size_t i = 0; i < h; ++i, out += kGroup) {
      Store(LoadLastGroup(rows[i] + k / kGroup * kGroup, k % kGroup) ^ flips,
            out);
    }
  }

  void operator()(const Panel* panel, size_t h, size_t groups,
                  const int8_t* tile, int32_t* sums) const {
    using int8_internal::Multiply;
    switch (h) {
      case 1:
        return Multiply<1>(panel, groups, tile, sums);
      case 2:
        return Multiply<2>(panel, groups, tile, sums);
      case 3:
        return Multiply<3>(panel, groups, tile, sums);
      case 4:
        return Multiply<4>(panel, groups, tile, sums);
      case 5:
        return Multiply<5>(panel, groups, tile, sums);
      case 6:
        return Multiply<6>(panel, groups, tile, sums);
#if NIBBLE_VNNI512
      case 7:
        return Multiply<7>(panel, groups, tile, sums);
      case 8:
        return Multiply<8>(panel, groups, tile, sums);
      case 9:
        return Multiply<9>(panel, groups, tile, sums);
      case 10:
        return Multiply<10>(panel, groups, tile, sums);
      case 11:
        return Multiply<11>(panel, groups, tile, sums);
      default:
        return Multiply<12>(panel, groups, tile, sums);
#endif
    }
  }

 private:
  static HWY_INLINE void Store(uint32_t group, uint8_t* to) {
    std::memcpy(to, &group, sizeof(group));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
