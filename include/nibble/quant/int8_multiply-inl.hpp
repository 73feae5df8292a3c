// Sums of a panel of rows and a tile of weights, the inner loops of
// int8_kernel-inl.hpp: one body for VNNI, one for vectors that multiply 16-bit
// lanes, one plain.
#if defined(NIBBLE_QUANT_INT8_MULTIPLY_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_INT8_MULTIPLY_INL_HPP
#undef NIBBLE_QUANT_INT8_MULTIPLY_INL_HPP
#else
#define NIBBLE_QUANT_INT8_MULTIPLY_INL_HPP
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "nibble/core/dot-inl.hpp"
#include "nibble/core/gemm_panel-inl.hpp"
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

// panel: [groups][kRows][4], tile: [groups][32][4], sums: [kRows][32].

#if NIBBLE_VNNI512

// 12 rows by two vectors of 16 outputs: 24 sums, 2 vectors of weights and a
// broadcast input fill 27 of 32 registers. One dot product per half a load, and
// chains enough (24) for the two per cycle of 5 cycles that some CPUs do.
inline constexpr size_t kMostRows = 12;

// Bytes ahead of the weights in use that are asked for. A tile comes from the
// L2 cache, or from beyond it at its first panel.
inline constexpr size_t kAhead = 2048;

// Few rows take several groups at a time, each with sums of its own, or the
// latency of one dot product would be the limit.
template <size_t kRows>
HWY_INLINE void Multiply(const uint8_t* HWY_RESTRICT panel, size_t groups,
                         const int8_t* HWY_RESTRICT tile,
                         const gemm::Ahead<int8_t>& ahead,
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
  const int8_t* next = ahead.count == 0 ? tile : ahead.from;
  const size_t next_step = (ahead.count + groups - 1) / groups;
  const auto step = [&](size_t u) NIBBLE_ATTR __attribute__((always_inline)) {
    const __m512i w0 = _mm512_load_si512(tile + u * 128);
    const __m512i w1 = _mm512_load_si512(tile + u * 128 + 64);
    _mm_prefetch(reinterpret_cast<const char*>(tile + u * 128 + kAhead),
                 _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(tile + u * 128 + kAhead + 64),
                 _MM_HINT_T0);
    if constexpr (kRows >= 5) {  // fewer are the only panel
      _mm_prefetch(reinterpret_cast<const char*>(next), _MM_HINT_T1);
      next += next_step;
    }
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
inline constexpr uint8_t kPanelFlip = 0;

#elif HWY_TARGET == HWY_NEON && defined(__ARM_FEATURE_DOTPROD)

// SDOT multiplies signed bytes: the panel holds code - 128, and 128 times the
// weights is added again, as twice 64 times the weights.
using PanelCode = uint8_t;
inline constexpr size_t kMostRows = 6;
inline constexpr uint8_t kPanelFlip = 0x80;

// 6 rows by two vectors of 4 outputs: 12 sums, and chains enough for two dot
// products per cycle of 4 cycles.
template <size_t kRows>
HWY_INLINE void Multiply(const uint8_t* HWY_RESTRICT panel, size_t groups,
                         const int8_t* HWY_RESTRICT tile,
                         const gemm::Ahead<int8_t>&,
                         int32_t* HWY_RESTRICT sums) {
  const int8x16_t offset = vdupq_n_s8(64);
  for (size_t column = 0; column < kInt8Tile; column += 8) {
    int32x4_t c0[kRows], c1[kRows];
    int32x4_t added0 = vdupq_n_s32(0), added1 = vdupq_n_s32(0);
    HWY_UNROLL(6)
    for (size_t i = 0; i < kRows; ++i) c0[i] = c1[i] = vdupq_n_s32(0);
    const uint8_t* HWY_RESTRICT x = panel;
    const int8_t* HWY_RESTRICT w = tile + column * kInt8Group;
    for (size_t g = 0; g < groups; ++g) {
      const int8x16_t w0 = vld1q_s8(w), w1 = vld1q_s8(w + 16);
      added0 = vdotq_s32(added0, w0, offset);
      added1 = vdotq_s32(added1, w1, offset);
      HWY_UNROLL(6)
      for (size_t i = 0; i < kRows; ++i) {
        const int8x16_t input =
            vreinterpretq_s8_u32(vdupq_n_u32(LoadGroup(x + i * kInt8Group)));
        c0[i] = vdotq_s32(c0[i], w0, input);
        c1[i] = vdotq_s32(c1[i], w1, input);
      }
      x += kRows * kInt8Group;
      w += kInt8Tile * kInt8Group;
    }
    HWY_UNROLL(6)
    for (size_t i = 0; i < kRows; ++i) {
      int32_t* to = sums + i * kInt8Tile + column;
      vst1q_s32(to, vaddq_s32(c0[i], vshlq_n_s32(added0, 1)));
      vst1q_s32(to + 4, vaddq_s32(c1[i], vshlq_n_s32(added1, 1)));
    }
  }
}

#elif HWY_TARGET != HWY_SCALAR && !HWY_HAVE_SCALABLE

// Codes are widened to 16 bits, those of the panel when it is packed, and
// multiplied in pairs: a vector of 32-bit sums holds for each output that of
// k's 0 and 1 and that of k's 2 and 3, which meet at the end. Bytes would be
// multiplied by fewer instructions (maddubs), but that saturates in 16 bits:
// 2 * 255 * 127 does not fit.
using PanelCode = int16_t;
inline constexpr uint8_t kPanelFlip = 0;

// Two vectors of weights by 6 rows fill the 16 registers of AVX2 (12 sums, 2
// weights, an input, a product), 12 rows the 32 of AVX3.
inline constexpr size_t kMostRows = HWY_TARGET <= HWY_AVX3 ? 12 : 6;

using Sums = hn::CappedTag<int32_t, 16>;
using Wide = hn::Repartition<int16_t, Sums>;

// A broadcast group of inputs.
HWY_INLINE hn::Vec<Wide> BroadcastGroup(const int16_t* from) {
  const hn::Repartition<int64_t, Sums> d64;
  int64_t group;
  std::memcpy(&group, from, sizeof(group));
  return hn::BitCast(Wide(), hn::Set(d64, group));
}

// v, computed here and not earlier: g++ would load the inputs of all rows
// before it multiplies one, and have no registers left for the sums.
template <class V>
HWY_INLINE V Pin(V v) {
#if NIBBLE_X86_VECTORS
  asm volatile("" : "+v"(v.raw));
#endif
  return v;
}

// Few rows take more outputs at a time, so that memory sees fewer passes.
template <size_t kRows>
HWY_INLINE void Multiply(const int16_t* HWY_RESTRICT panel, size_t groups,
                         const int8_t* HWY_RESTRICT tile,
                         const gemm::Ahead<int8_t>& /*ahead*/,
                         int32_t* HWY_RESTRICT sums) {
  const Sums d;
  const hn::Rebind<int8_t, Wide> d8;
  constexpr size_t N = hn::MaxLanes(Sums());
  constexpr size_t kAll = 2 * kInt8Tile / N;
  constexpr size_t kVectors = kRows == 1   ? HWY_MIN(kAll, 8)
                              : kRows == 2 ? 4
                                           : 2;
  using V = hn::Vec<Sums>;
  for (size_t column = 0; column < kInt8Tile; column += kVectors * N / 2) {
    V c[kRows][kVectors];
    HWY_UNROLL(12)
    for (size_t i = 0; i < kRows; ++i) {
      HWY_UNROLL(8)
      for (size_t v = 0; v < kVectors; ++v) c[i][v] = hn::Zero(d);
    }
    const int16_t* HWY_RESTRICT x = panel;
    const int8_t* HWY_RESTRICT w = tile + column * kInt8Group;
    for (size_t g = 0; g < groups; ++g) {
      hn::Vec<Wide> weights[kVectors];
      HWY_UNROLL(8)
      for (size_t v = 0; v < kVectors; ++v) {
        weights[v] = hn::PromoteTo(Wide(), hn::LoadU(d8, w + v * 2 * N));
      }
      HWY_UNROLL(12)
      for (size_t i = 0; i < kRows; ++i) {
        const auto input = Pin(BroadcastGroup(x + i * kInt8Group));
        HWY_UNROLL(8)
        for (size_t v = 0; v < kVectors; ++v) {
          c[i][v] = Pin(hn::Add(c[i][v], MulPairsAdd(input, weights[v])));
        }
      }
      x += kRows * kInt8Group;
      w += kInt8Tile * kInt8Group;
    }
    HWY_UNROLL(12)
    for (size_t i = 0; i < kRows; ++i) {
      HWY_UNROLL(4)
      for (size_t v = 0; v < kVectors; v += 2) {
        hn::Store(hn::Add(hn::ConcatEven(d, c[i][v + 1], c[i][v]),
                          hn::ConcatOdd(d, c[i][v + 1], c[i][v])),
                  d, sums + i * kInt8Tile + column + v * N / 2);
      }
    }
  }
}

#else

using PanelCode = uint8_t;
inline constexpr uint8_t kPanelFlip = 0;
inline constexpr size_t kMostRows = 6;

template <size_t kRows>
HWY_INLINE void Multiply(const uint8_t* HWY_RESTRICT panel, size_t groups,
                         const int8_t* HWY_RESTRICT tile,
                         const gemm::Ahead<int8_t>& /*ahead*/,
                         int32_t* HWY_RESTRICT sums) {
  std::memset(sums, 0, kRows * kInt8Tile * sizeof(*sums));
  for (size_t g = 0; g < groups; ++g) {
    for (size_t i = 0; i < kRows; ++i, panel += kInt8Group) {
      for (size_t n = 0; n < kInt8Tile; ++n) {
        for (size_t j = 0; j < kInt8Group; ++j) {
          // Modulo 2^32, as vectors add: what is subtracted for the zero point
          // brings the sum back into range.
          std::int32_t& sum = sums[i * kInt8Tile + n];
          sum = static_cast<std::int32_t>(
              static_cast<std::uint32_t>(sum) +
              static_cast<std::uint32_t>(panel[j] * tile[n * kInt8Group + j]));
        }
      }
    }
    tile += kInt8Tile * kInt8Group;
  }
}

#endif

}  // namespace int8_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
