// A real factor below 1 as an integer and a shift: how gemmlowp and TensorFlow
// Lite scale int32 sums without floating point.
//
//     x * real  ~  RoundingDivideByPot(SaturatingRoundingDoublingHighMul(
//                      x, multiplier), right_shift)
//     real      =  multiplier * 2^-31 * 2^-right_shift
//
// Both steps round, so that some results lie one beside the nearest integer
// (a tie that the first step makes is rounded again by the second): whoever
// wants the numbers of those libraries wants that too.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "nibble/core/check.hpp"

namespace nibble {

// The high half of 2 * a * b, rounded to nearest, ties towards +infinity.
//
//     floor((a * b + 2^30) / 2^31)
//
// Range    saturates in one case: both are -2^31, which gives 2^31 - 1.
// Source   gemmlowp, fixedpoint/fixedpoint.h: a function of this name.
constexpr std::int32_t SaturatingRoundingDoublingHighMul(std::int32_t a,
                                                         std::int32_t b) {
  constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();
  if (a == kMin && b == kMin) return std::numeric_limits<std::int32_t>::max();
  const std::int64_t product = std::int64_t{a} * b;
  return static_cast<std::int32_t>((product + (std::int64_t{1} << 30)) >> 31);
}

// x / 2^exponent rounded to nearest, ties away from zero.
//
// Domain   0 <= exponent <= 31.
// Source   gemmlowp, fixedpoint/fixedpoint.h: RoundingDivideByPOT.
constexpr std::int32_t RoundingDivideByPot(std::int32_t x, int exponent) {
  const auto mask =
      static_cast<std::int32_t>((std::int64_t{1} << exponent) - 1);
  const std::int32_t remainder = x & mask;
  const std::int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

// Domain   multiplier in [2^30, 2^31), right_shift in [0, 31].
struct FixedMultiplier {
  std::int32_t multiplier = 1 << 30;
  std::int32_t right_shift = 0;

  constexpr bool valid() const {
    return multiplier >= (1 << 30) && right_shift >= 0 && right_shift <= 31;
  }
  bool operator==(const FixedMultiplier&) const = default;
};

// x times `by`, in the two steps above.
constexpr std::int32_t MultiplyByFixedPoint(std::int32_t x,
                                            const FixedMultiplier& by) {
  return RoundingDivideByPot(
      SaturatingRoundingDoublingHighMul(x, by.multiplier), by.right_shift);
}

// The fixed-point number nearest to `real`; a mantissa that rounds up to 2^31
// becomes 2^30 with a shift less, and a number so near 1 that no shift is left
// becomes the largest there is.
//
// Domain   2^-32 <= real < 1.
// Error    relative 2^-31.
// Errors   std::invalid_argument for anything else, NaN included.
inline FixedMultiplier MakeFixedMultiplier(double real) {
  NIBBLE_CHECK("MakeFixedMultiplier", real >= 0x1p-32 && real < 1.0);
  int exponent = 0;
  const double mantissa = std::frexp(real, &exponent);  // [0.5, 1)
  auto multiplier =
      static_cast<std::int64_t>(std::floor(mantissa * 0x1p31 + 0.5));
  if (multiplier == std::int64_t{1} << 31) {
    if (exponent == 0) return {std::numeric_limits<std::int32_t>::max(), 0};
    multiplier /= 2;
    ++exponent;
  }
  return {static_cast<std::int32_t>(multiplier), -exponent};
}

}  // namespace nibble
