// The bodies of tensor.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "nibble/quant/recipe.hpp"
#include "nibble/quant/tensor.hpp"
#include "nibble/quant/tensor_pieces.hpp"

#if NIBBLE_ENTRY_POINTS
namespace nibble {
inline namespace NIBBLE_ABI {
inline QuantizedTensor QuantizeTensor(const Scheme& scheme,
                                      std::span<const float> x,
                                      std::size_t rows, std::size_t cols) {
  using namespace tensor_internal;  // NOLINT
  NIBBLE_CHECK("QuantizeTensor", x.size() == rows * cols);
  CheckScheme(scheme);
  const Codec codec = CodecOf(scheme);
  const Cut cut = CutOf(scheme, rows, cols);
  const float tensor_scale = TensorScale(scheme, x);
  QuantizedTensor tensor = Empty(scheme, rows, cols, codec);
  std::vector<QuantParams> params(cut.parts * cut.groups);
  WithCode(codec, [&](auto code) {
    const auto codes = CodesAs<decltype(code)>(tensor.codes);
    for (std::size_t part = 0; part < cut.parts; ++part) {
      const auto row = x.subspan(part * cut.length, cut.length);
      const auto p = std::span(params).subspan(part * cut.groups, cut.groups);
      FindParams(scheme, row, cut.size, tensor_scale, p);
      QuantizePiece(scheme, row, cut.size, std::span<const QuantParams>(p),
                    codec, codes.subspan(part * cut.length, cut.length));
    }
  });
  KeepParams(params, tensor);
  return tensor;
}

inline QuantizedTensor QuantizeTensor(const Scheme& scheme,
                                      std::span<const float> x,
                                      std::size_t rows, std::size_t cols,
                                      std::span<const QuantParams> params) {
  using namespace tensor_internal;  // NOLINT
  NIBBLE_CHECK("QuantizeTensor", x.size() == rows * cols);
  NIBBLE_CHECK("QuantizeTensor", params.size() == 1 || params.size() == cols);
  NIBBLE_CHECK("QuantizeTensor", scheme.granularity != Granularity::kBlock);
  CheckScheme(scheme);
  const Codec codec = CodecOf(scheme);
  QuantizedTensor tensor = Empty(scheme, rows, cols, codec);
  tensor.by_column = params.size() == cols && cols != 1;
  if (!tensor.by_column) tensor.scheme.granularity = Granularity::kTensor;
  WithCode(codec, [&](auto code) {
    using Code = decltype(code);
    const auto codes = CodesAs<Code>(tensor.codes);
    if (!tensor.by_column) return Quantize(x, params[0], codec, codes);
    for (std::size_t i = 0; i < x.size(); ++i) {
      codes[i] = static_cast<Code>(EncodeScaled(x[i], params[i % cols], codec));
    }
  });
  KeepParams(params, tensor);
  return tensor;
}

inline void DequantizeTensor(const QuantizedTensor& tensor,
                             std::span<float> out) {
  using namespace tensor_internal;  // NOLINT
  DequantizeAny(tensor, ParamsOf(tensor, true), out);
}

inline std::vector<float> CodeValues(const QuantizedTensor& tensor) {
  using namespace tensor_internal;  // NOLINT
  std::vector<float> values(tensor.rows * tensor.cols);
  DequantizeAny(tensor, ParamsOf(tensor, false), values);
  return values;
}

inline std::size_t QuantizeDequantize(const Scheme& scheme,
                                      std::span<const float> x,
                                      std::size_t rows, std::size_t cols,
                                      std::span<float> out) {
  using namespace tensor_internal;  // NOLINT
  NIBBLE_CHECK("QuantizeDequantize", x.size() == rows * cols);
  NIBBLE_CHECK("QuantizeDequantize", x.size() == out.size());
  CheckScheme(scheme);
  const Codec codec = CodecOf(scheme);
  const Cut cut = CutOf(scheme, rows, cols);
  const float tensor_scale = TensorScale(scheme, x);
  // So many groups at a time that their values are still in a cache when they
  // are read again.
  const std::size_t groups = std::clamp<std::size_t>(
      kPiece / cut.size, 1, std::max<std::size_t>(cut.groups, 1));
  std::vector<QuantParams> params(groups);
  std::size_t saturated = 0;
  for (std::size_t part = 0; part < cut.parts; ++part) {
    for (std::size_t g = 0; g < cut.groups; g += groups) {
      const std::size_t n = std::min(groups, cut.groups - g);
      const std::size_t begin = part * cut.length + g * cut.size;
      const std::size_t length =
          std::min(n * cut.size, cut.length - g * cut.size);
      const auto some = std::span(params).first(n);
      FindParams(scheme, x.subspan(begin, length), cut.size, tensor_scale,
                 some);
      saturated += Fake(scheme, x.subspan(begin, length), cut.size,
                        std::span<const QuantParams>(some), codec,
                        out.subspan(begin, length));
    }
  }
  return saturated;
}

inline std::size_t QuantizeDequantize(const Scheme& scheme,
                                      std::span<const float> x,
                                      std::size_t rows, std::size_t cols,
                                      std::span<const QuantParams> params,
                                      std::span<float> out) {
  using namespace tensor_internal;  // NOLINT
  NIBBLE_CHECK("QuantizeDequantize", x.size() == rows * cols);
  NIBBLE_CHECK("QuantizeDequantize", x.size() == out.size());
  NIBBLE_CHECK("QuantizeDequantize",
               params.size() == 1 || params.size() == cols);
  NIBBLE_CHECK("QuantizeDequantize", scheme.granularity != Granularity::kBlock);
  CheckScheme(scheme);
  const Codec codec = CodecOf(scheme);
  if (x.empty()) return 0;
  if (params.size() == 1) {
    return Fake(scheme, x, x.size(), params, codec, out);
  }
  std::vector<float> buffer(cols);
  std::size_t saturated = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    saturated += FakeRow(x.subspan(r * cols, cols), params, codec, buffer,
                         out.subspan(r * cols, cols));
  }
  return saturated;
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
