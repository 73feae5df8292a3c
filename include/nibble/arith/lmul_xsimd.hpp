// L-Mul on xsimd's batches, for code bases that compute with those. Needs xsimd
// (Debian: libxsimd-dev); no other header of nibble includes this one.
#pragma once

#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "nibble/arith/lmul.hpp"

namespace nibble {

// nibble::LMul, lane by lane, on the bit patterns of floats: the same bits.
//
// Domain   p as MakeLMul() gives it for f32 with all mantissa bits, or
//          MakeMitchell() or MakePam(): operands are not rounded here.
template <class A>
xsimd::batch<std::uint32_t, A> LMul(const xsimd::batch<std::uint32_t, A>& x,
                                    const xsimd::batch<std::uint32_t, A>& y,
                                    const LMulParams& p = MakeLMul()) {
  using Bits = xsimd::batch<std::uint32_t, A>;
  using Words = xsimd::batch<std::int32_t, A>;
  NIBBLE_CHECK("LMul", p.operand == OperandRule{});
  // Magnitudes are below 2^31: compared as signed numbers, which every
  // instruction set can.
  const auto signed_bits = [](const Bits& v) {
    return xsimd::bitwise_cast<Words>(v);
  };
  const auto select = [](const auto& condition, const Bits& a, const Bits& b) {
    return xsimd::bitwise_cast<Bits>(
        xsimd::select(condition, xsimd::bitwise_cast<Words>(a),
                      xsimd::bitwise_cast<Words>(b)));
  };
  const Bits sign = (x ^ y) & Bits(kSignBit);
  const Bits ax = x & Bits(~kSignBit), ay = y & Bits(~kSignBit);
  const Words wx = signed_bits(ax), wy = signed_bits(ay);
  const Words larger = xsimd::max(wx, wy), smaller = xsimd::min(wx, wy);
  const Words normal(0x00800000), infinity(0x7F800000);
  // ax + ay - bias without a wrap, for what is at least the bias: half of each,
  // so that the comparison is one of signed numbers.
  const Bits sum = ax + ay;
  const auto enough = signed_bits(sum >> 1) >= Words(p.bias() >> 1);
  const Bits magnitude = select(enough, sum - Bits(p.bias()), Bits(0u));
  const auto over = signed_bits(magnitude >> 1) >= Words(0x7F800000 >> 1);
  const auto zero = (smaller < normal) |
                    (signed_bits(magnitude >> 1) < Words(0x00800000 >> 1));
  Bits out = select(over, Bits(kInfinityBits), magnitude);
  out = select(zero, Bits(0u), out);
  out = select(larger >= infinity, Bits(kInfinityBits), out) | sign;
  const auto nan =
      (larger > infinity) | ((larger == infinity) & (smaller < normal));
  return select(nan, Bits(kNaNBits), out);
}

// The same on floats.
template <class A>
xsimd::batch<float, A> LMul(const xsimd::batch<float, A>& x,
                            const xsimd::batch<float, A>& y,
                            const LMulParams& p = MakeLMul()) {
  using Bits = xsimd::batch<std::uint32_t, A>;
  return xsimd::bitwise_cast<xsimd::batch<float, A>>(
      LMul(xsimd::bitwise_cast<Bits>(x), xsimd::bitwise_cast<Bits>(y), p));
}

}  // namespace nibble
