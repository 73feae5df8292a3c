// Whole matrices under a scheme: floats to codes and scales, and back.
//
//     QuantizedTensor w = QuantizeTensor(ParseScheme("int4/group32"), weights,
//                                        rows, cols);
//     DequantizeTensor(w, floats);
//
// A matrix is row-major. Weights are [output channels, everything else];
// activations are [tokens or pixels, channels].
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nibble/core/config.hpp"
#include "nibble/quant/params.hpp"
#include "nibble/quant/quantized_tensor.hpp"
#include "nibble/quant/scheme.hpp"

namespace nibble {

#if NIBBLE_ENTRY_POINTS
inline namespace NIBBLE_ABI {

// Quantizes x [rows, cols]; scales are found from x itself.
//
// Errors   std::invalid_argument if the size disagrees or the scheme is wrong.
QuantizedTensor QuantizeTensor(const Scheme& scheme, std::span<const float> x,
                               std::size_t rows, std::size_t cols);

// The same with scales found before, by ChooseParams: params holds 1 (for all)
// or cols (one per column) entries.
//
// Errors   also if the format is a block's.
QuantizedTensor QuantizeTensor(const Scheme& scheme, std::span<const float> x,
                               std::size_t rows, std::size_t cols,
                               std::span<const QuantParams> params);

// Writes the floats that the codes stand for to out [rows, cols].
void DequantizeTensor(const QuantizedTensor& tensor, std::span<float> out);

// value(code) - zero_point for every element: the factor before the scale.
std::vector<float> CodeValues(const QuantizedTensor& tensor);

// out = DequantizeTensor(QuantizeTensor(scheme, x)), the same bits, without
// keeping codes. Returns how many elements saturated: were further outside than
// rounding reaches, infinity among them. out may be x.
std::size_t QuantizeDequantize(const Scheme& scheme, std::span<const float> x,
                               std::size_t rows, std::size_t cols,
                               std::span<float> out);
std::size_t QuantizeDequantize(const Scheme& scheme, std::span<const float> x,
                               std::size_t rows, std::size_t cols,
                               std::span<const QuantParams> params,
                               std::span<float> out);

}  // namespace NIBBLE_ABI
#endif  // NIBBLE_ENTRY_POINTS

}  // namespace nibble

#include "nibble/quant/tensor_body.hpp"  // the bodies
