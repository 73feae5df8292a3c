// Integers from floats: the scalar definition.
#pragma once

#include <algorithm>
#include <cstdint>

#include "nibble/format/rounding.hpp"
#include "nibble/quant/params.hpp"

namespace nibble {

// Which integers there are, and how a value becomes one.
struct IntegerGrid {
  std::int32_t low = -127;
  std::int32_t high = 127;
  std::int32_t offset = 0;  // the code of integer 0: 1 in ternary
  Rounding rounding = Rounding::kNearestEven;
  // Added in float32 before rounding; its whole part is taken off again. AQT's
  // floor(x + 0.5) is {kFloor, add 0.5}, ggml's 4-bit rule {kFloor, 8.5}.
  float add = 0;
  // Integer k stands for k + 0.5.
  bool half_shift = false;

  bool operator==(const IntegerGrid&) const = default;
};

// The integer k of x, before the grid's offset.
//
//     k = clamp(round(x * inverse + add) - trunc(add) + zero_point, low, high)
//
// The product is rounded to float32 before anything is added; the zero point
// joins as an integer.
//
// Domain   |zero_point| < 2^20. random: 32 bits, for kStochastic.
// Range    NaN gives what 0 gives, infinity saturates; so does a product that
//          overflows. Half-shifted and nearest even: k + 0.5 is the nearest
//          value, at a tie that of even k; half-shifted and kFloor: floor.
constexpr std::int32_t QuantizeInteger(float x, const QuantParams& params,
                                       const IntegerGrid& grid,
                                       std::uint32_t random = 0) {
  constexpr float kLimit = 0x1p22f;  // far outside, exact and convertible
  // clang evaluates no product of NaN at compile time.
  const float y = x == x ? Rounded(x * params.Inverse()) : 0.0f;
  const std::int32_t zero =
      params.zero_point - static_cast<std::int32_t>(grid.add);
  const float limited =
      (y == y ? std::clamp(y, -kLimit, kLimit) : 0.0f) + grid.add;
  float k = RoundToInteger(
      limited, grid.half_shift ? Rounding::kFloor : grid.rounding, random);
  if (grid.half_shift && grid.rounding == Rounding::kNearestEven &&
      k == limited && static_cast<std::int32_t>(k) % 2 != 0) {
    k -= 1;
  }
  return std::clamp(static_cast<std::int32_t>(k) + zero, grid.low, grid.high);
}

// The float that integer k stands for: (k - zero_point) * scale, k + 0.5 in its
// place if half-shifted.
constexpr float DequantizeInteger(std::int32_t k, const QuantParams& params,
                                  const IntegerGrid& grid) {
  const auto value = static_cast<float>(k - params.zero_point);
  return (grid.half_shift ? value + 0.5f : value) * params.scale;
}

// The common case: symmetric int8 of narrow range, nearest even.
constexpr std::int8_t QuantizeInt8(float x, const QuantParams& params) {
  return static_cast<std::int8_t>(QuantizeInteger(x, params, {}));
}
constexpr float DequantizeInt8(std::int8_t code, const QuantParams& params) {
  return DequantizeInteger(code, params, {});
}

}  // namespace nibble
