// Rotary position embedding: channels of a head turn in pairs by an angle that
// grows with the token's position.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace nibble::nn {

// The specification, in double: pair i of a head turns by this much at a
// position.
//
//     angle = position * theta^(-2i / head_dim)
//
// Source   Su et al., arXiv:2104.09864.
inline double RotaryAngle(double theta, std::size_t head_dim, std::size_t i,
                          std::size_t position) {
  const double exponent =
      -2 * static_cast<double>(i) / static_cast<double>(head_dim);
  return static_cast<double>(position) * std::pow(theta, exponent);
}

// Cosines and sines of positions first, ..., first + count - 1.
struct RotaryTable {
  std::size_t half = 0;               // pairs of a head
  std::vector<float> cosines, sines;  // [count, half]
};
RotaryTable MakeRotaryTable(float theta, std::size_t head_dim,
                            std::size_t first, std::size_t count);

// Turns every head of every token, in place:
//
//     x'[i]        = x[i] * cos - x[i + half] * sin
//     x'[i + half] = x[i] * sin + x[i + half] * cos
//
// that is Hugging Face's pairing of halves; weights of the other convention,
// pairs (2i, 2i + 1), are reordered when they are loaded (io::HalvesOfPairs).
//
// Shapes   x: [tokens, heads, 2 * half], token t at the table's t-th position.
// Error    4 * 2^-24 * (|x[i]| + |x[i + half]|).
// Errors   std::invalid_argument if a size disagrees.
void Rotate(const RotaryTable& table, std::size_t heads, std::span<float> x);

}  // namespace nibble::nn
