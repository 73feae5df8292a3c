// Products of bytes by look-up, for core/gemm-inl.hpp.
//
// A row of the table, for one byte of x, has 256 products of 16 bits. With
// AVX512-VBMI it lies in eight registers, four of low and four of high bytes,
// and 64 weights are looked up by four vpermi2b. Elsewhere it lies in the
// nearest cache and is indexed weight by weight.
#if defined(NIBBLE_ARITH_TABLE_TILE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_ARITH_TABLE_TILE_INL_HPP
#undef NIBBLE_ARITH_TABLE_TILE_INL_HPP
#else
#define NIBBLE_ARITH_TABLE_TILE_INL_HPP
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/arith/approx_dot.hpp"
#include "nibble/arith/approx_weights.hpp"
#include "nibble/core/aligned.hpp"
#include "nibble/core/gemm-inl.hpp"
#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace approx_internal {
namespace hn = hwy::HWY_NAMESPACE;

// Sums of one row of x and `width` columns; any table, any instruction set.
struct PlainTableTile {
  using Input = std::int8_t;
  using Weight = std::uint8_t;
  using Tag = hn::ScalableTag<std::int32_t>;
  static constexpr size_t kRows = 1;
  static constexpr size_t kGroup = 1;
  static constexpr size_t kMost = 256;  // columns

  const ProductTable* table;
  size_t width;

  size_t columns() const { return width; }

  template <class Store>
  void operator()(const std::int8_t* const* HWY_RESTRICT rows, size_t, size_t k,
                  const std::uint8_t* HWY_RESTRICT tile,
                  const Store& store) const {
    HWY_ALIGN std::int32_t sums[kMost] = {};
    for (size_t i = 0; i < k; ++i, tile += width) {
      const std::int32_t* HWY_RESTRICT row = table->Row(rows[0][i]);
      for (size_t j = 0; j < width; ++j) sums[j] += row[tile[j]];
    }
    const Tag d;
    for (size_t j = 0; j < width; j += hn::Lanes(d)) {
      store(d, 0, j, hn::Load(d, sums + j));
    }
  }
};

#undef NIBBLE_BYTE_LOOKUPS
#if HWY_TARGET == HWY_AVX3_DL || \
    (HWY_TARGET <= HWY_AVX3 && defined(__AVX512VBMI__))
#define NIBBLE_BYTE_LOOKUPS 1

// The same in registers; kBlocks of 64 columns share the loads of a row.
//
// Bytes are summed in lanes of 16 bits, of which `all` takes each as it is,
// even + 256 odd, and `odd` the upper byte; the even bytes' sum is all - 256
// odd modulo 2^16. High bytes are stored plus 128, so that they have no sign.
// After 256 k, at most 256 * 255 < 2^16 in a lane, the sums move to int32.
template <size_t kBlocks>
struct ByteTableTile {
  using Input = std::int8_t;
  using Weight = std::uint8_t;
  using Tag = hn::ScalableTag<std::int32_t>;
  static constexpr size_t kRows = 1;
  static constexpr size_t kGroup = 1;
  static constexpr size_t kWidth = 64 * kBlocks;
  static constexpr size_t kRun = 256;

  const std::uint8_t* planes;  // [byte of x][low, high][256]

  size_t columns() const { return kWidth; }

  template <class Store>
  void operator()(const std::int8_t* const* HWY_RESTRICT rows, size_t, size_t k,
                  const std::uint8_t* HWY_RESTRICT tile,
                  const Store& store) const {
    HWY_ALIGN std::int32_t sums[kWidth] = {};
    for (size_t i = 0; i < k; i += kRun) {
      const size_t run = std::min(kRun, k - i);
      Sum(rows[0] + i, run, tile + i * kWidth, sums);
    }
    const Tag d;
    for (size_t j = 0; j < kWidth; j += hn::Lanes(d)) {
      store(d, 0, j, hn::Load(d, sums + j));
    }
  }

 private:
  struct Lanes {
    __m512i all, odd;
    HWY_INLINE void Add(__m512i bytes) {
      all = _mm512_add_epi16(all, bytes);
      odd = _mm512_add_epi16(odd, _mm512_srli_epi16(bytes, 8));
    }
  };

  static HWY_INLINE __m512i LookUp(__m512i index, __mmask64 upper, __m512i a,
                                   __m512i b, __m512i c, __m512i e) {
    const __m512i below = _mm512_permutex2var_epi8(a, index, b);
    const __m512i above = _mm512_permutex2var_epi8(c, index, e);
    return _mm512_mask_blend_epi8(upper, below, above);
  }

  HWY_INLINE void Sum(const std::int8_t* HWY_RESTRICT x, size_t k,
                      const std::uint8_t* HWY_RESTRICT tile,
                      std::int32_t* HWY_RESTRICT sums) const {
    Lanes low[kBlocks], high[kBlocks];
    for (size_t b = 0; b < kBlocks; ++b) {
      low[b] = high[b] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    }
    for (size_t i = 0; i < k; ++i, tile += kWidth) {
      const std::uint8_t* row =
          planes + 512 * size_t{static_cast<uint8_t>(x[i])};
      const __m512i l0 = _mm512_load_si512(row);
      const __m512i l1 = _mm512_load_si512(row + 64);
      const __m512i l2 = _mm512_load_si512(row + 128);
      const __m512i l3 = _mm512_load_si512(row + 192);
      const __m512i h0 = _mm512_load_si512(row + 256);
      const __m512i h1 = _mm512_load_si512(row + 320);
      const __m512i h2 = _mm512_load_si512(row + 384);
      const __m512i h3 = _mm512_load_si512(row + 448);
      HWY_UNROLL(4)
      for (size_t b = 0; b < kBlocks; ++b) {
        const __m512i index = _mm512_load_si512(tile + 64 * b);
        const __mmask64 upper = _mm512_movepi8_mask(index);
        low[b].Add(LookUp(index, upper, l0, l1, l2, l3));
        high[b].Add(LookUp(index, upper, h0, h1, h2, h3));
      }
    }
    for (size_t b = 0; b < kBlocks; ++b) {
      Flush(low[b], high[b], static_cast<std::int32_t>(k), sums + 64 * b);
    }
  }

  // sums[j] += low + 256 (high - 128 k)
  static HWY_INLINE void Flush(const Lanes& low, const Lanes& high,
                               std::int32_t k, std::int32_t* sums) {
    HWY_ALIGN std::uint16_t lanes[4][32];
    _mm512_store_si512(lanes[0], low.all);
    _mm512_store_si512(lanes[1], low.odd);
    _mm512_store_si512(lanes[2], high.all);
    _mm512_store_si512(lanes[3], high.odd);
    const auto even = [](std::uint16_t all, std::uint16_t odd) {
      return static_cast<std::uint16_t>(all - (odd << 8));
    };
    for (size_t j = 0; j < 32; ++j) {
      sums[2 * j] += even(lanes[0][j], lanes[1][j]) +
                     256 * (even(lanes[2][j], lanes[3][j]) - 128 * k);
      sums[2 * j + 1] += lanes[1][j] + 256 * (lanes[3][j] - 128 * k);
    }
  }
};
#else
#define NIBBLE_BYTE_LOOKUPS 0
#endif

// Rows of codes.
struct CodeRows {
  const std::int8_t* codes;
  size_t k;
  auto operator()(size_t m) const {
    return
        [row = codes + m * k, this](const std::int8_t** out, size_t) mutable {
          *out = row;
          row += k;
        };
  }
};

// int32 sums, as they are or as float(sum) * (x scale * w scale).
struct StoreCounts {
  std::int32_t* counts;  // or null
  float* out;
  size_t n;
  const float* x_scales;
  const float* w_scales;

  template <class D, class V>
  HWY_INLINE void operator()(D d, V v, size_t m, size_t j, size_t valid) const {
    HWY_ALIGN std::int32_t lanes[hn::MaxLanes(D())];
    hn::Store(v, d, lanes);
    if (counts != nullptr) {
      std::copy(lanes, lanes + valid, counts + m * n + j);
      return;
    }
    for (size_t i = 0; i < valid; ++i) {
      const float scale = x_scales[m] * w_scales[j + i];
      out[m * n + j + i] = static_cast<float>(lanes[i]) * scale;
    }
  }
};

// Columns of a tile: few outputs fill no wide one.
inline size_t TableColumns(size_t n) {
  return n <= 64 ? 64 : n <= 128 ? 128 : 256;
}

// x: [m, k] codes; packed: w by PackCodes for as many columns.
inline void RunCodes(const ProductTable& table, const std::int8_t* x,
                     const std::uint8_t* packed, size_t columns,
                     const TableShape& shape, const StoreCounts& store,
                     const Executor& executor) {
  const auto run = [&](const auto& kernel) {
    Gemm(kernel, {shape.m, shape.n, 1, shape.k}, CodeRows{x, shape.k}, packed,
         store, executor);
  };
#if NIBBLE_BYTE_LOOKUPS
  if (const std::uint8_t* planes = table.planes()) {
    switch (columns) {
      case 64:
        return run(ByteTableTile<1>{planes});
      case 128:
        return run(ByteTableTile<2>{planes});
      default:
        return run(ByteTableTile<4>{planes});
    }
  }
#endif
  run(PlainTableTile{&table, columns});
}

// w: [n, k] codes to tiles of TableColumns(n).
inline AlignedVector<std::uint8_t> PackCodes(const std::int8_t* w, size_t n,
                                             size_t k) {
  const PlainTableTile kernel{nullptr, TableColumns(n)};
  AlignedVector<std::uint8_t> packed(PackedSize(kernel, n, 1, k));
  PackWeights(kernel, reinterpret_cast<const std::uint8_t*>(w), n, 1, k,
              packed.data());
  return packed;
}

// Rows of floats to codes and scales.
inline void ToCodes(const float* x, size_t k, std::int8_t* codes,
                    float* scale) {
  const ByteScale s({x, k});
  for (size_t i = 0; i < k; ++i) codes[i] = s.Code(x[i]);
  *scale = s.scale;
}

inline void PackFloats(const float* w, ApproxWeights& out) {
  AlignedVector<std::int8_t> codes(out.n * out.k);
  out.scales.resize(out.n);
  for (size_t i = 0; i < out.n; ++i) {
    ToCodes(w + i * out.k, out.k, codes.data() + i * out.k, &out.scales[i]);
  }
  out.columns = TableColumns(out.n);
  out.codes = PackCodes(codes.data(), out.n, out.k);
}

inline void RunBytes(const ApproxWeights& w, const float* x, size_t m,
                     float* out, const Executor& executor) {
  AlignedVector<std::int8_t> codes(m * w.k);
  std::vector<float> scales(m);
  executor(m, [&](size_t i) {
    ToCodes(x + i * w.k, w.k, codes.data() + i * w.k, &scales[i]);
  });
  RunCodes(w.multiplier.table(), codes.data(), w.codes.data(), w.columns,
           {m, w.n, w.k}, {nullptr, out, w.n, scales.data(), w.scales.data()},
           executor);
}

}  // namespace approx_internal

// out = x * w of bytes; see ApproxGemm.
HWY_MAYBE_UNUSED HWY_NOINLINE inline void TableGemmKernel(
    const ProductTable& table, const std::int8_t* x, const std::int8_t* w,
    const TableShape& shape, std::int32_t* out, const Executor& executor) {
  using namespace approx_internal;  // NOLINT
  const auto packed = PackCodes(w, shape.n, shape.k);
  RunCodes(table, x, packed.data(), TableColumns(shape.n), shape,
           {out, nullptr, shape.n, nullptr, nullptr}, executor);
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
