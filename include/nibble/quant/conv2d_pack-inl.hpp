// How conv2d.hpp's weights lie in memory, and how they get there.
#if defined(NIBBLE_QUANT_CONV2D_PACK_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_CONV2D_PACK_INL_HPP
#undef NIBBLE_QUANT_CONV2D_PACK_INL_HPP
#else
#define NIBBLE_QUANT_CONV2D_PACK_INL_HPP
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/conv2d_call.hpp"
#include "nibble/quant/conv2d_plain.hpp"

// Vectors of unknown length stand in no arrays, and a single lane has no
// neighbours: there the definition itself does the work (conv2d_plain.hpp).
#undef NIBBLE_CONV_PLAIN
#if HWY_TARGET == HWY_SCALAR || HWY_HAVE_SCALABLE
#define NIBBLE_CONV_PLAIN 1
#else
#define NIBBLE_CONV_PLAIN 0
#endif

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
#if !NIBBLE_CONV_PLAIN
namespace conv2d_internal {
namespace hn = hwy::HWY_NAMESPACE;

inline bool IsDepthwise(const Conv2dShape& shape) {
  return shape.groups > 1 && shape.in_channels() == 1 &&
         shape.out_channels() == 1;
}

// How a filter lies in memory.
struct Layout {
  bool depthwise;
  size_t columns;  // outputs of a tile
  size_t tiles;    // of a group
  size_t groups;   // a depthwise filter counts as one group
  size_t taps;
  size_t quads;      // channels / 4 of a tap
  size_t tile_size;  // elements
  size_t channels;   // bytes of a pixel of a group in a copy of the input
  size_t outputs;    // of a group
  size_t padded() const { return tiles * columns; }
};
inline Layout LayoutOf(const Conv2dShape& shape) {
  const size_t lanes = hn::Lanes(hn::ScalableTag<std::int32_t>());
  Layout l;
  l.depthwise = IsDepthwise(shape);
  l.groups = l.depthwise ? 1 : shape.groups;
  l.outputs = shape.out.channels / l.groups;
  l.columns = l.depthwise || l.outputs <= lanes ? lanes : 2 * lanes;
  l.tiles = (l.outputs + l.columns - 1) / l.columns;
  l.taps = shape.kernel.area();
  l.quads = (shape.in_channels() + 3) / 4;
  l.channels = l.depthwise ? 1 : 4 * l.quads;
  l.tile_size = l.taps * l.columns * l.channels;
  return l;
}

// Two weights in a byte: element i in the low half, i + size / 2 in the high.
inline void PackNibbles(const std::int8_t* from, size_t size, std::int8_t* to) {
  for (size_t i = 0; i < size / 2; ++i) {
    to[i] =
        static_cast<std::int8_t>((from[i] & 15) | (from[i + size / 2] * 16));
  }
}
inline void UnpackNibbles(const std::int8_t* HWY_RESTRICT from, size_t size,
                          std::int8_t* HWY_RESTRICT to) {
  const hn::ScalableTag<std::int8_t> d;
  const hn::RepartitionToWide<decltype(d)> d16;
  const auto mask = hn::Set(d, std::int8_t{15});
  const auto eight = hn::Set(d, std::int8_t{8});
  const size_t half = size / 2;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= half; i += hn::Lanes(d)) {
    const auto both = hn::LoadU(d, from + i);
    const auto low = hn::And(both, mask);
    const auto high = hn::And(
        hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(d16, both))), mask);
    hn::StoreU(hn::Sub(hn::Xor(low, eight), eight), d, to + i);
    hn::StoreU(hn::Sub(hn::Xor(high, eight), eight), d, to + half + i);
  }
  for (; i < half; ++i) {
    to[i] = static_cast<std::int8_t>(((from[i] & 15) ^ 8) - 8);
    to[half + i] = static_cast<std::int8_t>(from[i] >> 4);
  }
}

// The weights of a tile as bytes, in their order; and of each tap the sums.
inline void PackTile(const Conv2dShape& shape, const Layout& l,
                     const std::int8_t* weight, size_t first, size_t count,
                     std::int8_t* to, std::int32_t* tap_sums) {
  const size_t channels = shape.in_channels();
  for (size_t tap = 0; tap < l.taps; ++tap) {
    for (size_t i = 0; i < l.columns; ++i) {
      std::int32_t sum = 0;
      for (size_t c = 0; i < count && c < channels; ++c) {
        const std::int8_t w =
            weight[((first + i) * l.taps + tap) * channels + c];
        sum += w;
        const size_t at =
            l.depthwise ? i : c / 4 * l.columns * 4 + i * 4 + c % 4;
        to[tap * (l.tile_size / l.taps) + at] = w;
      }
      tap_sums[tap * l.columns + i] = sum;
    }
  }
}

}  // namespace conv2d_internal
#endif

// See PackByteFilter in conv2d.hpp, which has filled in what is not packed.
HWY_MAYBE_UNUSED HWY_NOINLINE inline void PackByteFilterKernel(
    const Conv2dShape& shape, const std::int8_t* weight, ByteFilter& filter) {
#if NIBBLE_CONV_PLAIN
  conv2d_plain::Pack(shape, weight, filter);
#else
  using namespace conv2d_internal;  // NOLINT
  const Layout l = LayoutOf(shape);
  const size_t all = l.groups * l.tiles;
  const AlignedVector<std::int32_t> bias = filter.offset;
  filter.columns = l.columns;
  filter.offset.assign(l.groups * l.padded(), 0);
  const bool outside = filter.zero != 0;
  filter.outside.assign(outside ? all * l.taps * l.columns : 0, 0);
  const size_t stored = filter.bits == 4 ? l.tile_size / 2 : l.tile_size;
  filter.packed.assign(all * stored, 0);
  AlignedVector<std::int32_t> sums(l.taps * l.columns);
  for (size_t tile = 0; tile < all; ++tile) {
    AlignedVector<std::int8_t> bytes(l.tile_size);
    const size_t in_group = tile % l.tiles * l.columns;
    const size_t first = tile / l.tiles * l.outputs + in_group;
    const size_t count = HWY_MIN(l.columns, l.outputs - in_group);
    PackTile(shape, l, weight, first, count, bytes.data(), sums.data());
    std::int8_t* to = filter.packed.data() + tile * stored;
    if (filter.bits == 4) {
      PackNibbles(bytes.data(), l.tile_size, to);
    } else {
      std::copy(bytes.begin(), bytes.end(), to);
    }
    std::int32_t* offset = filter.offset.data() + tile * l.columns;
    for (size_t i = 0; i < count; ++i) offset[i] = bias[first + i];
    if (!outside) continue;
    for (size_t j = 0; j < l.taps * l.columns; ++j) {
      // Modulo 2^32, as all sums.
      const auto share = static_cast<std::uint32_t>(sums[j]) * filter.zero;
      filter.outside[tile * l.taps * l.columns + j] =
          static_cast<std::int32_t>(share);
      std::int32_t& start = offset[j % l.columns];
      start =
          static_cast<std::int32_t>(static_cast<std::uint32_t>(start) - share);
    }
  }
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
