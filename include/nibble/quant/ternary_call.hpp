// What a kernel of ternary_gemm.hpp is told: plain numbers and pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nibble/quant/ternary_layout.hpp"

namespace nibble {

struct TernaryCall {
  TernaryLayout layout;
  const std::uint8_t* bytes;        // packed weights
  const float* scales;              // s_w: one, or [groups, rows]
  std::size_t scale_stride;         // rows, or 0 where there is one for all
  const std::int32_t* row_offsets;  // [groups, rows]: see TernaryMatrix
  std::size_t m;                    // tokens
  const std::int8_t* q;             // activations of token t: q + t * stride
  std::size_t stride;               // reaches the last column of the last line
  const std::int32_t* offsets;      // [m, groups]: minus the sum of a group's q
  const float* token_scales;        // s_a: [m]
  std::int32_t* sums;               // [m, n], or null
  float* y;                         // [m, n], where sums is null
};

}  // namespace nibble
