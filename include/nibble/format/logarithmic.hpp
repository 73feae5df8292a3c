// Logarithmic numbers: a sign and an exponent with a fraction of G bits.
//
//     logB_fG  [s|mmm..m]   value = (-1)^s * 2^((m - 2^(B-2)) / 2^G)   for m >
//     0
//                           (-1)^s * 0                                 for m =
//                           0
//
// The exponents lie evenly about 2^0, which is m = 2^(B-2): the largest value
// is the inverse of the smallest. log4_f0 holds 0 and +-2^-3 .. +-2^3, the
// powers of two of multiplier-free networks.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "nibble/format/minifloat.hpp"
#include "nibble/format/rounding.hpp"

namespace nibble {

// What tells one logarithmic format from another.
//
// Domain   3 <= bits <= 8, 0 <= fraction_bits <= 4, and 2^(bits - 2 -
//          fraction_bits) < 126 so that every value is a normal float.
struct LogarithmicParams {
  int bits = 0;
  int fraction_bits = 0;

  constexpr std::uint32_t sign_code() const { return 1u << (bits - 1); }
  constexpr int bias() const { return 1 << (bits - 2); }
  bool operator==(const LogarithmicParams&) const = default;
};

// 2^(i / 16), rounded to nearest.
inline constexpr std::array<float, 16> kSixteenthPowers = {
    0x1.000000p0f, 0x1.0b5586p0f, 0x1.172b84p0f, 0x1.2387a6p0f,
    0x1.306fe0p0f, 0x1.3dea64p0f, 0x1.4bfdaep0f, 0x1.5ab07ep0f,
    0x1.6a09e6p0f, 0x1.7a1148p0f, 0x1.8ace54p0f, 0x1.9c4918p0f,
    0x1.ae89fap0f, 0x1.c199bep0f, 0x1.d5818ep0f, 0x1.ea4afap0f};

// The float that a code stands for.
//
// Error    half a unit in the last place of a float: 2^(i/16) is irrational.
constexpr float DecodeLogarithmic(const LogarithmicParams& p,
                                  std::uint32_t code) {
  const bool negative = (code & p.sign_code()) != 0;
  const std::uint32_t magnitude = code & (p.sign_code() - 1);
  if (magnitude == 0) return negative ? -0.0f : 0.0f;
  const int exponent = static_cast<int>(magnitude) - p.bias();
  const int whole = exponent >> p.fraction_bits;
  const int part = exponent - (whole << p.fraction_bits);
  const float value =
      PowerOfTwo(whole) *
      kSixteenthPowers[static_cast<std::size_t>(part << (4 - p.fraction_bits))];
  return negative ? -value : value;
}

// The code of x under a policy: nearest in value, "even" meaning an even
// magnitude m. Saturates, infinity too. The sign of zero is kept; NaN gives +0.
//
// Cost     a loop over the steps of a binade, 2^fraction_bits of them.
constexpr std::uint32_t EncodeLogarithmic(const LogarithmicParams& p, float x,
                                          const Policy& policy = {},
                                          std::uint32_t random = 0) {
  if (x != x) return 0;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const bool negative = bits >> 31 != 0;
  const float abs = negative ? -x : x;
  // |x| = 2^whole * significand; `part` steps of the binade lie below it.
  const int whole = static_cast<int>(bits >> 23 & 0xFF) - 127;
  const auto significand =
      std::bit_cast<float>((bits & 0x7FFFFFu) | 0x3F800000u);
  int part = 0;
  for (std::size_t i = 1; i < std::size_t{1} << p.fraction_bits; ++i) {
    part += kSixteenthPowers[i << (4 - p.fraction_bits)] <= significand ? 1 : 0;
  }
  // The largest magnitude whose value is at most |x|.
  auto low = static_cast<std::uint32_t>(
      std::clamp(whole * (1 << p.fraction_bits) + part + p.bias(), 0,
                 static_cast<int>(p.sign_code()) - 1));
  if (low + 1 < p.sign_code()) {
    const std::uint32_t fraction =
        FractionBetween(DecodeLogarithmic(p, low),
                        DecodeLogarithmic(p, low + 1), abs, policy.rounding);
    if (RoundsAway(low % 2 != 0, fraction, false, negative, policy.rounding,
                   random)) {
      ++low;
    }
  }
  return low | (negative ? p.sign_code() : 0);
}

// A logarithmic format as a type.
template <int kBitsOf, int kFractionBits>
struct Logarithmic {
  static constexpr LogarithmicParams kParams{kBitsOf, kFractionBits};
  static constexpr int kBits = kBitsOf;

  static constexpr float Decode(std::uint32_t code) {
    return DecodeLogarithmic(kParams, code);
  }
  static constexpr std::uint32_t Encode(float x, const Policy& policy = {},
                                        std::uint32_t random = 0) {
    return EncodeLogarithmic(kParams, x, policy, random);
  }
};

struct Log4F0 : Logarithmic<4, 0> {
  static constexpr std::string_view kName = "log4_f0";
};
struct Log4F1 : Logarithmic<4, 1> {
  static constexpr std::string_view kName = "log4_f1";
};
struct Log6F2 : Logarithmic<6, 2> {
  static constexpr std::string_view kName = "log6_f2";
};
struct Log8F3 : Logarithmic<8, 3> {
  static constexpr std::string_view kName = "log8_f3";
};
struct Log8F4 : Logarithmic<8, 4> {
  static constexpr std::string_view kName = "log8_f4";
};

}  // namespace nibble
