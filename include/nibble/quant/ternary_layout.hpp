// Where a ternary weight lies among packed ones: 2 bits each, or five a byte.
//
// W is [N, K], codes 0, 1, 2 for -1, 0, +1 (format/ternary.hpp). Both packings
// have one layout for all instruction sets, in memory as in files.
//
// A line is 64 bytes: a tile of 16 rows, four bytes of each. Byte 4 r + j is of
// row r; it holds the columns j, 4 + j, 8 + j, ... of the line:
//
//     line      [row 0: b0 b1 b2 b3|row 1: b0 b1 b2 b3| ... |row 15]
//
//     2 bits    byte j = [d d|c c|b b|a a]         16 columns per line
//                 a: column j   b: 4 + j   c: 8 + j   d: 12 + j
//
//     base 3    byte j = a, b, c, d as above and e: column 16 + j
//                 v = a + 3 b + 9 c + 27 d         20 columns per line
//                 v < 64:  [e e|v v v v v v]       bytes   0 .. 191
//                 else     192 + 17 e + (v - 64)   bytes 192 .. 242
//
// So the bytes of equal letter, masked in place and never shifted, are 16
// rows by 4 columns: one dot-product instruction with four activations that all
// rows share, its results one accumulator per row. Nothing is added across
// lanes. In base 3, e comes at the top by a mask as d does, and v is the index
// of a table of 64, for the 192 of 243 bytes that are usual; the others use a
// second one.
//
// A panel is two tiles, rows 32 p to 32 p + 31, whose lines alternate, so that
// memory sees one stream where both are worked on together:
//
//     [panel][group][line of the group][tile 0 or 1][64 bytes]
//
// A group is the columns that share a scale, all K where rows have one scale.
// It fills whole lines. What is left over there, and rows beyond N, has code 0:
// it adds nothing to a sum of code * activation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace nibble {

enum class TernaryPacking : std::uint8_t { kTwoBits, kBase3 };

inline constexpr std::size_t kTernaryLine = 64;  // bytes
inline constexpr std::size_t kTernaryTile = 16;  // rows
inline constexpr std::size_t kTernaryPanel = 2 * kTernaryTile;

// The byte of five codes in base 3, and back. Bytes above 242, which no codes
// give, decode to codes all the same.
constexpr std::uint8_t EncodeTrits(const std::array<std::uint8_t, 5>& codes) {
  const std::uint32_t v =
      codes[0] + 3u * codes[1] + 9u * codes[2] + 27u * codes[3];
  return static_cast<std::uint8_t>(v < 64 ? 64 * codes[4] + v
                                          : 128 + 17 * codes[4] + v);
}
constexpr std::array<std::uint8_t, 5> DecodeTrits(std::uint8_t byte) {
  std::uint32_t v = byte & 63u;
  std::uint32_t e = byte >> 6;
  if (e == 3) {
    e = byte >= 226 ? 2 : byte >= 209 ? 1 : 0;
    v = byte - 128u - 17 * e;
  }
  const auto digit = [](std::uint32_t value) {
    return static_cast<std::uint8_t>(value % 3);
  };
  return {digit(v), digit(v / 3), digit(v / 9), digit(v / 27), digit(e)};
}

struct TernaryLayout {
  TernaryPacking packing = TernaryPacking::kTwoBits;
  std::size_t n = 0;      // rows: outputs
  std::size_t k = 0;      // columns: inputs
  std::size_t group = 0;  // columns that share a scale, > 0 unless k is 0

  constexpr std::size_t columns_per_line() const {
    return packing == TernaryPacking::kTwoBits ? 16 : 20;
  }
  constexpr std::size_t panels() const {
    return (n + kTernaryPanel - 1) / kTernaryPanel;
  }
  constexpr std::size_t groups() const {
    return k == 0 ? 0 : (k + group - 1) / group;
  }
  // Columns of group g: all have `group` but the last.
  constexpr std::size_t columns(std::size_t g) const {
    return g + 1 < groups() ? group : k - g * group;
  }
  // Lines of group g, in one tile.
  constexpr std::size_t lines(std::size_t g) const {
    return (columns(g) + columns_per_line() - 1) / columns_per_line();
  }
  constexpr std::size_t panel_bytes() const {
    if (k == 0) return 0;
    const std::size_t last = groups() - 1;
    return (last * lines(0) + lines(last)) * 2 * kTernaryLine;
  }
  constexpr std::size_t bytes() const { return panels() * panel_bytes(); }

  // Where the code of W[row, column] lies: its byte, and which letter of it
  // (a is 0).
  struct Place {
    std::size_t byte;
    std::size_t letter;
    bool operator==(const Place&) const = default;
  };
  constexpr Place PlaceOf(std::size_t row, std::size_t column) const {
    const std::size_t g = column / group;
    const std::size_t line = column % group / columns_per_line();
    const std::size_t within = column % group % columns_per_line();
    const std::size_t tile = row % kTernaryPanel / kTernaryTile;
    return {row / kTernaryPanel * panel_bytes() +
                ((g * lines(0) + line) * 2 + tile) * kTernaryLine +
                row % kTernaryTile * 4 + within % 4,
            within / 4};
  }
  bool operator==(const TernaryLayout&) const = default;
};

}  // namespace nibble
