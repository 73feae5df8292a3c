// Mitchell's logarithmic multiplier: log2(2^i (1 + a)) is taken to be i + a.
//
//     x y  ~  (1 + a + b) 2^(i + j)        a + b < 1
//             2 (a + b) 2^(i + j)          a + b >= 1
//
// On floats this is one addition of encodings, L-Mul without a correction; and
// with zeros treated as zeros it is the piecewise affine product (PAM), whose
// derivative is a power of two.
//
// Source   Mitchell, IRE Trans. EC-11(4), 1962; Mogami, arXiv:2012.03458;
//          Kosson & Jaggi, arXiv:2305.17190.
#pragma once

#include <bit>
#include <cstdint>

#include "nibble/arith/lmul.hpp"

namespace nibble {

// The parameters under which LMul is Mitchell's product of floats.
constexpr LMulParams MakeMitchell() { return {{}, 0}; }

// PAM as published, or followed by a second PAM with 1.0552, which takes out
// most of the bias: one more constant in the same addition.
constexpr LMulParams MakePam(bool corrected = false) {
  constexpr std::uint32_t kCorrection =
      std::bit_cast<std::uint32_t>(1.0552f) - 0x3F800000u;
  return {{}, corrected ? kCorrection : 0};
}

// Mitchell's product of floats; zeros, infinities and NaN as LMul.
//
// Error    relative, in [-1/9, 0]; mean -0.0384880 on uniform mantissas.
constexpr float Mitchell(float x, float y) {
  return LMul(x, y, MakeMitchell());
}

// The piecewise affine product; zeros, infinities and NaN as LMul.
//
// Error    relative, in [-1/9, 0], mean -0.0384880; corrected in [-0.0774,
//          +0.0552], mean -0.000986.
constexpr float Pam(float x, float y, bool corrected = false) {
  return LMul(x, y, MakePam(corrected));
}

// d Pam(x, y) / d x, exact where it exists: sign(y) 2^(j + [a + b >= 1]). What
// a gradient is multiplied by; zero for y = 0.
//
// Domain   finite x, y.
constexpr float PamDerivative(float x, float y) {
  const auto bx = std::bit_cast<std::uint32_t>(PrepareOperand(x, {}));
  const auto by = std::bit_cast<std::uint32_t>(PrepareOperand(y, {}));
  if ((by & ~kSignBit) == 0) return 0;
  const std::uint32_t mantissas = (bx & 0x007FFFFFu) + (by & 0x007FFFFFu);
  return std::bit_cast<float>((by & 0xFF800000u) + (mantissas & 0x00800000u));
}

// Mitchell's product of integers, exact in its own terms.
//
// Domain   a, b < 2^16.
// Error    relative, in [-1/9, 0]; mean -3.7878 % on 1..255.
constexpr std::uint64_t MitchellInteger(std::uint32_t a, std::uint32_t b) {
  if (a == 0 || b == 0) return 0;
  const int i = static_cast<int>(std::bit_width(a)) - 1;
  const int j = static_cast<int>(std::bit_width(b)) - 1;
  const std::uint64_t one = std::uint64_t{1} << (i + j);
  // a and b without their leading ones, in units of 1 / 2^(i + j).
  const std::uint64_t sum =
      (std::uint64_t{a ^ 1u << i} << j) + (std::uint64_t{b ^ 1u << j} << i);
  return sum < one ? one + sum : 2 * sum;
}

}  // namespace nibble
