// The parts that tensor_body.hpp is made of.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nibble/quant/dequantize.hpp"
#include "nibble/quant/find_params.hpp"
#include "nibble/quant/quantize.hpp"
#include "nibble/quant/quantized_tensor.hpp"
#include "nibble/quant/recipe.hpp"

#if NIBBLE_ENTRY_POINTS
namespace nibble {
inline namespace NIBBLE_ABI {
namespace tensor_internal {

static_assert(std::endian::native == std::endian::little,
              "codes of 16 bits are stored low byte first");

// Elements worked on together: their floats and codes stay in the L1 cache.
inline constexpr std::size_t kPiece = 4096;

// Calls body(x, params, size) for pieces that cover x: consecutive groups of
// `size` elements, the last one possibly shorter. A group longer than a piece
// is cut, and its params come with every part. body(begin, n, params, size).
template <class Body>
void ForEachPiece(std::size_t n, std::size_t size,
                  std::span<const QuantParams> params, const Body& body) {
  if (size >= kPiece) {
    for (std::size_t begin = 0; begin < n; begin += size) {
      const std::size_t end = std::min(n, begin + size);
      for (std::size_t i = begin; i < end; i += kPiece) {
        body(i, std::min(kPiece, end - i), params.subspan(begin / size, 1),
             kPiece);
      }
    }
    return;
  }
  const std::size_t groups = kPiece / size;
  for (std::size_t g = 0; g < params.size(); g += groups) {
    const std::size_t some = std::min(groups, params.size() - g);
    body(g * size, std::min(some * size, n - g * size), params.subspan(g, some),
         size);
  }
}

// MXINT8 blocks below 2^-121, whose inverse scale is no float: two exact steps
// instead of one.
inline void FixTinyMxint8(std::span<const float> x, std::size_t size,
                          std::span<const QuantParams> params,
                          const Codec& codec, std::span<std::uint8_t> codes) {
  for (std::size_t g = 0; g < params.size(); ++g) {
    if (params[g].scale >= 0x1p-127f) continue;
    const std::size_t end = std::min(x.size(), (g + 1) * size);
    for (std::size_t i = g * size; i < end; ++i) {
      const float y = x[i] * (0x1p-6f / params[g].scale);
      codes[i] =
          static_cast<std::uint8_t>(EncodeScaled(y, {.scale = 0x1p-6f}, codec));
    }
  }
}

// Codes of groups with given params.
template <class Code>
void QuantizePiece(const Scheme& scheme, std::span<const float> x,
                   std::size_t size, std::span<const QuantParams> params,
                   const Codec& codec, std::span<Code> codes) {
  QuantizeGroups(x, size, params, codec, codes);
  if constexpr (sizeof(Code) == 1) {
    if (scheme.format == FormatId::kMxint8) {
      FixTinyMxint8(x, size, params, codec, codes);
    }
  }
}

// Rows may have to be cut one by one: where a row ends within a group.
struct Cut {
  std::size_t parts;   // 1 or rows
  std::size_t length;  // elements of each
  std::size_t size;    // of a group
  std::size_t groups;  // of a part
};
inline Cut CutOf(const Scheme& scheme, std::size_t rows, std::size_t cols) {
  const std::size_t size =
      std::max<std::size_t>(GroupSize(scheme, rows, cols), 1);
  const bool by_row =
      scheme.granularity != Granularity::kTensor && cols % size != 0;
  const std::size_t length = by_row ? cols : rows * cols;
  return {by_row ? rows : (length == 0 ? 0 : 1), length, size,
          (length + size - 1) / size};
}

// Runs f(code type) for the width of the codec's codes.
template <class F>
decltype(auto) WithCode(const Codec& codec, const F& f) {
  if (codec.wide) return f(std::uint16_t{});
  return f(std::uint8_t{});
}

template <class Code>
std::span<Code> CodesAs(std::vector<std::uint8_t>& codes) {
  return {reinterpret_cast<Code*>(codes.data()), codes.size() / sizeof(Code)};
}
template <class Code>
std::span<const Code> CodesAs(const std::vector<std::uint8_t>& codes) {
  return {reinterpret_cast<const Code*>(codes.data()),
          codes.size() / sizeof(Code)};
}

// out = dequantized x, piece by piece; the number saturated.
inline std::size_t Fake(const Scheme& scheme, std::span<const float> x,
                        std::size_t size, std::span<const QuantParams> params,
                        const Codec& codec, std::span<float> out) {
  std::size_t saturated = 0;
  WithCode(codec, [&](auto code) {
    std::array<decltype(code), kPiece> buffer;
    ForEachPiece(x.size(), size, params,
                 [&](std::size_t begin, std::size_t n,
                     std::span<const QuantParams> p, std::size_t s) {
                   const auto piece = x.subspan(begin, n);
                   const auto codes = std::span(buffer).first(n);
                   saturated +=
                       CountOutside(piece, s, p, codec.low, codec.high);
                   QuantizePiece(scheme, piece, s, p, codec, codes);
                   DequantizeGroups(std::span<const decltype(code)>(codes), s,
                                    p, codec, out.subspan(begin, n));
                 });
  });
  return saturated;
}

// y[c] = x[c] * (1 / scale of column c); zero points are added to codes later.
inline void DivideColumns(std::span<const float> x,
                          std::span<const QuantParams> params,
                          std::span<float> y) {
  for (std::size_t c = 0; c < params.size(); ++c) {
    y[c] = x[c] * params[c].Inverse();
  }
}

inline bool AnyZeroPoint(std::span<const QuantParams> params) {
  return std::ranges::any_of(
      params, [](const QuantParams& p) { return p.zero_point != 0; });
}

// One row whose columns have scales of their own.
inline std::size_t FakeRow(std::span<const float> x,
                           std::span<const QuantParams> params,
                           const Codec& codec, std::span<float> y,
                           std::span<float> out) {
  if (AnyZeroPoint(params)) {
    std::size_t saturated = 0;
    for (std::size_t c = 0; c < params.size(); ++c) {
      saturated += CountOutside(x.subspan(c, 1), 1, params.subspan(c, 1),
                                codec.low, codec.high);
      out[c] =
          DecodeScaled(EncodeScaled(x[c], params[c], codec), params[c], codec);
    }
    return saturated;
  }
  // A factor of 1 changes no bit.
  constexpr QuantParams kOne{};
  DivideColumns(x, params, y);
  const std::size_t saturated =
      Fake({}, y, y.size(), std::span(&kOne, 1), codec, out);
  for (std::size_t c = 0; c < params.size(); ++c) out[c] *= params[c].scale;
  return saturated;
}

// Scales (and zero points, if any) of `tensor` from params.
inline void KeepParams(std::span<const QuantParams> params,
                       QuantizedTensor& tensor) {
  for (const QuantParams& p : params) tensor.scales.push_back(p.scale);
  if (!AnyZeroPoint(params)) return;
  for (const QuantParams& p : params) {
    tensor.zero_points.push_back(p.zero_point);
  }
}

inline QuantizedTensor Empty(const Scheme& scheme, std::size_t rows,
                             std::size_t cols, const Codec& codec) {
  QuantizedTensor tensor;
  tensor.scheme = scheme;
  tensor.rows = rows;
  tensor.cols = cols;
  tensor.codes.resize(rows * cols * (codec.wide ? 2 : 1));
  return tensor;
}

// What DequantizeTensor multiplies with: the tensor's scales, or 1.
inline std::vector<QuantParams> ParamsOf(const QuantizedTensor& tensor,
                                         bool with_scales) {
  std::vector<QuantParams> params(tensor.scales.size());
  for (std::size_t g = 0; g < params.size(); ++g) {
    if (with_scales) params[g].scale = tensor.scales[g];
    if (!tensor.zero_points.empty()) {
      params[g].zero_point = tensor.zero_points[g];
    }
  }
  return params;
}

inline void DequantizeAny(const QuantizedTensor& tensor,
                          std::span<const QuantParams> params,
                          std::span<float> out) {
  const Codec codec = CodecOf(tensor.scheme);
  NIBBLE_CHECK("DequantizeTensor",
               out.size() == tensor.rows * tensor.cols &&
                   tensor.codes.size() == out.size() * (codec.wide ? 2 : 1));
  const Cut cut = CutOf(tensor.scheme, tensor.rows, tensor.cols);
  NIBBLE_CHECK("DequantizeTensor",
               params.size() ==
                   (tensor.by_column ? tensor.cols : cut.parts * cut.groups));
  WithCode(codec, [&](auto code) {
    using Code = decltype(code);
    const auto codes = CodesAs<Code>(tensor.codes);
    if (tensor.by_column) {
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = DecodeScaled(codes[i], params[i % tensor.cols], codec);
      }
      return;
    }
    for (std::size_t part = 0; part < cut.parts; ++part) {
      DequantizeGroups(codes.subspan(part * cut.length, cut.length), cut.size,
                       params.subspan(part * cut.groups, cut.groups), codec,
                       out.subspan(part * cut.length, cut.length));
    }
  });
}

}  // namespace tensor_internal

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
