// Integers of 1 to 8 bits: signed (two's complement), unsigned, half-shifted.
//
//     int8    code 0x81 is -127      uint4   code 0xF is 15
//     hint2   codes 2, 3, 0, 1 are -1.5, -0.5, 0.5, 1.5
//
// Half-shifted integers stand for k + 0.5 (AQT's half_shift): 2^b levels that
// lie symmetrically, none of them zero. int1 is the sign: 0 is +1, 1 is -1.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "nibble/format/rounding.hpp"

namespace nibble {

// What tells one integer format from another.
//
// Domain   1 <= bits <= 8; half_shift only if is_signed.
struct IntegerParams {
  int bits = 0;
  bool is_signed = true;
  bool half_shift = false;

  constexpr std::uint32_t mask() const { return (1u << bits) - 1; }
  // Range of k. Narrow leaves out the lowest code of a signed integer, so that
  // the range is symmetric; half-shifted ones are so already.
  constexpr std::int32_t lowest(bool narrow) const {
    if (!is_signed) return 0;
    return -(1 << (bits - 1)) + (narrow && !half_shift ? 1 : 0);
  }
  constexpr std::int32_t highest() const {
    return is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
  }
  bool operator==(const IntegerParams&) const = default;
};

// The integer that a code stands for (k of k + 0.5 if half-shifted).
constexpr std::int32_t IntegerOfCode(const IntegerParams& p,
                                     std::uint32_t code) {
  const auto k = static_cast<std::int32_t>(code & p.mask());
  return p.is_signed && k > p.highest() ? k - (1 << p.bits) : k;
}

// The float that a code stands for; exact.
constexpr float DecodeInteger(const IntegerParams& p, std::uint32_t code) {
  if (p.half_shift) return static_cast<float>(IntegerOfCode(p, code)) + 0.5f;
  if (p.is_signed && p.bits == 1) return (code & 1) != 0 ? -1.0f : 1.0f;
  return static_cast<float>(IntegerOfCode(p, code));
}

// k for the value k + 0.5 that x rounds to, before any limit.
//
// Domain   |x| < 2^20. "Even" means that k is even; at 0 there is no side away
//          from zero, and ties other than to even go to +0.5.
constexpr float RoundToHalf(float x, Rounding rounding, std::uint32_t random) {
  const float floor = RoundToInteger(x, Rounding::kFloor);
  const float k = x - floor < 0.5f ? floor - 1 : floor;  // k + 0.5 <= x
  const bool odd = static_cast<std::int32_t>(k) % 2 != 0;
  return RoundsUp(k + 0.5f, k + 1.5f, x, odd, rounding, random) ? k + 1 : k;
}

// The code of x under a policy. Out of range saturates, infinity too: integers
// have nothing else. NaN gives code 0, which is 0 (1 in int1, 0.5 in hintN).
// One signed bit takes the sign of x alone, 0 as positive, in every rounding.
constexpr std::uint32_t EncodeInteger(const IntegerParams& p, float x,
                                      const Policy& policy = {},
                                      std::uint32_t random = 0) {
  if (x != x) return 0;
  if (p.is_signed && p.bits == 1 && !p.half_shift) return x < 0 ? 1 : 0;
  const float limited = std::clamp(x, -512.0f, 512.0f);
  const float rounded = p.half_shift
                            ? RoundToHalf(limited, policy.rounding, random)
                            : RoundToInteger(limited, policy.rounding, random);
  const auto k = std::clamp(static_cast<std::int32_t>(rounded),
                            p.lowest(policy.narrow), p.highest());
  return static_cast<std::uint32_t>(k) & p.mask();
}

namespace integer_internal {

inline constexpr std::string_view kNames[3][8] = {
    {"int1", "int2", "int3", "int4", "int5", "int6", "int7", "int8"},
    {"uint1", "uint2", "uint3", "uint4", "uint5", "uint6", "uint7", "uint8"},
    {"hint1", "hint2", "hint3", "hint4", "hint5", "hint6", "hint7", "hint8"}};

template <int kBitsOf, bool kSigned, bool kHalfShift>
struct Integer {
  static_assert(1 <= kBitsOf && kBitsOf <= 8);
  static constexpr IntegerParams kParams{kBitsOf, kSigned, kHalfShift};
  static constexpr int kBits = kBitsOf;
  static constexpr std::string_view kName =
      kNames[kHalfShift ? 2 : (kSigned ? 0 : 1)][kBitsOf - 1];

  static constexpr float Decode(std::uint32_t code) {
    return DecodeInteger(kParams, code);
  }
  static constexpr std::uint32_t Encode(float x, const Policy& policy = {},
                                        std::uint32_t random = 0) {
    return EncodeInteger(kParams, x, policy, random);
  }
};

}  // namespace integer_internal

// Integers as types: Int<8> is int8, Uint<4> uint4, HalfInt<2> hint2.
template <int kBits>
using Int = integer_internal::Integer<kBits, true, false>;
template <int kBits>
using Uint = integer_internal::Integer<kBits, false, false>;
template <int kBits>
using HalfInt = integer_internal::Integer<kBits, true, true>;

}  // namespace nibble
