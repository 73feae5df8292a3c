// Blocks that share a scale: OCP Microscaling (MX) 1.0 and NVFP4.
//
//     MX      32 elements, one E8M0 scale:   value = 2^(scale - 127) * element
//     NVFP4   16 elements, one E4M3 scale, one float per tensor:
//                                            value = scale * tensor * element
//
// Codes lie one per byte here; quant/pack.hpp packs them. GGUF's blocks, whose
// bytes are fixed, are in gguf.hpp.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nibble/format/e8m0.hpp"
#include "nibble/format/integer.hpp"
#include "nibble/format/minifloat.hpp"
#include "nibble/format/rounding.hpp"

namespace nibble {

// How an MX block's exponent follows from its largest magnitude a.
//
//     kFloor   floor(log2 a)                            the OCP rule
//     kCeil    ceil(log2 a)                             nothing ever saturates
//     kEven    floor(log2 a'), a' being a rounded to the element's mantissa
//              (nearest even): nothing saturates by a carry
//
// less the exponent of the element's largest binade.
enum class SharedExponent : std::uint8_t { kFloor, kCeil, kEven };

// The largest finite magnitude; 0 if there is none. NaN and infinity do not
// take part in a block's scale.
constexpr float LargestFinite(std::span<const float> x) {
  std::uint32_t largest = 0;
  for (const float v : x) {
    const std::uint32_t abs = std::bit_cast<std::uint32_t>(v) & 0x7FFFFFFFu;
    if (abs < 0x7F800000u) largest = std::max(largest, abs);
  }
  return std::bit_cast<float>(largest);
}

// The E8M0 code of an MX block's scale, from its largest finite magnitude.
//
// Domain   element_exponent: exponent of the element's largest binade (8 in
//          E4M3, 2 in E2M1, 0 in MXINT8); mantissa_bits: its mantissa.
// Range    0 .. 254. A block of zeros has code 0, as has one so small that the
//          rule asks for less than 2^-127.
constexpr std::uint32_t SharedScale(float largest, int element_exponent,
                                    int mantissa_bits, SharedExponent rule) {
  const auto bits = std::bit_cast<std::uint32_t>(largest);
  if (bits == 0) return 0;
  // A subnormal is normalized: its exponent goes below -126.
  const int zeros = std::countl_zero(bits) - 8;  // of 24, if subnormal
  const bool normal = bits >= 0x00800000u;
  int exponent = normal ? static_cast<int>(bits >> 23) - 127 : -126 - zeros;
  const std::uint32_t mantissa = (normal ? bits : bits << zeros) & 0x7FFFFFu;
  if (rule == SharedExponent::kCeil && mantissa != 0) ++exponent;
  if (rule == SharedExponent::kEven) {
    // 1.1..1 and a half rounds up to 2, at a tie too, since 1.1..1 is odd.
    exponent += (mantissa + (1u << (22 - mantissa_bits))) >> 23 != 0 ? 1 : 0;
  }
  return static_cast<std::uint32_t>(
      std::clamp(exponent - element_exponent, -127, 127) + 127);
}

// An MX element that is a fixed-point number: two's complement of kBits in
// steps of 2^-(kBits - 2), so that |value| < 2. Its lowest code is not written.
template <int kBitsOf>
struct FixedPoint {
  static constexpr int kBits = kBitsOf;
  static constexpr int kMaxExponent = 0;
  static constexpr int kMantissaBits = kBits - 2;
  static constexpr float kStep = PowerOfTwo(2 - kBits);

  static constexpr float Decode(std::uint32_t code) {
    return Int<kBits>::Decode(code) * kStep;
  }
  static constexpr std::uint32_t Encode(float x, Policy policy = {},
                                        std::uint32_t random = 0) {
    policy.narrow = true;
    return Int<kBits>::Encode(x / kStep, policy, random);
  }
};

// A minifloat as an MX element.
template <class Format>
struct FloatElement : Format {
  static constexpr int kMantissaBits = Format::kParams.mantissa_bits;
  static constexpr int kMaxExponent =
      static_cast<int>(Format::kParams.max_code() >> kMantissaBits) -
      Format::kParams.bias;
};

// MX blocks of one element type.
//
// An element's code is Encode(x / 2^e) under the policy, the quotient being a
// float: exact unless it is below 2^-126, far below every element. Elements
// above the largest saturate unless the policy says otherwise. NaN and infinity
// are encoded as the element's format does it: NaN stays NaN in MXFP8 and
// becomes 0 in the others; infinity saturates, or is what the policy says.
template <class Element>
struct Mx {
  static constexpr std::size_t kBlock = 32;

  // Encodes one block; returns its scale's code.
  //
  // Shapes   x, codes: [n], n <= 32 (a row's last block may be shorter).
  // Domain   random: the stochastic bits of element i, or nothing.
  static constexpr std::uint8_t Encode(
      std::span<const float> x, std::span<std::uint8_t> codes,
      const Policy& policy = {}, SharedExponent rule = SharedExponent::kFloor,
      std::span<const std::uint32_t> random = {}) {
    const std::uint32_t scale = SharedScale(
        LargestFinite(x), Element::kMaxExponent, Element::kMantissaBits, rule);
    const float inverse = PowerOfTwo(127 - static_cast<int>(scale));
    for (std::size_t i = 0; i < x.size(); ++i) {
      codes[i] = static_cast<std::uint8_t>(Element::Encode(
          x[i] * inverse, policy, random.empty() ? 0 : random[i]));
    }
    return static_cast<std::uint8_t>(scale);
  }

  // Decodes one block. Scale code 255 makes every element NaN.
  static constexpr void Decode(std::uint8_t scale,
                               std::span<const std::uint8_t> codes,
                               std::span<float> out) {
    for (std::size_t i = 0; i < codes.size(); ++i) {
      out[i] = Element::Decode(codes[i]) * E8m0::Decode(scale);
    }
  }
};

using Mxfp8E4m3 = Mx<FloatElement<Fp8E4m3>>;
using Mxfp8E5m2 = Mx<FloatElement<Fp8E5m2>>;
using Mxfp6E3m2 = Mx<FloatElement<Fp6E3m2>>;
using Mxfp6E2m3 = Mx<FloatElement<Fp6E2m3>>;
using Mxfp4 = Mx<FloatElement<Fp4E2m1>>;
using Mxint8 = Mx<FixedPoint<8>>;

// NVFP4: E2M1 elements, an E4M3 scale per 16 of them, a float per tensor.
//
// The tensor's scale makes the largest block scale 448: its largest magnitude
// is then 6 * 448 * TensorScale. A block's scale is its largest magnitude / 6,
// in units of the tensor's scale, rounded to E4M3 (nearest even). Where it
// rounds to zero, so do all elements: their codes keep the sign only.
//
// Source   NVIDIA, "Introducing NVFP4", 2025.
struct Nvfp4 {
  static constexpr std::size_t kBlock = 16;

  // Of a tensor whose largest finite magnitude is given; 1 if that is 0, so
  // that a scale is never 0. Below 2688 * 2^-149 the quotient is 2^-149.
  static constexpr float TensorScale(float largest) {
    if (largest == 0) return 1;
    return std::max(largest / (448.0f * 6.0f), PowerOfTwo(-149));
  }

  // Encodes one block; returns its scale's code. The step of the elements is
  // the float product of the two scales, and an element is Encode(x / step)
  // with a float division.
  static constexpr std::uint8_t Encode(
      std::span<const float> x, float tensor_scale,
      std::span<std::uint8_t> codes, const Policy& policy = {},
      std::span<const std::uint32_t> random = {}) {
    const std::uint32_t scale =
        Fp8E4m3::Encode(LargestFinite(x) / 6.0f / tensor_scale);
    const float step = Fp8E4m3::Decode(scale) * tensor_scale;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float y = step == 0 ? x[i] * 0.0f : x[i] / step;
      codes[i] = static_cast<std::uint8_t>(
          Fp4E2m1::Encode(y, policy, random.empty() ? 0 : random[i]));
    }
    return static_cast<std::uint8_t>(scale);
  }

  static constexpr void Decode(std::uint8_t scale, float tensor_scale,
                               std::span<const std::uint8_t> codes,
                               std::span<float> out) {
    const float step = Fp8E4m3::Decode(scale) * tensor_scale;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      out[i] = Fp4E2m1::Decode(codes[i]) * step;
    }
  }
};

}  // namespace nibble
