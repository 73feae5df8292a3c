// Learned step size: the scalar definition and its closed-form gradients.
#pragma once

#include <algorithm>
#include <cmath>

#include "nibble/format/rounding.hpp"

namespace nibble::qat {

struct LsqGrid {
  float low = -8, high = 7;   // codes: -2^(b-1), 2^(b-1) - 1; unsigned 0, 2^b - 1
  bool by_code = false;       // the rounded value is tested for the range
};

struct LsqResult {
  float value;    // round(clamp(x / s)) * s
  float d_x;      // d value / d x: 1 inside, 0 outside
  float d_scale;  // d value / d s: round(x / s) - x / s inside; low, high outside
};

//     y = x * (1 / s);  inside: low <= y <= high (by_code: of round(y))
//
// Source   Esser et al., arXiv:1902.08153, eq. 2, 3. by_code is PyTorch's rule.
inline LsqResult Lsq(float x, float scale, const LsqGrid& grid) {
  const float y = x * (1.0f / scale);
  const float k = RoundToInteger(y, Rounding::kNearestEven);
  const float clamped = std::clamp(k, grid.low, grid.high);
  const float test = grid.by_code ? k : y;
  const bool inside = test >= grid.low && test <= grid.high;
  return {clamped * scale, inside ? 1.0f : 0.0f,
          inside ? clamped - y : std::clamp(y, grid.low, grid.high)};
}

// Factor of the scale's gradient: 1 / sqrt(elements of a scale * high).
inline float LsqGradientScale(std::size_t elements, float high) {
  return static_cast<float>(
      1 / std::sqrt(static_cast<double>(elements) * double{high}));
}

// The first scale: 2 * mean |x| / sqrt(high).
inline float LsqInitialScale(double mean_magnitude, float high) {
  return static_cast<float>(2 * mean_magnitude / std::sqrt(double{high}));
}

}  // namespace nibble::qat
