// Multipliers, and floats that they get wrong first, for the tests of arith/.
#pragma once

#include <bit>
#include <cstdint>
#include <random>

namespace nibble::inputs {

// Every kind of multiplier of floats, with its options at their ends.
inline const char* const kFloatMultipliers[] = {"exact",
                                                "lmul",
                                                "lmul:k1",
                                                "lmul:k4",
                                                "lmul:k3,l2,round",
                                                "lmul:bf16",
                                                "lmul:bf16,k3,round",
                                                "lmul:fp16",
                                                "lmul:fp8_e4m3",
                                                "lmul:fp8_e4m3,k2,round",
                                                "lmul:fp8_e5m2",
                                                "lmul-formula",
                                                "lmul-formula:k5,round",
                                                "lmul-formula:bf16",
                                                "lmul-formula:fp8_e4m3",
                                                "lmul-formula:fp8_e5m2,k1",
                                                "mitchell",
                                                "pam:corrected",
                                                "drum:k3",
                                                "drum:k12",
                                                "pot",
                                                "pot:ratio",
                                                "apot:b2",
                                                "apot:b6",
                                                "lns:g0",
                                                "lns:g4",
                                                "lns:g8"};

// Where a kernel goes wrong first: the ends of the formats' ranges, ties,
// carry.
inline constexpr std::uint32_t kEdges[] = {
    0,          1,          0x007FFFFF, 0x00800000, 0x00800001, 0x3F800000,
    0x3FFFFFFF, 0x3FB504F3, 0x3FB504F4, 0x3FC00000, 0x7F7FFFFF, 0x7F000000,
    0x7F800000, 0x7FC00000, 0x7F800001, 0x7FFFFFFF, 0x43E00000, 0x43E80000,
    0x47600000, 0x3C800000, 0x38800000, 0x387FF000, 0x3C780000, 0x3C77FFFF,
    0x477FE000, 0x7F7F0000, 0x7F7F8000, 0x007F8000, 0x1E800000, 0x5F800000,
    0x3E000000, 0x3F000000};

// Any bits, edges, and ordinary numbers.
inline float AnyFloat(std::mt19937& rng) {
  const auto bits = static_cast<std::uint32_t>(rng());
  const auto sign = static_cast<std::uint32_t>(rng()) & 0x80000000u;
  switch (rng() % 8) {
    case 0:
      return std::bit_cast<float>(bits);
    case 1:
      return std::bit_cast<float>(kEdges[bits % std::size(kEdges)] | sign);
    default:  // 2^-32 .. 2^31, in eight bits of mantissa or in all
      return std::bit_cast<float>(
          ((bits & 0x1FFFFFFFu) + (static_cast<std::uint32_t>(95) << 23)) %
              0x4F000000u |
          sign);
  }
}

// NaN of one kind is not NaN of another, and -0 is not 0. Products with IEEE
// multiplication may give any NaN.
inline bool SameBits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (a != a && b != b);
}

}  // namespace nibble::inputs
