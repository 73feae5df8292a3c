// Ternary numbers: -1, 0, +1 as the codes 0, 1, 2.
//
// Code = value + 1, as in GGUF's TQ1_0 and TQ2_0 and in bitnet.cpp's I2_S. Code
// 3 is never written and reads as NaN.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "nibble/format/rounding.hpp"

namespace nibble {

struct Ternary {
  static constexpr int kBits = 2;
  static constexpr std::uint32_t kCodes = 3;
  static constexpr std::string_view kName = "ternary";

  static constexpr float Decode(std::uint32_t code) {
    return code < kCodes ? static_cast<float>(code) - 1
                         : std::numeric_limits<float>::quiet_NaN();
  }
  // Saturates, infinity too. NaN gives 0.
  static constexpr std::uint32_t Encode(float x, const Policy& policy = {},
                                        std::uint32_t random = 0) {
    if (x != x) return 1;
    const float limited = std::clamp(x, -1.0f, 1.0f);
    return static_cast<std::uint32_t>(
        RoundToInteger(limited, policy.rounding, random) + 1);
  }
};

}  // namespace nibble
