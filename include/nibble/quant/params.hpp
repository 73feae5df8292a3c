// The numbers that tie codes to floats.
#pragma once

#include <cstdint>
#include <limits>

namespace nibble {

// x ≈ (code - zero_point) * scale, code = round(x * Inverse()) + zero_point.
struct QuantParams {
  float scale = 1.0f;           // x per step; finite, not zero
  std::int32_t zero_point = 0;  // the code of x = 0
  float inverse = 0.0f;         // steps per x; 0 stands for 1 / scale

#if defined(__GNUC__)
  // A call from a kernel would change to another instruction set and back.
  [[gnu::always_inline]]
#endif
  constexpr float
  Inverse() const {
    return inverse != 0 ? inverse : 1.0f / scale;
  }
  bool operator==(const QuantParams&) const = default;
};

// The finite values that were seen, or the part of them that shall be covered.
struct Range {
  float min = 0.0f;
  float max = 0.0f;

  // Nothing was seen: any value is below min and above max.
  static const Range kEmpty;

  constexpr bool empty() const { return min > max; }
  bool operator==(const Range&) const = default;
};

inline constexpr Range Range::kEmpty = {std::numeric_limits<float>::max(),
                                        std::numeric_limits<float>::lowest()};

}  // namespace nibble
