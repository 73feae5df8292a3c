// DoReFa's weights: the scalar definition.
#pragma once

#include <cmath>

namespace nibble::qat {

// t = tanh(w) / max |tanh(w)|, in [-1, 1]; the k bits of t / 2 + 1/2 are codes
// 0, ..., 2^k - 1 which stand for 2 code / (2^k - 1) - 1: half-shifted integers
// -2^(k-1) + 1/2, ..., 2^(k-1) - 1/2 times 2 / (2^k - 1).
//
// Source   Zhou et al., arXiv:1606.06160, eq. 9, with 1e-5 added to the
//          maximum.
inline float DorefaTransform(float w, float largest_tanh) {
  return std::tanh(w) / (largest_tanh + 1e-5f);
}

// d t / d w, the maximum taken as a constant.
inline float DorefaSlope(float w, float largest_tanh) {
  const float t = std::tanh(w);
  return (1 - t * t) / (largest_tanh + 1e-5f);
}

}  // namespace nibble::qat
