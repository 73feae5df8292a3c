// Where the tiles of an output row stand, and which of their taps lie in the
// image: the same for every row, and found once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "nibble/core/shape.hpp"

namespace nibble::conv2d_places {

// Pixels of a tile: [from, to).
struct TapRange {
  std::size_t from, to;
  bool operator==(const TapRange&) const = default;
};

// Taps of a row, side by side, that lie in the image for the same pixels.
struct Segment {
  std::size_t taps;
  TapRange range;
};

struct TilePlace {
  std::size_t x;      // of pixel 0
  std::size_t first;  // segment
  std::size_t count;
};

struct TilePlaces {
  std::vector<TilePlace> tiles;
  std::vector<Segment> segments;
};

// For which of `rows` pixels from x on tap kx lies in the image.
inline TapRange RangeOf(const Conv2dShape& s, std::size_t x, std::size_t kx,
                        std::size_t rows) {
  const auto inside = [&](std::size_t i) {  // left of it wraps
    return (x + i) * s.stride.width + kx - s.padding.width < s.in.width;
  };
  TapRange range{0, rows};
  while (range.from < rows && !inside(range.from)) ++range.from;
  while (range.to > range.from && !inside(range.to - 1)) --range.to;
  return range;
}

// Tiles of `rows` pixels that cover [x0, x1); the last may overlap the one
// before it. Taps are `joined` in segments if their channels lie side by side.
inline TilePlaces FindPlaces(const Conv2dShape& s, std::size_t x0,
                             std::size_t x1, std::size_t rows, bool joined) {
  TilePlaces places;
  for (std::size_t start = x0; start < x1; start += rows) {
    const std::size_t x = std::min(start, x1 - rows);
    const std::size_t first = places.segments.size();
    for (std::size_t kx = 0; kx < s.kernel.width; ++kx) {
      const TapRange range = RangeOf(s, x, kx, rows);
      if (joined && places.segments.size() > first &&
          places.segments.back().range == range) {
        ++places.segments.back().taps;
      } else {
        places.segments.push_back({1, range});
      }
    }
    places.tiles.push_back({x, first, places.segments.size() - first});
  }
  return places;
}

}  // namespace nibble::conv2d_places
