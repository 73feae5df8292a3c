// L-Mul: approximate floating-point products by one integer addition.
//
//     x = (1 + a) 2^i,  y = (1 + b) 2^j       exact: (1 + a + b + a b) 2^(i+j)
//
// The constant 2^-l stands in for the dropped term a b. Two functions go by the
// name, and they differ wherever a + b + 2^-l reaches 1. With s that sum:
//
//     LMul         (1 + frac(s)) 2^(i + j + floor(s))    integer addition
//     LMulFormula  (1 + s) 2^(i + j)                     the paper's formula
//
// LMul is what adding the encodings gives, carry and all:
//
//     bits(|x y|)  =  bits(|x|) + bits(|y|) - bias,   bias = bits(1) -
//     bits(2^-l)
//
// and it is the one for which the paper's l(m) is the best constant (operands
// truncated to m bits) and for which its comparison with fp8 holds. LMulFormula
// is that real number, rounded; it never exceeds the exact product by more than
// 2^-l, and falls short of it by up to a quarter.
//
// Source   Luo & Sun, "Addition is All You Need", arXiv:2410.00907; the formula
//          with a carry to the exponent in hardware: arXiv:2412.18948.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "nibble/arith/operand.hpp"
#include "nibble/core/check.hpp"
#include "nibble/format/minifloat.hpp"

namespace nibble {

// The paper's l(m) for m mantissa bits.
constexpr int LMulOffset(int m) { return m <= 3 ? m : m == 4 ? 3 : 4; }

// What an L-Mul product is made of. k, l and the format are run-time values.
//
// Domain   1 <= k <= mantissa bits of the format; 1 <= l <= mantissa bits.
struct LMulParams {
  OperandRule operand;
  std::uint32_t correction = 1u << (23 - 4);  // 2^-l in units of 2^-23

  constexpr std::uint32_t bias() const { return 0x3F800000u - correction; }
  bool operator==(const LMulParams&) const = default;
};

// L-Mul of operands of a format, kept to k mantissa bits; 0 means all bits of
// the format for k, and the paper's l(k) for l.
constexpr LMulParams MakeLMul(ProductFormat format = ProductFormat::kF32,
                              int k = 0, int l = 0, bool round = false) {
  const ProductRange range = RangeOf(format);
  if (k == 0) k = range.mantissa_bits;
  NIBBLE_CHECK("MakeLMul", k >= 1 && k <= range.mantissa_bits);
  if (l == 0) l = LMulOffset(k);
  NIBBLE_CHECK("MakeLMul", l >= 1 && l <= range.mantissa_bits);
  return {{range, k, round}, 1u << (23 - l)};
}

namespace lmul_internal {

// The product of prepared operands from the sum of exponents and mantissas, in
// units of 2^-23 on top of the bits of 2: both functions end like this.
//
// Overflow and underflow are judged on the result: below the smallest normal
// number it is zero, beyond the largest finite one it is range.overflow.
constexpr float Finish(std::uint32_t x, std::uint32_t y, std::uint32_t sum,
                       std::uint32_t bias, const ProductRange& range) {
  const std::uint32_t sign = (x ^ y) & kSignBit;
  const std::uint32_t larger = std::max(x & ~kSignBit, y & ~kSignBit);
  const std::uint32_t smaller = std::min(x & ~kSignBit, y & ~kSignBit);
  if (larger >= kInfinityBits) {  // NaN or infinity * 0; else infinity
    const bool nan = larger > kInfinityBits || smaller == 0;
    return std::bit_cast<float>(nan ? kNaNBits : kInfinityBits | sign);
  }
  std::uint32_t magnitude = std::max(sum, bias) - bias;
  if (smaller == 0 || magnitude < range.min_normal) magnitude = 0;
  if (magnitude > range.max_finite) magnitude = range.overflow;
  return std::bit_cast<float>(magnitude | sign);
}

}  // namespace lmul_internal

// The integer-add product of two prepared operands.
constexpr float LMulOfPrepared(float x, float y, const LMulParams& p) {
  const auto bx = std::bit_cast<std::uint32_t>(x);
  const auto by = std::bit_cast<std::uint32_t>(y);
  // No wrap: both are below 2^31.
  const std::uint32_t sum = (bx & ~kSignBit) + (by & ~kSignBit);
  return lmul_internal::Finish(bx, by, sum, p.bias(), p.operand.range);
}

// The formula's product of two prepared operands: 1 + s in units of 2^-23 is
// rounded to a float (half to even: one bit too many where s >= 1), and then
// cut to the mantissa of the format.
constexpr float LMulFormulaOfPrepared(float x, float y, const LMulParams& p) {
  constexpr std::uint32_t kMantissa = 0x007FFFFF;
  constexpr std::uint32_t kExponent = 0x7F800000;
  const auto bx = std::bit_cast<std::uint32_t>(x);
  const auto by = std::bit_cast<std::uint32_t>(y);
  const std::uint32_t one_plus_s =  // below 2^25
      0x00800000u + (bx & kMantissa) + (by & kMantissa) + p.correction;
  const auto significand =  // of exponent 23 or 24
      std::bit_cast<std::uint32_t>(static_cast<float>(one_plus_s));
  const std::uint32_t kept =
      significand & ~0u << (23 - p.operand.range.mantissa_bits);
  const std::uint32_t sum =
      (bx & kExponent) + (by & kExponent) + (kept - (150u << 23));
  return lmul_internal::Finish(bx, by, sum, 0x3F800000u, p.operand.range);
}

// The L-Mul product of x and y by integer addition. This function is the
// specification: every SIMD path returns the same bits.
//
// Domain   any floats; subnormals (of the format) count as zero.
// Range    NaN or infinity * 0 gives the NaN 7FC00000, infinity * x infinity;
//          underflow zero, overflow infinity, in fp8 the largest finite number.
//          The sign is the exclusive or of the signs, of zero too.
// Error    relative, of operands that have the bits already and d = 2^-l: in
//          [8 / (3 - d)^2 - 1, d]; for l = 4 in [-161/2209, 1/16] = [-0.0729,
//          +0.0625]. Lowest where a carry has just happened with equal
//          mantissas, highest at powers of two. Means: closed_forms.hpp.
constexpr float LMul(float x, float y, const LMulParams& p = MakeLMul()) {
  return LMulOfPrepared(PrepareOperand(x, p.operand),
                        PrepareOperand(y, p.operand), p);
}

// The L-Mul product by the paper's formula; as LMul but for the
//
// Error    relative, in [(d - 1) / 4, d]: for l = 4 in [-0.2344, +0.0625],
//          lowest at mantissas of 2, highest at powers of two.
constexpr float LMulFormula(float x, float y,
                            const LMulParams& p = MakeLMul()) {
  return LMulFormulaOfPrepared(PrepareOperand(x, p.operand),
                               PrepareOperand(y, p.operand), p);
}

// The integer-add product of two codes of a narrow format, as an adder of its
// width does it: offset = (bias << m) - (1 << (m - l)), saturating. The codes
// of LMul on the values that the codes stand for.
//
// Domain   Format is Bf16, Fp16, Fp8E4m3 or Fp8E5m2; codes of it; k and l as in
//          MakeLMul, mantissas truncated to k bits.
template <class Format>
constexpr std::uint32_t LMulCode(std::uint32_t a, std::uint32_t b, int k,
                                 int l) {
  constexpr MinifloatParams f = Format::kParams;
  constexpr auto one = static_cast<std::uint32_t>(f.bias) << f.mantissa_bits;
  const std::uint32_t sign = (a ^ b) & f.sign_code();
  a &= f.sign_code() - 1, b &= f.sign_code() - 1;
  const auto is_zero = [](std::uint32_t c) {
    return c >> f.mantissa_bits == 0;
  };
  if (std::max(a, b) >= f.end_code()) {
    const bool nan = !f.has_infinity() || std::max(a, b) > f.end_code() ||
                     is_zero(std::min(a, b));
    return nan ? f.nan_code(false) : f.end_code() | sign;
  }
  if (is_zero(a) || is_zero(b)) return sign;
  const std::uint32_t keep = ~0u << (f.mantissa_bits - k);
  const std::uint32_t offset = one - (1u << (f.mantissa_bits - l));
  const std::uint32_t sum = (a & keep) + (b & keep);
  const std::uint32_t magnitude = std::max(sum, offset) - offset;
  if (is_zero(magnitude)) return sign;
  const std::uint32_t beyond = Format::kBits == 8 ? f.max_code() : f.end_code();
  return (magnitude > f.max_code() ? beyond : magnitude) | sign;
}

}  // namespace nibble
