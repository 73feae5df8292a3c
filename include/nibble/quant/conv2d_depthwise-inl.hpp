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
#include "nibble/quant/conv2d_pack-inl.hpp"
#include "nibble/quant/conv2d_tile-inl.hpp"

#if !NIBBLE_CONV_PLAIN

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace conv2d_internal {

using Bytes8 = hn::Rebind<std::uint8_t, Sums>;

// sum + products of lanes. x has 8 bits and no sign: as pairs of 16 bits, the
// upper of which is zero, it takes one or two instructions on x86.
HWY_INLINE SumVec AddLaneProducts(SumVec x, SumVec w, SumVec sum) {
#if NIBBLE_VNNI512
  return SumVec{_mm512_dpwssd_epi32(sum.raw, x.raw, w.raw)};
#elif NIBBLE_X86_VECTORS
  const hn::Repartition<std::int16_t, Sums> d16;
  return hn::Add(sum, MulPairsAdd(hn::BitCast(d16, x), hn::BitCast(d16, w)));
#else
  return hn::Add(sum, hn::Mul(x, w));
#endif
}

// The channels of one pixel. Where fewer than a vector are left, a copy: what
// lies behind them may be the end of the input.
template <bool kFull>
HWY_INLINE hn::Vec<Bytes8> LoadChannels(const std::uint8_t* HWY_RESTRICT p,
                                        size_t valid) {
  const Bytes8 d8;
  if constexpr (kFull) {
    return hn::LoadU(d8, p);
  } else {
    HWY_ALIGN std::uint8_t some[hn::MaxLanes(Bytes8())] = {};
    for (size_t c = 0; c < valid; ++c) some[c] = p[c];
    return hn::Load(d8, some);
  }
}

// A tap for the pixels of `range`, all of them if kWhole.
template <size_t i, size_t kRows, bool kWhole, bool kFull>
HWY_INLINE void AddDepthRows(const TapRange& range,
                             const std::uint8_t* HWY_RESTRICT p, size_t stride,
                             size_t valid, SumVec w, TileSums<kRows, 1>& sums) {
  if constexpr (i < kRows) {
    if (kWhole || (range.from <= i && i < range.to)) {
      const auto x =
          hn::PromoteTo(Sums(), LoadChannels<kFull>(p + i * stride, valid));
      sums.at[i][0] = AddLaneProducts(x, w, sums.at[i][0]);
    }
    AddDepthRows<i + 1, kRows, kWhole, kFull>(range, p, stride, valid, w, sums);
  }
}

// As ConvTile, with `channels` of the image between the weights of two taps and
// `valid` of a vector's channels in the image.
template <size_t kRows, bool kFull>
HWY_NOINLINE void DepthTile(const TileInput& t, size_t valid,
                            const std::int32_t* start,
                            const std::int8_t* HWY_RESTRICT w,
                            const std::int32_t* HWY_RESTRICT outside,
                            size_t channels, std::int32_t* HWY_RESTRICT out) {
  const Sums d;
  const hn::Rebind<std::int8_t, Sums> d8;
  const std::uint8_t* row = t.in;
  TileSums<kRows, 1> sums;
  SetSums<0>(start, sums);
  for (size_t ky = 0; ky < t.tap_rows; ++ky, row += t.row) {
    const std::uint8_t* p = row;
    for (size_t kx = 0; kx < t.taps; ++kx, p += t.tap) {
      const TapRange range = t.segments[kx].range;  // one for each tap
      const auto weights = hn::PromoteTo(d, hn::Load(d8, w));
      if (HWY_LIKELY(range.from == 0 && range.to == kRows)) {
        AddDepthRows<0, kRows, true, kFull>(range, p, t.pixel, valid, weights,
                                            sums);
      } else {
        AddDepthRows<0, kRows, false, kFull>(range, p, t.pixel, valid, weights,
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
#endif  // NIBBLE_CONV_PLAIN

#endif  // per-target include guard
