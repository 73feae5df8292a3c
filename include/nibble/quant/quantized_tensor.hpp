// A matrix of codes and its scales: what tensor.hpp makes and reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nibble/quant/scheme.hpp"

namespace nibble {

// Codes, and what turns them back into floats:
//
//     x[r, c] = (value(code[r, c]) - zero_point[g]) * scale[g],  g of (r, c)
//
// g runs row by row: tensor 1; channel and token [rows]; group and block
// [rows, ceil(cols / group)]. value() is the format's Decode. A block format's
// scale here is the whole factor (for nvfp4 the block's times the tensor's,
// rounded to float32).
struct QuantizedTensor {
  Scheme scheme;
  std::size_t rows = 0;
  std::size_t cols = 0;
  // [rows, cols]: one byte each, or two (low byte first) for formats of 16
  // bits. Signed integers are sign-extended to int8.
  std::vector<std::uint8_t> codes;
  std::vector<float> scales;
  std::vector<std::int32_t> zero_points;  // empty when all are zero
  // scales and zero_points are [cols], one per column, instead.
  bool by_column = false;
};

}  // namespace nibble
