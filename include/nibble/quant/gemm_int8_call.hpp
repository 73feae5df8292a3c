// What the kernel of gemm_int8.hpp is told. Not for users.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nibble/quant/product_finish.hpp"

namespace nibble::product {

// out[m, n] = finish(sum_k (x[m, k] ^ flip) * w[n, k] - correction), k from
// k_begin (a multiple of 4) to k_end.
struct GemmInt8Call {
  const std::uint8_t* x;  // [m, k]
  std::uint8_t flip;      // 0x80 makes int8 codes code + 128
  std::size_t m, n, k;
  std::size_t k_begin, k_end;
  const std::int8_t* w;  // PackedInt8::codes
  Correction correction;
  void* out;  // [m, n] of what the finish makes
};

}  // namespace nibble::product
