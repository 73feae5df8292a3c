// Binary floating point of up to 16 bits: bf16, fp16, fp8, fp6, fp4.
//
//     [s|eeee|mmm]   value = (-1)^s * 2^(e - bias) * 1.m      for e > 0
//                            (-1)^s * 2^(1 - bias) * 0.m      for e = 0
//
// One encoder and one decoder serve all of them; they take the parameters at
// run time, as the vector kernels do, and the types below fill them in.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <string_view>

#include "nibble/format/rounding.hpp"

namespace nibble {

// Which codes are not finite numbers.
enum class Special : std::uint8_t {
  kIeee,    // exponent all ones: infinity (mantissa 0) and NaN
  kFn,      // no infinity; NaN is all ones, once per sign (OCP E4M3)
  kFnuz,    // no infinity, no -0: the code of -0 is the only NaN
  kFinite,  // neither (OCP fp6, fp4)
};

// What tells one minifloat from another.
//
// Domain   1 <= exponent_bits <= 8, 1 <= mantissa_bits <= 10, and every finite
//          value is a float: 1 - bias - mantissa_bits >= -149.
struct MinifloatParams {
  int exponent_bits = 0;
  int mantissa_bits = 0;
  int bias = 0;
  Special special = Special::kFinite;

  constexpr int bits() const { return 1 + exponent_bits + mantissa_bits; }
  constexpr std::uint32_t sign_code() const { return 1u << (bits() - 1); }
  // First code above the finite ones, sign aside: infinity in kIeee.
  constexpr std::uint32_t end_code() const {
    switch (special) {
      case Special::kIeee:
        return sign_code() - (1u << mantissa_bits);
      case Special::kFn:
        return sign_code() - 1;
      default:
        return sign_code();
    }
  }
  // Largest finite code.
  constexpr std::uint32_t max_code() const { return end_code() - 1; }
  constexpr bool has_infinity() const { return special == Special::kIeee; }
  constexpr bool has_nan() const { return special != Special::kFinite; }
  // The NaN that encoders give. Zero where there is none: NaN becomes +0.
  constexpr std::uint32_t nan_code(bool negative) const {
    const std::uint32_t sign = negative ? sign_code() : 0;
    switch (special) {
      case Special::kIeee:  // quiet, as in IEEE 754: top mantissa bit set
        return sign | end_code() | (1u << (mantissa_bits - 1));
      case Special::kFn:
        return sign | end_code();
      case Special::kFnuz:
        return sign_code();
      default:
        return 0;
    }
  }
  bool operator==(const MinifloatParams&) const = default;
};

// 2^k as a float, exact.  Domain  -149 <= k <= 127.
constexpr float PowerOfTwo(int k) {
  return std::bit_cast<float>(
      k >= -126 ? static_cast<std::uint32_t>(k + 127) << 23 : 1u << (k + 149));
}

// The float that a code stands for; exact.
//
// Domain   code < 2^bits.
constexpr float DecodeMinifloat(const MinifloatParams& p, std::uint32_t code) {
  const std::uint32_t sign = (code & p.sign_code()) << (32 - p.bits());
  const std::uint32_t magnitude = code & (p.sign_code() - 1);
  const auto nan =
      std::bit_cast<std::uint32_t>(std::numeric_limits<float>::quiet_NaN());
  std::uint32_t bits = 0;
  if (p.special == Special::kFnuz && code == p.sign_code()) {
    bits = nan;
  } else if (magnitude >= p.end_code()) {
    const bool infinite = p.has_infinity() && magnitude == p.end_code();
    bits = infinite ? 0x7F800000u : nan;
  } else if (magnitude >> p.mantissa_bits != 0) {
    bits = (magnitude << (23 - p.mantissa_bits)) +
           (static_cast<std::uint32_t>(127 - p.bias) << 23);
  } else {
    bits =
        std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) *
                                     PowerOfTwo(1 - p.bias - p.mantissa_bits));
  }
  return std::bit_cast<float>(bits | sign);
}

// The code of an infinite or overflowing value under a policy.
constexpr std::uint32_t MinifloatOverflow(const MinifloatParams& p,
                                          bool negative, Overflow overflow) {
  const std::uint32_t sign = negative ? p.sign_code() : 0;
  if (overflow == Overflow::kSaturate || !p.has_nan()) {
    return sign | p.max_code();
  }
  if (overflow == Overflow::kInfinity && p.has_infinity()) {
    return sign | p.end_code();
  }
  return p.nan_code(negative);
}

// The code of x under a policy.
//
// Subnormals are used; the sign of zero is kept, but for kFnuz, which has one
// zero. Overflow means past the largest finite value after rounding as if the
// exponents went on: E4M3 takes 464 to 448 and no longer 465.
// NaN gives NaN, or +0 in a format without NaN.
constexpr std::uint32_t EncodeMinifloat(const MinifloatParams& p, float x,
                                        const Policy& policy = {},
                                        std::uint32_t random = 0) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const bool negative = bits >> 31 != 0;
  const std::uint32_t abs = bits & 0x7FFFFFFFu;
  if (abs > 0x7F800000u) return p.nan_code(negative);
  if (abs == 0x7F800000u) {
    return MinifloatOverflow(
        p, negative,
        policy.infinity_saturates ? Overflow::kSaturate : Overflow::kInfinity);
  }
  // |x| = significand * 2^(exponent - 23). A float subnormal needs no leading
  // one here: no format's smallest exponent is below the float's.
  const int exponent = std::max(static_cast<int>(abs >> 23), 1) - 127;
  const std::uint32_t significand =
      (abs & 0x7FFFFFu) | (abs >= 0x00800000u ? 0x00800000u : 0);
  // |x| in units of the last place of the binade that it falls into, times
  // 2^31. 55 bits; a shift beyond them leaves nothing but the sticky bit.
  const int min_exponent = 1 - p.bias;
  const int shift = 23 - p.mantissa_bits + std::max(min_exponent - exponent, 0);
  const std::uint64_t wide = std::uint64_t{significand} << 31;
  const std::uint64_t fixed = wide >> std::min(shift, 63);
  const bool sticky = fixed << std::min(shift, 63) != wide;
  const auto whole = static_cast<std::uint32_t>(fixed >> 31);
  const bool away = RoundsAway(whole % 2 != 0,
                               static_cast<std::uint32_t>(fixed) & 0x7FFFFFFFu,
                               sticky, negative, policy.rounding, random);
  // `whole` holds the leading one, which counts as one exponent; a carry out of
  // the mantissa does the same.
  const std::uint32_t code =
      (static_cast<std::uint32_t>(std::max(exponent - min_exponent, 0))
       << p.mantissa_bits) +
      whole + (away ? 1 : 0);
  if (code > p.max_code()) {
    return MinifloatOverflow(p, negative, policy.overflow);
  }
  if (code == 0 && p.special == Special::kFnuz) return 0;
  return code | (negative ? p.sign_code() : 0);
}

// A minifloat as a type.
template <int kExponentBits, int kMantissaBits, int kBias, Special kSpecial>
struct Minifloat {
  static constexpr MinifloatParams kParams{kExponentBits, kMantissaBits, kBias,
                                           kSpecial};
  static constexpr int kBits = kParams.bits();

  static constexpr float Decode(std::uint32_t code) {
    return DecodeMinifloat(kParams, code);
  }
  static constexpr std::uint32_t Encode(float x, const Policy& policy = {},
                                        std::uint32_t random = 0) {
    return EncodeMinifloat(kParams, x, policy, random);
  }
};

// The upper half of a float.
struct Bf16 : Minifloat<8, 7, 127, Special::kIeee> {
  static constexpr std::string_view kName = "bf16";
};
// IEEE 754 binary16.
struct Fp16 : Minifloat<5, 10, 15, Special::kIeee> {
  static constexpr std::string_view kName = "fp16";
};
// OCP 8-bit floating point (OFP8) 1.0: to +-448, NaN but no infinity.
struct Fp8E4m3 : Minifloat<4, 3, 7, Special::kFn> {
  static constexpr std::string_view kName = "fp8_e4m3";
};
// OCP OFP8 1.0: to +-57344, with infinity.
struct Fp8E5m2 : Minifloat<5, 2, 15, Special::kIeee> {
  static constexpr std::string_view kName = "fp8_e5m2";
};
// To +-15.5, with infinity; as ml_dtypes' float8_e3m4.
struct Fp8E3m4 : Minifloat<3, 4, 3, Special::kIeee> {
  static constexpr std::string_view kName = "fp8_e3m4";
};
// To +-240, with infinity; as ml_dtypes' float8_e4m3.
struct Fp8E4m3Ieee : Minifloat<4, 3, 7, Special::kIeee> {
  static constexpr std::string_view kName = "fp8_e4m3_ieee";
};
// To +-240, one zero. Source: Noune et al., arXiv:2206.02915.
struct Fp8E4m3Fnuz : Minifloat<4, 3, 8, Special::kFnuz> {
  static constexpr std::string_view kName = "fp8_e4m3fnuz";
};
// To +-57344, one zero. Source: Noune et al., arXiv:2206.02915.
struct Fp8E5m2Fnuz : Minifloat<5, 2, 16, Special::kFnuz> {
  static constexpr std::string_view kName = "fp8_e5m2fnuz";
};
// OCP Microscaling (MX) 1.0, as are the next two: to +-28.
struct Fp6E3m2 : Minifloat<3, 2, 3, Special::kFinite> {
  static constexpr std::string_view kName = "fp6_e3m2";
};
// To +-7.5.
struct Fp6E2m3 : Minifloat<2, 3, 1, Special::kFinite> {
  static constexpr std::string_view kName = "fp6_e2m3";
};
// 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
struct Fp4E2m1 : Minifloat<2, 1, 1, Special::kFinite> {
  static constexpr std::string_view kName = "fp4_e2m1";
};

}  // namespace nibble
