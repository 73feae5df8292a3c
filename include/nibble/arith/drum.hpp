// DRUM-k: an exact multiplier of k bits behind leading-one detectors. Each
// operand keeps the k bits from its leading one on, the last of them forced to
// one: the expected value of what is dropped, so that errors cancel.
//
//     1 b b b b b . . . .   ->   1 b b b b 1 0 0 0 0          k = 6
//
// Source   Hashemi, Bahar, Reda, "DRUM: A Dynamic Range Unbiased Multiplier",
//          ICCAD 2015; scale-lab/DRUM (Verilog).
#pragma once

#include <bit>
#include <cstdint>

#include "nibble/arith/operand.hpp"
#include "nibble/core/check.hpp"

namespace nibble {

// Significands of k bits each, whose product of 2k bits a float holds.
inline constexpr int kDrumMin = 3;
inline constexpr int kDrumMax = 12;

// The operand that DRUM-k multiplies. Numbers below 2^k stay.
constexpr std::uint32_t DrumOperand(std::uint32_t a, int k) {
  const int drop = static_cast<int>(std::bit_width(a)) - k;
  return drop <= 0 ? a : (a >> drop | 1u) << drop;
}

// DRUM-k of integers.
//
// Domain   a, b < 2^16; k in [3, 12].
// Error    relative, in ((1 + u)^2 / (1 + 2u)^2 - 1, (1 + u)^2 - 1], u being
//          2^(1-k): k = 6: (-5.80 %, +6.35 %].
constexpr std::uint64_t DrumInteger(std::uint32_t a, std::uint32_t b, int k) {
  return std::uint64_t{DrumOperand(a, k)} * DrumOperand(b, k);
}

// The float that DRUM-k multiplies: a significand of k bits, the last one set.
// Subnormals become zero; NaN becomes 7FC00000.
constexpr float DrumOperand(float x, int k) {
  const float prepared = PrepareOperand(x, {});
  const auto bits = std::bit_cast<std::uint32_t>(prepared);
  const std::uint32_t magnitude = bits & ~kSignBit;
  if (magnitude == 0 || magnitude >= kInfinityBits) return prepared;
  const std::uint32_t unit = 1u << (24 - k);
  return std::bit_cast<float>((bits & ~(unit - 1)) | unit);
}

// DRUM-k of floats: as of integers with as many bits as a significand. The
// product of the operands is exact (IEEE where it is subnormal or overflows).
//
// Domain   k in [3, 12].
// Error    as DrumInteger.
constexpr float Drum(float x, float y, int k) {
  NIBBLE_CHECK("Drum", k >= kDrumMin && k <= kDrumMax);
  return DrumOperand(x, k) * DrumOperand(y, k);
}

}  // namespace nibble
