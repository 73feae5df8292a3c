// Microkernel of conv2d.hpp: some pixels of one row of the output by one or two
// vectors of output channels, in registers over all taps.
#if defined(NIBBLE_QUANT_CONV2D_TILE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_CONV2D_TILE_INL_HPP
#undef NIBBLE_QUANT_CONV2D_TILE_INL_HPP
#else
#define NIBBLE_QUANT_CONV2D_TILE_INL_HPP
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "nibble/core/dot-inl.hpp"
#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/conv2d_pack-inl.hpp"
#include "nibble/quant/conv2d_places.hpp"

#if !NIBBLE_CONV_PLAIN

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace conv2d_internal {
namespace hn = hwy::HWY_NAMESPACE;

using nibble::conv2d_places::Segment;
using nibble::conv2d_places::TapRange;

using Sums = hn::ScalableTag<std::int32_t>;
using SumVec = hn::Vec<Sums>;

// Weights of a vector of outputs, four channels in each lane.
using Weights = hn::Repartition<std::int8_t, Sums>;
using WeightVec = hn::Vec<Weights>;

// sum + the four products of each lane: unsigned inputs, the same four in every
// lane, by signed weights.
HWY_INLINE SumVec AddProducts(std::int32_t inputs, WeightVec w, SumVec sum) {
  const hn::RebindToUnsigned<Weights> du8;
  return SumOfMulQuadAccumulate(hn::BitCast(du8, hn::Set(Sums(), inputs)), w,
                                sum);
}

// The accumulators of kRows pixels by kVecs vectors.
template <size_t kRows, size_t kVecs>
struct TileSums {
  SumVec at[kRows][kVecs];
};

template <size_t kVecs>
struct TileWeights {
  WeightVec at[kVecs];
};

// Where a tap's channels lie for each pixel of a tile. Every third pixel has a
// pointer of its own, and the two after it are one and two strides further:
// x86 adds those as it loads, so that few registers serve many pixels.
struct TilePixels {
  const std::uint8_t *p0, *p3, *p6, *p9, *p12, *p15;
  size_t stride;

  HWY_INLINE TilePixels(const std::uint8_t* p, size_t step)
      : p0(p),
        p3(p + 3 * step),
        p6(p + 6 * step),
        p9(p + 9 * step),
        p12(p + 12 * step),
        p15(p + 15 * step),
        stride(step) {}

  // To the next four channels. The compiler shall not see that the pointers
  // are related: it would make a register of every distance.
  HWY_INLINE void Advance() {
    p0 += 4, p3 += 4, p6 += 4, p9 += 4, p12 += 4, p15 += 4;
    asm("" : "+r"(p0), "+r"(p3), "+r"(p6), "+r"(p9), "+r"(p12), "+r"(p15));
  }

  template <size_t i>
  HWY_INLINE std::int32_t Load() const {
    static_assert(i < 18);
    constexpr size_t kBase = i / 3;
    const std::uint8_t* p = kBase == 0   ? p0
                            : kBase == 1 ? p3
                            : kBase == 2 ? p6
                            : kBase == 3 ? p9
                            : kBase == 4 ? p12
                                         : p15;
    std::int32_t inputs;
    std::memcpy(&inputs, p + i % 3 * stride, sizeof(inputs));
    return inputs;
  }
};

// Pixels i, ..., kRows - 1 of them that lie in [kFrom, kTo).
template <size_t kFrom, size_t kTo, size_t i, size_t kRows, size_t kVecs>
HWY_INLINE void AddRows(const TilePixels& pixels, const TileWeights<kVecs>& w,
                        TileSums<kRows, kVecs>& sums) {
  if constexpr (i < kTo) {
    if constexpr (i >= kFrom) {
      const std::int32_t inputs = pixels.Load<i>();
      sums.at[i][0] = AddProducts(inputs, w.at[0], sums.at[i][0]);
      if constexpr (kVecs == 2) {
        sums.at[i][1] = AddProducts(inputs, w.at[1], sums.at[i][1]);
      }
    }
    AddRows<kFrom, kTo, i + 1>(pixels, w, sums);
  }
}

// One tap, or several that lie side by side, for pixels kFrom, ..., kTo - 1.
// p: the first channel in the window of pixel 0; `stride` bytes lead to the
// next pixel's.
template <size_t kFrom, size_t kTo, size_t kRows, size_t kVecs>
HWY_INLINE void AddTap(const std::uint8_t* p, size_t stride, size_t groups,
                       const std::int8_t* HWY_RESTRICT w,
                       TileSums<kRows, kVecs>& sums) {
  const size_t bytes = hn::Lanes(Sums()) * 4;
  TilePixels pixels(p, stride);
  for (size_t g = 0; g < groups; ++g) {
    TileWeights<kVecs> weights;
    weights.at[0] = hn::Load(Weights(), w);
    if constexpr (kVecs == 2) weights.at[1] = hn::Load(Weights(), w + bytes);
    AddRows<kFrom, kTo, 0>(pixels, weights, sums);
    pixels.Advance();
    w += kVecs * bytes;
  }
}

// The same for pixels range.from, ..., range.to - 1.
template <size_t i, size_t kRows, size_t kVecs>
HWY_INLINE void AddSomeRows(const TapRange& range,
                            const std::uint8_t* HWY_RESTRICT p, size_t stride,
                            size_t groups, const std::int8_t* HWY_RESTRICT w,
                            TileSums<kRows, kVecs>& sums) {
  if constexpr (i < kRows) {
    if (range.from <= i && i < range.to) {
      AddTap<i, i + 1>(p, stride, groups, w, sums);
    }
    AddSomeRows<i + 1>(range, p, stride, groups, w, sums);
  }
}

template <size_t i, size_t kRows, size_t kVecs>
HWY_INLINE void SetSums(const std::int32_t* HWY_RESTRICT start,
                        TileSums<kRows, kVecs>& sums) {
  const Sums d;
  if constexpr (i < kRows) {
    sums.at[i][0] = hn::Load(d, start);
    if constexpr (kVecs == 2) {
      sums.at[i][1] = hn::Load(d, start + hn::Lanes(d));
    }
    SetSums<i + 1>(start, sums);
  }
}

template <size_t i, size_t kRows, size_t kVecs>
HWY_INLINE void StoreSums(const TileSums<kRows, kVecs>& sums,
                          std::int32_t* HWY_RESTRICT out) {
  const Sums d;
  if constexpr (i < kRows) {
    hn::Store(sums.at[i][0], d, out);
    if constexpr (kVecs == 2) {
      hn::Store(sums.at[i][1], d, out + hn::Lanes(d));
    }
    StoreSums<i + 1>(sums, out + kVecs * hn::Lanes(d));
  }
}

// Pixels [0, from) and [to, kRows): those for which the tap lies outside.
template <size_t i, size_t kRows, size_t kVecs>
HWY_INLINE void AddOutside(size_t from, size_t to,
                           const std::int32_t* HWY_RESTRICT outside,
                           TileSums<kRows, kVecs>& sums) {
  const Sums d;
  if constexpr (i < kRows) {
    if (i < from || i >= to) {
      sums.at[i][0] = hn::Add(sums.at[i][0], hn::Load(d, outside));
      if constexpr (kVecs == 2) {
        sums.at[i][1] =
            hn::Add(sums.at[i][1], hn::Load(d, outside + hn::Lanes(d)));
      }
    }
    AddOutside<i + 1>(from, to, outside, sums);
  }
}

// What a tile reads. A row of taps that lies above or below the image is left
// out by its caller.
struct TileInput {
  const std::uint8_t* in;   // pixel 0, first tap that is in the rows; for a tap
                            // left of the image the pointer is not followed
  size_t tap_rows;          // rows of taps inside the image
  size_t row;               // bytes to the next row of taps
  size_t taps;              // taps of a row
  size_t tap;               // bytes to the next tap
  size_t pixel;             // bytes to the next pixel's window
  size_t groups;            // channels / 4
  const Segment* segments;  // of a row of taps
  size_t segment_count;
};

// start: [kVecs vectors], where every sum begins; w: the weights of the first
// tap inside; outside: of that tap, or null if the zero point is 0.
// out: [kRows][kVecs vectors].
template <size_t kRows, size_t kVecs>
HWY_NOINLINE void ConvTile(const TileInput& t, const std::int32_t* start,
                           const std::int8_t* HWY_RESTRICT w,
                           const std::int32_t* HWY_RESTRICT outside,
                           std::int32_t* HWY_RESTRICT out) {
  const size_t columns = kVecs * hn::Lanes(Sums());
  const size_t tap_weights = t.groups * columns * 4;
  TileSums<kRows, kVecs> sums;
  SetSums<0>(start, sums);
  for (size_t ky = 0; ky < t.tap_rows; ++ky) {
    const std::uint8_t* p = t.in + ky * t.row;
    for (size_t i = 0; i < t.segment_count; ++i) {
      const TapRange range = t.segments[i].range;
      const size_t taps = t.segments[i].taps;
      const size_t groups = taps * t.groups;
      if (HWY_LIKELY(range.from == 0 && range.to == kRows)) {
        AddTap<0, kRows>(p, t.pixel, groups, w, sums);
      } else {
        if (kRows > 1 && range.from == 1 && range.to == kRows) {
          AddTap<1, kRows>(p, t.pixel, groups, w, sums);
        } else if (kRows > 1 && range.from == 0 && range.to == kRows - 1) {
          AddTap<0, kRows - 1>(p, t.pixel, groups, w, sums);
        } else {
          AddSomeRows<0>(range, p, t.pixel, groups, w, sums);
        }
        for (size_t j = 0; outside != nullptr && j < taps; ++j) {
          AddOutside<0>(range.from, range.to, outside + j * columns, sums);
        }
      }
      p += taps * t.tap;
      w += taps * tap_weights;
      if (outside != nullptr) outside += taps * columns;
    }
  }
  StoreSums<0>(sums, out);
}

}  // namespace conv2d_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();
#endif  // NIBBLE_CONV_PLAIN

#endif  // per-target include guard
