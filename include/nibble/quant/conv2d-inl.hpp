// Kernels of conv2d.hpp. Compiled once per instruction set; see
// src/quant/conv2d.cpp.
//
// A task takes some rows of the output of one image (of a 1x1 kernel: some
// pixels of all). Tile of channels by tile of channels, row by row, pixels by
// pixels: a tile's weights are read from a near cache for all the rows. Taps
// above and below the image are left out, and so are single ones at its left
// and right; the zero point's share in them comes from a table.
#if defined(NIBBLE_QUANT_CONV2D_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_CONV2D_INL_HPP
#undef NIBBLE_QUANT_CONV2D_INL_HPP
#else
#define NIBBLE_QUANT_CONV2D_INL_HPP
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/executor.hpp"
#include "nibble/core/highway.hpp"
#include "nibble/quant/conv2d_call.hpp"
#include "nibble/quant/conv2d_pack-inl.hpp"
#if !NIBBLE_CONV_PLAIN
#include "nibble/quant/conv2d_depthwise-inl.hpp"
#include "nibble/quant/conv2d_finish-inl.hpp"
#include "nibble/quant/conv2d_tile-inl.hpp"
#endif

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
#if !NIBBLE_CONV_PLAIN
namespace conv2d_internal {

// A part of the output: rows [y0, y1) and columns [x0, x1) of one image.
struct Part {
  size_t image, y0, y1, x0, x1;
};

using TileFunction = void (*)(const TileInput&, const std::int32_t*,
                              const std::int8_t*, const std::int32_t*,
                              std::int32_t*);
struct TileChoice {
  size_t rows;
  TileFunction run;
};
// As many pixels as keep their sums in registers, 32 or 16 of them.
inline constexpr TileChoice kNarrowTiles[] = {
// one vector of outputs
#if HWY_TARGET <= HWY_AVX3
    {16, ConvTile<16, 1>}, {11, ConvTile<11, 1>},
#endif
    {8, ConvTile<8, 1>},   {4, ConvTile<4, 1>},   {1, ConvTile<1, 1>},
};
inline constexpr TileChoice kWideTiles[] = {
// two
#if HWY_TARGET <= HWY_AVX3
    {14, ConvTile<14, 2>}, {11, ConvTile<11, 2>}, {8, ConvTile<8, 2>},
#endif
    {4, ConvTile<4, 2>},   {1, ConvTile<1, 2>},
};
inline constexpr size_t kMostRows = kNarrowTiles[0].rows;
inline constexpr size_t kDepthRows = 8;

// The tile that covers so many pixels at the least cost: products, and per step
// about one and a half times as much to load weights and count.
inline const TileChoice& ChooseTile(size_t pixels, size_t vectors) {
  const TileChoice* best = nullptr;
  size_t least = 0;
  const std::span<const TileChoice> wide = kWideTiles, narrow = kNarrowTiles;
  const auto choices = vectors == 2 ? wide : narrow;
  for (const TileChoice& choice : choices) {
    if (choice.rows > pixels) continue;
    const size_t tiles = (pixels + choice.rows - 1) / choice.rows;
    const size_t cost = tiles * (2 * choice.rows * vectors + 3);
    if (best == nullptr || cost < least) best = &choice, least = cost;
  }
  return *best;
}

// The same for depthwise kernels; `full`: whole vectors of channels.
inline size_t DepthRows(size_t pixels) {
  return pixels >= kDepthRows ? kDepthRows : pixels >= 4 ? 4 : 1;
}
inline auto DepthTileOf(size_t rows, bool full) {
  if (rows == kDepthRows) {
    return full ? DepthTile<kDepthRows, true> : DepthTile<kDepthRows, false>;
  }
  if (rows == 4) return full ? DepthTile<4, true> : DepthTile<4, false>;
  return DepthTile<1, false>;
}

// What all rows of a task share.
struct Task {
  const ByteConvCall& call;
  const Conv2dShape& shape;
  const Layout& layout;
  const FinishTable& table;
  Part part;
  // The input: channel 0 of pixel (row0, 0), as far apart as it lies.
  const std::uint8_t* in;
  size_t row0;
  size_t pixel;     // bytes of a pixel
  size_t group_at;  // bytes from a group's channels to the next's
  // Which tiles, and where they stand in a row.
  size_t rows;
  TileFunction run;  // null for depthwise
  conv2d_places::TilePlaces places;
};

// One row of one tile of channels.
inline void RunRow(const Task& task, size_t y, size_t tile,
                   const std::int8_t* weights) {
  const Conv2dShape& s = task.shape;
  const Layout& l = task.layout;
  const size_t group = tile / l.tiles;
  const size_t first = tile % l.tiles * l.columns;  // output of the group
  const size_t kw = s.kernel.width;
  const auto top = static_cast<std::ptrdiff_t>(y * s.stride.height) -
                   static_cast<std::ptrdiff_t>(s.padding.height);
  const auto inside = [&](size_t ky) {
    return static_cast<size_t>(top + static_cast<std::ptrdiff_t>(ky)) <
           s.in.height;
  };
  size_t ky0 = 0, ky1 = s.kernel.height;
  while (ky0 < ky1 && !inside(ky0)) ++ky0;
  while (ky1 > ky0 && !inside(ky1 - 1)) --ky1;

  // Where the sums begin: rows of taps outside give back the zero point's.
  HWY_ALIGN std::int32_t start[2 * hn::MaxLanes(Sums())];
  std::copy_n(task.call.filter.offset.data() + tile * l.columns, l.columns,
              start);
  const std::int32_t* outside = nullptr;
  if (!task.call.filter.outside.empty()) {
    const std::int32_t* all =
        task.call.filter.outside.data() + tile * l.taps * l.columns;
    for (size_t tap = 0; tap < l.taps; ++tap) {
      if (tap / kw >= ky0 && tap / kw < ky1) continue;
      for (size_t i = 0; i < l.columns; ++i) {
        start[i] = static_cast<std::int32_t>(
            static_cast<std::uint32_t>(start[i]) +
            static_cast<std::uint32_t>(all[tap * l.columns + i]));
      }
    }
    outside = all + ky0 * kw * l.columns;
  }

  const size_t row_bytes = s.in.width * task.pixel;
  TileInput t{.in = nullptr,
              .tap_rows = ky1 - ky0,
              .row = row_bytes,
              .taps = kw,
              .tap = task.pixel,
              .pixel = s.stride.width * task.pixel,
              .groups = l.quads,
              .segments = nullptr,
              .segment_count = 0};
  const std::uint8_t* line = task.in + group * task.group_at +
                             (l.depthwise ? first : 0) +
                             (top + static_cast<std::ptrdiff_t>(ky0) -
                              static_cast<std::ptrdiff_t>(task.row0)) *
                                 static_cast<std::ptrdiff_t>(row_bytes);
  const size_t valid = HWY_MIN(l.columns, l.outputs - first);
  const std::int8_t* w = weights + ky0 * kw * (l.tile_size / l.taps);
  HWY_ALIGN std::int32_t sums[kMostRows * 2 * hn::MaxLanes(Sums())];
  Destination to{.pixel = 0,
                 .rows = task.rows,
                 .o = group * l.outputs + first,
                 .valid = valid,
                 .i = tile * l.columns};
  for (const conv2d_places::TilePlace& place : task.places.tiles) {
    t.in = line + (static_cast<std::ptrdiff_t>(place.x * s.stride.width) -
                   static_cast<std::ptrdiff_t>(s.padding.width)) *
                      static_cast<std::ptrdiff_t>(task.pixel);
    t.segments = task.places.segments.data() + place.first;
    t.segment_count = place.count;
    if (task.run != nullptr) {
      task.run(t, start, w, outside, sums);
    } else {
      const auto run = DepthTileOf(task.rows, valid == l.columns);
      run(t, valid, start, w, outside, l.columns, sums);
    }
    to.pixel = (task.part.image * s.out.height + y) * s.out.width + place.x;
    FinishTile(task.call, task.table, to, sums, l.columns);
  }
}

// Rows [row0, row1) of an image with unsigned bytes and whole quads of
// channels, zeros between.
inline void CopyRows(const Conv2dShape& s, const Layout& l,
                     const std::uint8_t* HWY_RESTRICT from, size_t pixels,
                     std::uint8_t flip, std::uint8_t* HWY_RESTRICT to) {
  const hn::ScalableTag<std::uint8_t> d;
  const size_t channels = s.in_channels();
  if (channels == l.channels) {
    const auto flips = hn::Set(d, flip);
    ForEachVector(d, from, to, pixels * s.in.channels,
                  [&](const std::uint8_t* x, std::uint8_t* y) NIBBLE_LAMBDA {
                    hn::StoreU(hn::Xor(hn::LoadU(d, x), flips), d, y);
                  });
    return;
  }
  for (size_t i = 0; i < pixels * s.groups; ++i) {
    for (size_t c = 0; c < channels; ++c) {
      to[c] = static_cast<std::uint8_t>(from[c] ^ flip);
    }
    from += channels;
    to += l.channels;
  }
}

inline void RunPart(const ByteConvCall& call, const Conv2dShape& s,
                    const Layout& l, const FinishTable& table,
                    const Part& part) {
  const size_t image = part.image * s.in.size();
  Task task{.call = call,
            .shape = s,
            .layout = l,
            .table = table,
            .part = part,
            .in = call.in + image,
            .row0 = 0,
            .pixel = s.in.channels,
            .group_at = s.in_channels(),
            .rows = 1,
            .run = nullptr,
            .places = {}};
  const size_t width = part.x1 - part.x0;
  if (l.depthwise) {
    task.rows = DepthRows(width);
  } else {
    const size_t vectors = l.columns / hn::Lanes(Sums());
    const TileChoice& choice = ChooseTile(width, vectors);
    task.rows = choice.rows;
    task.run = choice.run;
  }
  task.places = conv2d_places::FindPlaces(s, part.x0, part.x1, task.rows,
                                          !l.depthwise && l.groups == 1);
  AlignedVector<std::uint8_t> copy;
  if (call.flip != 0 || l.channels != s.in_channels()) {
    const size_t top = part.y0 * s.stride.height;
    const size_t bottom = (part.y1 - 1) * s.stride.height + s.kernel.height;
    task.row0 = HWY_MIN(top - HWY_MIN(top, s.padding.height), s.in.height);
    const size_t row1 = HWY_MAX(
        task.row0,
        HWY_MIN(bottom - HWY_MIN(bottom, s.padding.height), s.in.height));
    task.pixel = s.groups * l.channels;
    task.group_at = l.channels;
    copy.resize((row1 - task.row0) * s.in.width * task.pixel);
    CopyRows(s, l, task.in + task.row0 * s.in.width * s.in.channels,
             (row1 - task.row0) * s.in.width, call.flip, copy.data());
    task.in = copy.data();
  }
  const bool nibbles = call.filter.bits == 4;
  AlignedVector<std::int8_t> unpacked(nibbles ? l.tile_size : 0);
  for (size_t tile = 0; tile < l.groups * l.tiles; ++tile) {
    const std::int8_t* weights = call.filter.packed.data();
    if (nibbles) {
      UnpackNibbles(weights + tile * (l.tile_size / 2), l.tile_size,
                    unpacked.data());
      weights = unpacked.data();
    } else {
      weights += tile * l.tile_size;
    }
    for (size_t y = part.y0; y < part.y1; ++y) {
      RunRow(task, y, tile, weights);
    }
  }
}

// Pixels of a task: enough that weights are read often from a near cache.
inline constexpr size_t kTaskPixels = 224;

}  // namespace conv2d_internal
#endif

// See Conv2d in conv2d.hpp.
HWY_MAYBE_UNUSED HWY_NOINLINE inline void ByteConvKernel(
    const ByteConvCall& call, const Executor& executor) {
#if NIBBLE_CONV_PLAIN
  conv2d_plain::Run(call, executor);
#else
  using namespace conv2d_internal;  // NOLINT
  const Layout l = LayoutOf(call.shape);
  const FinishTable table = MakeFinishTable(call, l.groups, l.padded());
  Conv2dShape s = call.shape;
  size_t images = call.images;
  // A product of pixels and weights: all pixels are one row.
  const Extent one{1, 1};
  if (s.kernel == one && s.stride == one && s.padding == Extent{0, 0} &&
      s.in.pixels() == s.out.pixels() && s.in.width == s.out.width) {
    s.in.width = s.out.width = images * s.in.pixels();
    s.in.height = s.out.height = images = 1;
    const size_t tasks = (s.in.width + kTaskPixels - 1) / kTaskPixels;
    executor(tasks, [&](size_t task) {
      const size_t x = task * kTaskPixels;
      RunPart(call, s, l, table,
              {0, 0, 1, x, HWY_MIN(x + kTaskPixels, s.in.width)});
    });
    return;
  }
  const size_t rows =
      HWY_MIN((kTaskPixels + s.out.width - 1) / s.out.width, s.out.height);
  const size_t down = (s.out.height + rows - 1) / rows;
  executor(images * down, [&](size_t task) {
    const size_t y = task % down * rows;
    RunPart(call, s, l, table,
            {task / down, y, HWY_MIN(y + rows, s.out.height), 0, s.out.width});
  });
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
