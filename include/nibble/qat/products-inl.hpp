// Kernels of nibble/qat/products.hpp.
#if defined(NIBBLE_QAT_PRODUCTS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QAT_PRODUCTS_INL_HPP
#undef NIBBLE_QAT_PRODUCTS_INL_HPP
#else
#define NIBBLE_QAT_PRODUCTS_INL_HPP
#endif

#include <algorithm>
#include <cstddef>

#include "nibble/core/highway.hpp"
#include "nibble/qat/products.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble::qat {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors stand in arrays here, which loops unroll into registers: for x86 and
// Arm, whose vectors have a size the compiler knows.
#define NIBBLE_UNROLL _Pragma("GCC unroll 32")

// Registers decide the tiles. With 32, 16 to 24 sums; with 16, 8 to 12.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
inline constexpr size_t kQuadsOfOne = 4, kQuadsOfTwo = 3;
inline constexpr size_t kOutputs = 8;
#else
inline constexpr size_t kQuadsOfOne = 3, kQuadsOfTwo = 1;
inline constexpr size_t kOutputs = 4;
#endif

template <size_t kV, class D>
struct OutputTile {
  size_t pitch, columns;  // columns: outputs that exist, from the tile's first
  bool add;

  // Sums of one pixel.
  HWY_INLINE void Store(D d, const hn::Vec<D>* sums, float* out) const {
    const size_t N = hn::Lanes(d);
    if (HWY_LIKELY(columns >= kV * N)) {
      NIBBLE_UNROLL
      for (size_t v = 0; v < kV; ++v) {
        float* to = out + v * N;
        hn::StoreU(add ? hn::Add(sums[v], hn::LoadU(d, to)) : sums[v], d, to);
      }
      return;
    }
    HWY_ALIGN float lanes[kV * hn::MaxLanes(D())];
    NIBBLE_UNROLL
    for (size_t v = 0; v < kV; ++v) hn::Store(sums[v], d, lanes + v * N);
    for (size_t i = 0; i < columns; ++i) {
      out[i] = add ? out[i] + lanes[i] : lanes[i];
    }
  }
};

// kQ quads of pixels times kV vectors of outputs. `w` is the tile's part of
// the packed weights.
template <size_t kQ, size_t kV, class D>
HWY_INLINE void DataTile(D d, const DataProduct& p, const Quad* quads,
                         const float* HWY_RESTRICT in,
                         const float* HWY_RESTRICT w,
                         const OutputTile<kV, D>& tile, float* out) {
  const size_t N = hn::Lanes(d);
  hn::Vec<D> sums[4 * kQ][kV];
  NIBBLE_UNROLL
  for (size_t r = 0; r < 4 * kQ; ++r) {
    NIBBLE_UNROLL
    for (size_t v = 0; v < kV; ++v) sums[r][v] = hn::Zero(d);
  }
  const size_t pitch = p.in_pitch, pitch3 = 3 * p.in_pitch;
  for (const ptrdiff_t tap : p.taps) {
    const float* HWY_RESTRICT at[kQ];
    NIBBLE_UNROLL
    for (size_t q = 0; q < kQ; ++q) at[q] = in + quads[q].in + tap;
    for (size_t i = 0; i < p.k; ++i, w += kV * N) {
      hn::Vec<D> b[kV];
      NIBBLE_UNROLL
      for (size_t v = 0; v < kV; ++v) b[v] = hn::Load(d, w + v * N);
      NIBBLE_UNROLL
      for (size_t q = 0; q < kQ; ++q) {
        const float* HWY_RESTRICT a = at[q]++;
        const auto a0 = hn::Set(d, a[0]), a1 = hn::Set(d, a[pitch]);
        const auto a2 = hn::Set(d, a[2 * pitch]), a3 = hn::Set(d, a[pitch3]);
        NIBBLE_UNROLL
        for (size_t v = 0; v < kV; ++v) {
          sums[4 * q][v] = hn::MulAdd(a0, b[v], sums[4 * q][v]);
          sums[4 * q + 1][v] = hn::MulAdd(a1, b[v], sums[4 * q + 1][v]);
          sums[4 * q + 2][v] = hn::MulAdd(a2, b[v], sums[4 * q + 2][v]);
          sums[4 * q + 3][v] = hn::MulAdd(a3, b[v], sums[4 * q + 3][v]);
        }
      }
    }
  }
  NIBBLE_UNROLL
  for (size_t q = 0; q < kQ; ++q) {
    float* to = out + quads[q].out;
    tile.Store(d, sums[4 * q], to);
    if (quads[q].count > 1) tile.Store(d, sums[4 * q + 1], to + tile.pitch);
    if (quads[q].count > 2) tile.Store(d, sums[4 * q + 2], to + 2 * tile.pitch);
    if (quads[q].count > 3) tile.Store(d, sums[4 * q + 3], to + 3 * tile.pitch);
  }
}

// All quads against kV vectors of outputs.
template <size_t kQ, size_t kV, class D>
void DataTiles(D d, const DataProduct& p, const float* in, const float* w,
               const OutputTile<kV, D>& tile, float* out) {
  const Quad* quad = p.quads.data();
  const Quad* end = quad + p.quads.size();
  for (; static_cast<size_t>(end - quad) >= kQ; quad += kQ) {
    DataTile<kQ, kV>(d, p, quad, in, w, tile, out);
  }
  for (; quad != end; ++quad) DataTile<1, kV>(d, p, quad, in, w, tile, out);
}

// Weights that are read again for every tile of pixels stay in the first-level
// cache: more taps than that are summed in several rounds.
inline constexpr size_t kTapBytes = 24 << 10;

// A sum over no taps.
inline void ZeroPixels(const DataProduct& p, float* out) {
  for (const Quad& quad : p.quads) {
    for (size_t i = 0; i < quad.count; ++i) {
      std::fill_n(out + quad.out + i * p.out_pitch, p.n, 0.0f);
    }
  }
}

template <class D>
void DataProductWith(D d, const DataProduct& p, const float* in,
                     const float* packed, bool add, float* out) {
  const size_t N = hn::Lanes(d);
  const size_t taps = p.taps.size();
  if (taps == 0 && !add) ZeroPixels(p, out);
  for (size_t n = 0; taps != 0 && n < p.n;) {
    const bool two = p.n - n > N;
    const size_t columns = two ? 2 * N : N;
    const size_t per_tap = p.k * columns;
    const size_t round =
        std::clamp<size_t>(kTapBytes / (per_tap * sizeof(float)), 1, taps);
    for (size_t t = 0; t < taps; t += round) {
      DataProduct part = p;
      part.taps = p.taps.subspan(t, std::min(round, taps - t));
      const bool more = add || t > 0;
      if (two) {
        DataTiles<kQuadsOfTwo, 2>(d, part, in, packed + t * per_tap,
                                  {p.out_pitch, p.n - n, more}, out + n);
      } else {
        DataTiles<kQuadsOfOne, 1>(d, part, in, packed + t * per_tap,
                                  {p.out_pitch, p.n - n, more}, out + n);
      }
    }
    packed += taps * per_tap;
    n += columns;
  }
}

// A vector of one tap's inputs.
struct TapVector {
  ptrdiff_t in;    // offset from the pixel
  size_t dw;       // offset in a row of dw
  size_t columns;  // inputs that exist
};

// kOutputs outputs times kV vectors of inputs, over all pixels.
template <size_t kV, class D>
HWY_INLINE void WeightTile(D d, const WeightProduct& p, const float* grad,
                           const float* in, const TapVector* vectors,
                           size_t outputs, size_t dw_row, float* dw) {
  const size_t N = hn::Lanes(d);
  hn::Vec<D> sums[kOutputs][kV];
  NIBBLE_UNROLL
  for (size_t j = 0; j < kOutputs; ++j) {
    NIBBLE_UNROLL
    for (size_t v = 0; v < kV; ++v) sums[j][v] = hn::Zero(d);
  }
  for (size_t b = 0; b < p.images; ++b) {
    for (size_t y = 0; y < p.rows; ++y) {
      const float* HWY_RESTRICT g = grad + b * p.d_image + y * p.d_row;
      const float* x[kV];
      NIBBLE_UNROLL
      for (size_t v = 0; v < kV; ++v) {
        x[v] = in + b * p.in_image + y * p.in_row + vectors[v].in;
      }
      for (size_t i = 0; i < p.pixels; ++i, g += p.d_pixel) {
        hn::Vec<D> a[kV];
        NIBBLE_UNROLL
        for (size_t v = 0; v < kV; ++v) {
          a[v] = hn::LoadU(d, x[v]);
          x[v] += p.in_pixel;
        }
        NIBBLE_UNROLL
        for (size_t j = 0; j < kOutputs; ++j) {
          const auto gj = hn::Set(d, g[j]);
          NIBBLE_UNROLL
          for (size_t v = 0; v < kV; ++v) {
            sums[j][v] = hn::MulAdd(gj, a[v], sums[j][v]);
          }
        }
      }
    }
  }
  HWY_ALIGN float lanes[kOutputs * kV * hn::MaxLanes(D())];
  NIBBLE_UNROLL
  for (size_t j = 0; j < kOutputs; ++j) {
    NIBBLE_UNROLL
    for (size_t v = 0; v < kV; ++v) {
      hn::Store(sums[j][v], d, lanes + (j * kV + v) * N);
    }
  }
  for (size_t j = 0; j < outputs; ++j) {
    for (size_t v = 0; v < kV; ++v) {
      float* HWY_RESTRICT to = dw + j * dw_row + vectors[v].dw;
      const float* HWY_RESTRICT from = lanes + (j * kV + v) * N;
      for (size_t i = 0; i < vectors[v].columns; ++i) to[i] += from[i];
    }
  }
}

template <class D>
void WeightProductWith(D d, const WeightProduct& p, const float* grad,
                       const float* in, float* dw) {
  const size_t N = hn::Lanes(d);
  const size_t row = p.taps.size() * p.k;
  const size_t per_tap = (p.k + N - 1) / N, all = p.taps.size() * per_tap;
  const auto vector = [&](size_t v) {
    const size_t tap = v / per_tap, i = v % per_tap * N;
    return TapVector{p.taps[tap] + static_cast<ptrdiff_t>(i), tap * p.k + i,
                     std::min(N, p.k - i)};
  };
  for (size_t j = 0; j < p.n; j += kOutputs) {
    const size_t outputs = std::min(kOutputs, p.n - j);
    float* to = dw + j * row;
    size_t v = 0;
    for (; v + 3 <= all; v += 3) {
      const TapVector three[] = {vector(v), vector(v + 1), vector(v + 2)};
      WeightTile<3>(d, p, grad + j, in, three, outputs, row, to);
    }
    for (; v < all; ++v) {
      const TapVector one[] = {vector(v)};
      WeightTile<1>(d, p, grad + j, in, one, outputs, row, to);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::qat
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
