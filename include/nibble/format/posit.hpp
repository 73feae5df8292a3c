// Posits of 8 and 16 bits with 0 to 2 exponent bits.
//
//     [s|rrr..r|ee|fff..]   value = 2^(k * 2^es + e) * 1.f
//
// The regime r is a run of equal bits ended by the other one: a run of n ones
// is k = n - 1, of n zeros k = -n. A negative number is the two's complement of
// its magnitude. Code 0 is zero; 100..0 is NaR, "not a real", which reads as
// NaN. The Posit Standard (2022) fixes es = 2; the draft before it had es = 0
// for 8 bits and 1 for 16.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <string_view>

#include "nibble/format/rounding.hpp"

namespace nibble {

// What tells one posit from another.
//
// Domain   3 <= bits <= 16, 0 <= exponent_bits <= 2.
struct PositParams {
  int bits = 0;
  int exponent_bits = 0;

  constexpr std::uint32_t nar() const { return 1u << (bits - 1); }
  // Exponent of the largest value; the smallest is its inverse.
  constexpr int max_exponent() const { return (bits - 2) << exponent_bits; }
  bool operator==(const PositParams&) const = default;
};

// The float that a code stands for; exact.
constexpr float DecodePosit(const PositParams& p, std::uint32_t code) {
  if (code == 0) return 0;
  if (code == p.nar()) return std::numeric_limits<float>::quiet_NaN();
  const bool negative = (code & p.nar()) != 0;
  const std::uint32_t magnitude = negative ? 2 * p.nar() - code : code;
  // Left-aligned without the sign; the zeros that follow are what the standard
  // reads past the end.
  std::uint32_t rest = magnitude << (33 - p.bits);
  const bool ones = rest >> 31 != 0;
  const int run = ones ? std::countl_one(rest) : std::countl_zero(rest);
  const int regime = ones ? run - 1 : -run;
  rest <<= run + 1;
  const int e = static_cast<int>(std::uint64_t{rest} >> (32 - p.exponent_bits));
  rest <<= p.exponent_bits;
  const int exponent = (regime << p.exponent_bits) + e;
  const std::uint32_t bits =
      (static_cast<std::uint32_t>(exponent + 127) << 23) | rest >> 9;
  return std::bit_cast<float>(bits | (negative ? 0x80000000u : 0));
}

// The code of x under a policy.
//
// Nearest is nearest in the encoding, as the standard has it: the bit string of
// x, written out without end, is cut to the format's length and rounded as a
// binary number. Where the cut falls into the regime or the exponent, the tie
// is the geometric middle and not the arithmetic one. Stochastic rounding works
// on values, so that it is unbiased. No policy rounds a number to zero or NaR:
// magnitudes below the smallest value become it, those above the largest
// saturate. NaN gives NaR; so does infinity unless it saturates.
constexpr std::uint32_t EncodePosit(const PositParams& p, float x,
                                    const Policy& policy = {},
                                    std::uint32_t random = 0) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const bool negative = bits >> 31 != 0;
  const std::uint32_t abs = bits & 0x7FFFFFFFu;
  if (abs == 0) return 0;
  if (abs > 0x7F800000u) return p.nar();
  if (abs == 0x7F800000u && !policy.infinity_saturates) return p.nar();
  const int exponent = static_cast<int>(abs >> 23) - 127;
  std::uint32_t code = 0;
  if (exponent >= p.max_exponent()) {
    code = p.nar() - 1;
  } else if (exponent < -p.max_exponent()) {
    code = 1;
  } else {
    const int regime = exponent >> p.exponent_bits;
    const int e = exponent - (regime << p.exponent_bits);
    // Regime with its end, exponent, 23 bits of fraction, right-aligned.
    const int run = regime >= 0 ? regime + 1 : -regime;
    std::uint64_t string = regime >= 0 ? (2ull << run) - 2 : 1;
    string = (string << p.exponent_bits) | static_cast<std::uint64_t>(e);
    string = (string << 23) | (abs & 0x7FFFFFu);
    const int cut = run + 1 + p.exponent_bits + 23 - (p.bits - 1);
    code = static_cast<std::uint32_t>(string >> cut);
    const std::uint64_t tail = string & ((1ull << cut) - 1);
    const auto fraction =
        policy.rounding == Rounding::kStochastic
            ? FractionBetween(DecodePosit(p, code), DecodePosit(p, code + 1),
                              std::bit_cast<float>(abs), policy.rounding)
            : static_cast<std::uint32_t>(tail << 31 >> cut);
    if (RoundsAway(code % 2 != 0, fraction, false, negative, policy.rounding,
                   random)) {
      ++code;
    }
  }
  return negative ? 2 * p.nar() - code : code;
}

// A posit as a type.
template <int kBitsOf, int kExponentBits>
struct Posit {
  static constexpr PositParams kParams{kBitsOf, kExponentBits};
  static constexpr int kBits = kBitsOf;

  static constexpr float Decode(std::uint32_t code) {
    return DecodePosit(kParams, code);
  }
  static constexpr std::uint32_t Encode(float x, const Policy& policy = {},
                                        std::uint32_t random = 0) {
    return EncodePosit(kParams, x, policy, random);
  }
};

struct Posit8Es0 : Posit<8, 0> {
  static constexpr std::string_view kName = "posit8_es0";
};
struct Posit8Es1 : Posit<8, 1> {
  static constexpr std::string_view kName = "posit8_es1";
};
struct Posit8Es2 : Posit<8, 2> {
  static constexpr std::string_view kName = "posit8_es2";
};
struct Posit16Es0 : Posit<16, 0> {
  static constexpr std::string_view kName = "posit16_es0";
};
struct Posit16Es1 : Posit<16, 1> {
  static constexpr std::string_view kName = "posit16_es1";
};
struct Posit16Es2 : Posit<16, 2> {
  static constexpr std::string_view kName = "posit16_es2";
};

}  // namespace nibble
