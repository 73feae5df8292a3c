// The gate of a llama's MLP.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace nibble::nn {

// The specification, in double.
//
//     silu(x) = x / (1 + exp(-x))
//
// Source   Hendrycks and Gimpel, arXiv:1606.08415; the gated unit (SwiGLU):
//          Shazeer, arXiv:2002.05202.
inline double Silu(double x) { return x / (1 + std::exp(-x)); }

// out[i] = silu(gate[i]) * in[i], in float32.
//
// Shapes   all the same. out may be one of the others.
// Error    relative 6 * 2^-24: an exponential of at most one unit in the last
//          place (Highway's), a sum, a quotient and a product; absolute
//          2^-119 * |in| below gate = -87, which stands for all below it.
// Errors   std::invalid_argument if a size disagrees.
void Gate(std::span<const float> gate, std::span<const float> in,
          std::span<float> out);

}  // namespace nibble::nn
