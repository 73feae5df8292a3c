// E8M0: a power of two in one byte, the scale of OCP Microscaling (MX) 1.0.
//
//     code c in 0..254 is 2^(c - 127), code 255 is NaN
//
// No sign and no zero: 0 is 2^-127, the smallest value.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <string_view>

#include "nibble/format/minifloat.hpp"
#include "nibble/format/rounding.hpp"

namespace nibble {

struct E8m0 {
  static constexpr int kBits = 8;
  static constexpr std::uint32_t kNaN = 255;
  static constexpr std::string_view kName = "e8m0";

  static constexpr float Decode(std::uint32_t code) {
    return code == kNaN ? std::numeric_limits<float>::quiet_NaN()
                        : PowerOfTwo(static_cast<int>(code) - 127);
  }

  // Ties lie at 1.5 * 2^k. Positive values below 2^-127 give 2^-127 in every
  // policy; zero and negative values do so where overflow saturates, and give
  // NaN otherwise. Overflow and NaN give NaN unless they saturate at 2^127.
  static constexpr std::uint32_t Encode(float x, const Policy& policy = {},
                                        std::uint32_t random = 0) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const bool saturates = policy.overflow == Overflow::kSaturate;
    if (x != x) return kNaN;
    if ((x == kInfinity || x == -kInfinity) && !policy.infinity_saturates) {
      return kNaN;
    }
    if (x == kInfinity) return kNaN - 1;
    if (x <= 0) return saturates ? 0 : kNaN;
    if (x <= PowerOfTwo(-127)) return 0;
    // x = 2^(low - 127) * (1 + f). A subnormal above 2^-127 has its leading one
    // at bit 22, a normal number at bit 23, where it joins the exponent.
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t low = bits >> 23;
    const std::uint32_t fraction =
        low == 0 ? (bits & 0x3FFFFFu) << 9 : (bits & 0x7FFFFFu) << 8;
    const std::uint32_t code = low + (RoundsAway(low % 2 != 0, fraction, false,
                                                 false, policy.rounding, random)
                                          ? 1
                                          : 0);
    return code == kNaN && saturates ? kNaN - 1 : code;
  }
};

}  // namespace nibble
