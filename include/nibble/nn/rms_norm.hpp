// Root mean square norm over the channels of a token.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace nibble::nn {

// The specification, in double: what a token's channels are multiplied by
// before their weights.
//
//     1 / sqrt(mean(x^2) + epsilon)
//
// Source   Zhang and Sennrich, arXiv:1910.07467.
inline double RmsScale(std::span<const float> x, float epsilon) {
  double sum = 0;
  for (const float v : x) sum += double{v} * double{v};
  return 1 / std::sqrt(sum / static_cast<double>(x.size()) + double{epsilon});
}

// out[t, c] = in[t, c] * RmsScale(in[t]) * weight[c], in float32.
//
// Shapes   in, out: [tokens, channels], weight: [channels]. out may be in.
// Error    relative (channels / 2 + 6) * 2^-24 to first order: half of the
//          relative error of a sum of squares, a root, a quotient and two
//          products.
//          A token's bits do not depend on the other tokens.
// Errors   std::invalid_argument if a size disagrees.
void RmsNorm(std::span<const float> in, std::span<const float> weight,
             float epsilon, std::span<float> out);

}  // namespace nibble::nn
