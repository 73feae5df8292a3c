// Microkernel of conv2d.hpp for one input and one output channel per group:
// some pixels of a row by one vector of channels.
#if defined(NIBBLE_QUANT_CONV2D_DEPTHWISE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_CONV2D_DEPTHWISE_INL_HPP
#undef NIBBLE_QUANT_CONV2D_DEPTHWISE_INL_HPP
#else
#define NIBBLE_QUANT_CONV2D_DEPTHWISE_INL_HPP
#endif

#include <cstddef>
#include <cstdint>

#include "nibble/core/highway.hpp"
#include "nibble/quant/conv2d_tile-inl.hpp"

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace conv2d_internal {

using Bytes8 = hn::Rebind<std::uint8_t, Sums>;

// Products of lanes. x has 8 bits and no sign: as pairs of 16 bits, the upper
// of which is zero, it takes one instruction on x86.
HWY_INLINE SumVec LaneProducts(SumVec x, SumVec w) {
#if NIBBLE_X86_VECTORS
  const hn::Repartition<std::int16_t, Sums> d16;
  return MulPairsAdd(hn::BitCast(d16, x), hn::BitCast(d16, w));
#else
  return hn::Mul(x, w);
#endif
}

// Whole vectors may be read: of the last channels of an image, a copy.
template <size_t i, size_t kRows, bool kWhole>
HWY_INLINE void AddDepthRows(const TapRange& range,
                             const std::uint8_t* HWY_RESTRICT p, size_t stride,
                             size_t valid, hn::Vec<Bytes8> flip, SumVec w,
                             TileSums<kRows, 1>& sums) {
  if constexpr (i < kRows) {
    if (kWhole || (range.from <= i && i < range.to)) {
      const Bytes8 d8;
      hn::Vec<Bytes8> bytes;
      if (HWY_LIKELY(valid >= hn::Lanes(d8))) {
        bytes = hn::LoadU(d8, p + i * stride);
      } else {
        HWY_ALIGN std::uint8_t some[hn::MaxLanes(Bytes8())] = {};
        for (size_t c = 0; c < valid; ++c) some[c] = p[i * stride + c];
        bytes = hn::Load(d8, some);
      }
      const auto x = hn::PromoteTo(Sums(), hn::Xor(bytes, flip));
      sums.at[i][0] = hn::Add(sums.at[i][0], LaneProducts(x, w));
    }
    AddDepthRows<i + 1, kRows, kWhole>(range, p, stride, valid, flip, w, sums);
  }
}

// As ConvTile, with `channels` of the image between the weights of two taps and
// `valid` of a vector's channels in the image.
template <size_t kRows>
HWY_NOINLINE void DepthTile(const TileInput& t, size_t valid, std::uint8_t flip,
                            const std::int32_t* start,
                            const std::int8_t* HWY_RESTRICT w,
                            const std::int32_t* HWY_RESTRICT outside,
                            size_t channels, std::int32_t* HWY_RESTRICT out) {
  const Sums d;
  const hn::Rebind<std::int8_t, Sums> d8;
  const auto flips = hn::Set(Bytes8(), flip);
  const std::uint8_t* row = t.in;
  TileSums<kRows, 1> sums;
  SetSums<0>(start, sums);
  for (size_t ky = 0; ky < t.tap_rows; ++ky, row += t.row) {
    std::ptrdiff_t column = t.left;
    const std::uint8_t* p = row;
    for (size_t kx = 0; kx < t.taps; ++kx, ++column, p += t.tap) {
      const TapRange range = RangeOf(t, column, kRows);
      const auto weights = hn::PromoteTo(d, hn::Load(d8, w));
      if (HWY_LIKELY(range.from == 0 && range.to == kRows)) {
        AddDepthRows<0, kRows, true>(range, p, t.pixel, valid, flips, weights,
                                     sums);
      } else {
        AddDepthRows<0, kRows, false>(range, p, t.pixel, valid, flips, weights,
                                      sums);
        if (outside != nullptr) {
          AddOutside<0>(range.from, range.to, outside, sums);
        }
      }
      w += channels;
      if (outside != nullptr) outside += channels;
    }
  }
  StoreSums<0>(sums, out);
}

}  // namespace conv2d_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
