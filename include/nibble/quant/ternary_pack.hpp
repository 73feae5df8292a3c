// Ternary weights, packed for products: from codes, from floats, from tensors
// that a scheme quantized. ternary_layout.hpp draws the bytes;
// ternary_blocks.hpp packs what GGUF files hold.
//
// A weight is w = t / s_w, t in {-1, 0, +1}: the scale s_w divides, as
// absmean's does. A scale belongs to the tensor, to a row or to a group of
// columns of a row.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nibble/core/aligned.hpp"
#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/quant/find_params.hpp"
#include "nibble/quant/tensor.hpp"
#include "nibble/quant/ternary_layout.hpp"

namespace nibble {

struct TernaryMatrix {
  TernaryLayout layout;
  AlignedVector<std::uint8_t> bytes;  // [layout.bytes()]
  // s_w: one for the tensor; or [groups, rows], the rows filled up to whole
  // panels with 1.
  AlignedVector<float> scales;
  // -128 times the sum of a row's codes: what a product takes off that adds 128
  // to its activations. [groups, rows], filled up likewise.
  AlignedVector<std::int32_t> row_offsets;

  bool one_scale() const { return scales.size() == 1; }
  // s_w of W[row, columns of group g].
  float scale(std::size_t row, std::size_t g) const {
    return one_scale() ? scales[0]
                       : scales[g * layout.panels() * kTernaryPanel + row];
  }
};

namespace ternary_internal {

inline bool SameBits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

// A matrix without its codes: all are 0. Where the scales [n, groups] of a row
// are the same bits, the row gets one group, so that its sums stay integers;
// where all are, there is one scale.
inline TernaryMatrix EmptyTernary(std::size_t n, std::size_t k,
                                  std::size_t group, TernaryPacking packing,
                                  std::span<const float> scales) {
  TernaryMatrix out{
      {packing, n, k, std::max<std::size_t>(group, 1)}, {}, {}, {}};
  const std::size_t groups = out.layout.groups();
  bool by_row = true;
  for (std::size_t i = 0; i < n * groups; ++i) {
    by_row = by_row && SameBits(scales[i], scales[i / groups * groups]);
  }
  bool all = by_row && n > 0 && groups > 0;
  for (std::size_t row = 0; all && row < n; ++row) {
    all = SameBits(scales[row * groups], scales[0]);
  }
  if (by_row) out.layout.group = std::max<std::size_t>(k, 1);
  const std::size_t kept = out.layout.groups();
  const std::size_t rows = out.layout.panels() * kTernaryPanel;
  out.scales.assign(all ? 1 : kept * rows, 1.0f);
  if (all) out.scales[0] = scales[0];
  for (std::size_t g = 0; !all && g < kept; ++g) {
    for (std::size_t row = 0; row < n; ++row) {
      out.scales[g * rows + row] = scales[row * groups + g];
    }
  }
  out.bytes.assign(out.layout.bytes(), 0);
  out.row_offsets.assign(kept * rows, 0);
  return out;
}

// The byte of column `column` and the two to four columns 4, 8, 12 (and 16)
// further, as far as they lie below `end`.
inline std::uint8_t ByteOf(TernaryPacking packing, const std::uint8_t* codes,
                           std::size_t column, std::size_t end) {
  std::array<std::uint8_t, 5> letters{};
  const std::size_t count = packing == TernaryPacking::kTwoBits ? 4 : 5;
  for (std::size_t i = 0; i < count && column + 4 * i < end; ++i) {
    letters[i] = codes[column + 4 * i];
  }
  if (packing == TernaryPacking::kBase3) return EncodeTrits(letters);
  return static_cast<std::uint8_t>(letters[0] | letters[1] << 2 |
                                   letters[2] << 4 | letters[3] << 6);
}

// Puts the codes [k] of one row into their places.
inline void PackRow(std::size_t row, std::span<const std::uint8_t> codes,
                    TernaryMatrix& out) {
  const TernaryLayout& layout = out.layout;
  const std::size_t step = layout.columns_per_line();
  std::uint8_t* to = out.bytes.data() + layout.PlaceOf(row, 0).byte;
  for (std::size_t g = 0; g < layout.groups(); ++g) {
    const std::size_t begin = g * layout.group;
    const std::size_t end = begin + layout.columns(g);
    std::uint32_t sum = 0;  // times 128 it may be 2^32: modulo that
    for (std::size_t k = begin; k < end; ++k) sum += codes[k];
    out.row_offsets[g * layout.panels() * kTernaryPanel + row] =
        static_cast<std::int32_t>(0u - 128 * sum);
    for (std::size_t k = begin; k < end; k += step, to += 2 * kTernaryLine) {
      for (std::size_t j = 0; j < 4; ++j) {
        to[j] = ByteOf(layout.packing, codes.data(), k + j, end);
      }
    }
  }
}

}  // namespace ternary_internal

// Packs t: [n, k], values -1, 0, +1.
//
// Shapes   scales: [1], [n], or [n, ceil(k / group)] where group > 0.
// Errors   std::invalid_argument if a size disagrees or a value is another.
inline TernaryMatrix PackTernary(std::span<const std::int8_t> t, std::size_t n,
                                 std::size_t k, std::span<const float> scales,
                                 TernaryPacking packing,
                                 std::size_t group = 0) {
  NIBBLE_CHECK("PackTernary", t.size() == n * k);
  const std::size_t columns = group == 0 ? std::max<std::size_t>(k, 1) : group;
  const std::size_t groups = (k + columns - 1) / columns;
  NIBBLE_CHECK("PackTernary", scales.size() == (group == 0 ? n : n * groups) ||
                                  (group == 0 && scales.size() == 1));
  NIBBLE_CHECK("PackTernary", std::ranges::all_of(t, [](std::int8_t v) {
                 return v >= -1 && v <= 1;
               }));
  std::vector<float> one_each;
  if (scales.size() != n * groups) {
    one_each.assign(n * groups, scales[0]);
    scales = one_each;
  }
  TernaryMatrix out =
      ternary_internal::EmptyTernary(n, k, columns, packing, scales);
  std::vector<std::uint8_t> codes(k);
  for (std::size_t row = 0; row < n; ++row) {
    for (std::size_t i = 0; i < k; ++i) {
      codes[i] = static_cast<std::uint8_t>(t[row * k + i] + 1);
    }
    if (k != 0) ternary_internal::PackRow(row, codes, out);
  }
  return out;
}

// The values -1, 0, +1 of a packed matrix, [n, k].
inline std::vector<std::int8_t> UnpackTernary(const TernaryMatrix& w) {
  const TernaryLayout& layout = w.layout;
  std::vector<std::int8_t> t(layout.n * layout.k);
  for (std::size_t i = 0; i < t.size(); ++i) {
    const auto place = layout.PlaceOf(i / layout.k, i % layout.k);
    const std::uint8_t byte = w.bytes[place.byte];
    const int code = layout.packing == TernaryPacking::kTwoBits
                         ? byte >> (2 * place.letter) & 3
                         : DecodeTrits(byte)[place.letter];
    t[i] = static_cast<std::int8_t>(code - 1);
  }
  return t;
}

#if NIBBLE_ENTRY_POINTS
inline namespace NIBBLE_ABI {

// t[i] = the ternary code of w[i]; returns s_w.
//
//     s_w = 1 / max(mean |w|, 1e-5),  t = clamp(round(w * s_w), -1, 1)
//
// The mean is that of recipe absmean (docs/quantization.md); ties go to even.
//
// Shapes   w, t: [n].
// Source   ternary weights of BitNet b1.58 and of the MatMul-free language
//          model.
inline float Ternarize(std::span<const float> w, std::span<std::int8_t> t) {
  NIBBLE_CHECK("Ternarize", w.size() == t.size());
  if (w.empty()) return 1;
  const Scheme scheme{.recipe = Recipe::kAbsmean, .format = FormatId::kTernary};
  QuantParams params;
  FindParams(scheme, w, w.size(), 1, std::span(&params, 1));
  Quantize(w, params, CodecOf(scheme), t);
  for (std::int8_t& code : t) code = static_cast<std::int8_t>(code - 1);
  return params.Inverse();
}

// Ternarizes w: [n, k], one scale for all, and packs it.
inline TernaryMatrix PackTernary(std::span<const float> w, std::size_t n,
                                 std::size_t k, TernaryPacking packing) {
  NIBBLE_CHECK("PackTernary", w.size() == n * k);
  std::vector<std::int8_t> t(w.size());
  const float scale = Ternarize(w, t);
  return PackTernary(t, n, k, std::span(&scale, 1), packing);
}

// Packs a tensor of a ternary scheme: "absmean:ternary/channel",
// "ternary/group32", "tq2_0", ...
//
// Error    s_w = 1 / scale, rounded: 2^-24 relative.
// Errors   std::invalid_argument for another format.
inline TernaryMatrix PackTernary(const QuantizedTensor& w,
                                 TernaryPacking packing) {
  const FormatId format = w.scheme.format;
  NIBBLE_CHECK("PackTernary", format == FormatId::kTernary ||
                                  format == FormatId::kTq1_0 ||
                                  format == FormatId::kTq2_0);
  NIBBLE_CHECK("PackTernary", !w.by_column);
  std::vector<std::int8_t> t(w.codes.size());
  std::ranges::transform(w.codes, t.begin(), [](std::uint8_t code) {
    return static_cast<std::int8_t>(code - 1);
  });
  std::vector<float> scales(w.scales.size());
  std::ranges::transform(w.scales, scales.begin(),
                         [](float scale) { return 1 / scale; });
  const std::size_t group = w.scheme.granularity == Granularity::kGroup
                                ? w.scheme.group
                            : w.scheme.granularity == Granularity::kBlock ? 256
                                                                          : 0;
  return PackTernary(t, w.rows, w.cols, scales, packing, group);
}

}  // namespace NIBBLE_ABI
#endif  // NIBBLE_ENTRY_POINTS

}  // namespace nibble
