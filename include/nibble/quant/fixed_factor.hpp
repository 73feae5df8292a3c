// Scaling of integers by integers, as TensorFlow Lite defines it: a factor is a
// multiplier of 31 bits and a shift.
//
//     factor ≈ multiplier * 2^(shift - 31),  multiplier in [2^30, 2^31)
//
// Source   Jacob et al., arXiv:1712.05877, section 2.2; TensorFlow Lite's
//          kernels/internal/common.h with TFLITE_SINGLE_ROUNDING.
#pragma once

#include <cmath>
#include <cstdint>

namespace nibble {

struct FixedFactor {
  std::int32_t multiplier = 0;  // 0, or in [2^30, 2^31)
  std::int32_t shift = 0;       // in [-31, 30]

  bool operator==(const FixedFactor&) const = default;
};

// The number of that form nearest to `factor`, halves away from zero.
//
// Domain   0 <= factor < 2^30. Below 2^-32 the result is 0.
inline FixedFactor FixedFactorOf(double factor) {
  int exponent = 0;
  const double fraction = std::frexp(factor, &exponent);
  auto multiplier = static_cast<std::int64_t>(std::round(fraction * 0x1p31));
  if (multiplier == std::int64_t{1} << 31) {
    multiplier /= 2;
    ++exponent;
  }
  if (exponent < -31) return {};
  return {static_cast<std::int32_t>(multiplier), exponent};
}

// round(x * factor), halves up, the product exact: one rounding. (TensorFlow
// Lite can be built to round twice, first the product and then its shift: about
// one result in 250 is then another, by one.) Modulo 2^32.
constexpr std::int32_t Scaled(std::int32_t x, const FixedFactor& factor) {
  const int bits = 31 - factor.shift;  // 1 to 62
  return static_cast<std::int32_t>(
      (std::int64_t{x} * factor.multiplier + (std::int64_t{1} << (bits - 1))) >>
      bits);
}

}  // namespace nibble
