// The numbers that tie codes to floats, and how each recipe finds them.
#pragma once

#include <cstdint>

namespace nibble {

// x ≈ (code - zero_point) * scale, and code = round(x * Inverse()) +
// zero_point.
struct QuantParams {
  float scale = 1.0f;           // x per step; finite and above zero
  std::int32_t zero_point = 0;  // the code of x = 0
  float inverse = 0.0f;         // steps per x; 0 stands for 1 / scale

  constexpr float Inverse() const {
    return inverse != 0 ? inverse : 1.0f / scale;
  }
  bool operator==(const QuantParams&) const = default;
};

// The finite values that were seen, or the part of them that shall be covered.
struct Range {
  float min = 0.0f;
  float max = 0.0f;
};

}  // namespace nibble
