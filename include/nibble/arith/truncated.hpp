// The truncated array multiplier: an 8x8 array without its partial products in
// the t lowest columns.
//
//     sum over bits i of a, j of b with i + j >= t of 2^(i + j)
#pragma once

#include <cstdint>

namespace nibble {

inline constexpr int kTruncatedMax = 15;  // columns 0 .. 14 exist

// Domain   t in [0, 15]; 0 is the exact product.
// Error    never positive. Worst: -W, W = sum over i + j < t of 2^(i + j); mean
//          -W / 4 over all pairs. W = 1, 5, 17, 49, 129, 321, 769, 1793 for
//          t = 1 .. 8.
constexpr std::uint32_t Truncated(std::uint8_t a, std::uint8_t b, int t) {
  std::uint32_t product = 0;
  for (int i = 0; i < 8; ++i) {
    if ((a >> i & 1) == 0) continue;
    // Bits of b in the columns from t on.
    const int first = t > i ? t - i : 0;
    const std::uint32_t kept = first < 8 ? b & (0xFFu << first) : 0;
    product += kept << i;
  }
  return product;
}

}  // namespace nibble
