// A safetensors file whose weights are codes and scales.
//
// A tensor T under a scheme becomes
//
//     T.codes         U8 [bytes]   element i in bits [b·i, b·(i+1)) of the
//                                  stream, lowest first, b bits a code;
//                                  ternary: five to a byte, base 3
//     T.scales        F32 [n]      F8_E8M0 in MX formats, F8_E4M3 in nvfp4, F16
//                                  in GGUF's; order as in QuantizedTensor
//     T.tensor_scale  F32 [1]      nvfp4 only: a scale is its code times this
//     T.zero_points   I8 [n]       where the scheme has any; I16 or I32 if need
//     be
//
// and the file's metadata get "nibble:T" = "int4/group32 [16,3,3,3]": scheme
// and shape. The matrix that is quantized has shape[0] rows and the rest as
// columns. Tensors of fewer than two dimensions stay as they are.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "nibble/io/safetensors.hpp"
#include "nibble/nn/model.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble::nn {

inline constexpr const char* kPartNames[] = {".codes", ".scales",
                                             ".tensor_scale", ".zero_points"};

// One tensor of such a file, codes unpacked.
struct StoredTensor {
  std::string name;
  std::vector<std::size_t> shape;
  QuantizedTensor values;
  std::size_t bytes = 0;  // of all its parts in the file
};

// Whether `scheme` would touch the tensor: real numbers in two or more
// dimensions, none of them zero.
bool IsQuantizable(const io::TensorView& tensor);

// Quantizes every quantizable tensor of `in` and writes `out`, atomically.
//
// Errors   InputError if `in` cannot be read, holds quantized tensors already,
//          or `out` cannot be written.
void QuantizeFile(const std::filesystem::path& in,
                  const std::filesystem::path& out, const Scheme& scheme);

// The quantized tensors of a file, in the order of their names.
//
// Errors   InputError naming file, tensor, found and expected if a part is
//          absent or has another type or size than scheme and shape ask for.
std::vector<StoredTensor> ReadQuantized(const io::SafeTensors& file,
                                        const std::string& name);

// Writes the floats of a quantized file: the same bits as DequantizeTensor of
// QuantizeTensor. Other tensors are copied.
void DequantizeFile(const std::filesystem::path& in,
                    const std::filesystem::path& out);

}  // namespace nibble::nn
