// The scalar definitions of this folder, lane by lane: same steps, same bits.
// Vectors are of floats, whatever they hold.
#if defined(NIBBLE_ARITH_LANES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_ARITH_LANES_INL_HPP
#undef NIBBLE_ARITH_LANES_INL_HPP
#else
#define NIBBLE_ARITH_LANES_INL_HPP
#endif

#include <cstddef>
#include <cstdint>

#include "nibble/arith/lmul.hpp"
#include "nibble/arith/lns.hpp"
#include "nibble/arith/power_of_two.hpp"
#include "nibble/core/highway.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Bit patterns of magnitudes are below 2^31 and compared as int32: on x86 that
// is one instruction, and unsigned comparison three.
template <class D>
using Words = hn::RebindToSigned<D>;

// nibble::KeepMantissa.
template <class DI, class V = hn::Vec<DI>>
HWY_INLINE V KeepMantissa(DI di, V magnitude, int k, bool round) {
  const int drop = 23 - k;
  if (drop == 0) return magnitude;
  const auto unit = static_cast<std::int32_t>(1u << drop);
  if (round) {
    const V odd = hn::And(hn::ShiftRightSame(magnitude, drop), hn::Set(di, 1));
    magnitude = hn::Add(magnitude, hn::Add(odd, hn::Set(di, unit / 2 - 1)));
  }
  return hn::And(magnitude, hn::Set(di, -unit));
}

// nibble::PrepareOperand under the rule of plain floats: subnormals are zeros.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V PrepareFloat(D d, V x) {
  const Words<D> di;
  const auto magnitude = hn::BitCast(di, hn::Abs(x));
  const auto sign = hn::AndNot(hn::Set(di, 0x7FFFFFFF), hn::BitCast(di, x));
  auto out = hn::IfThenElse(hn::Lt(magnitude, hn::Set(di, 0x00800000)), sign,
                            hn::BitCast(di, x));
  out = hn::IfThenElse(
      hn::Gt(magnitude, hn::Set(di, static_cast<std::int32_t>(kInfinityBits))),
      hn::Set(di, static_cast<std::int32_t>(kNaNBits)), out);
  return hn::BitCast(d, out);
}

// nibble::PrepareOperand.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V PrepareOperand(D d, V x, const OperandRule& rule) {
  const Words<D> di;
  const auto set = [&](std::uint32_t bits) HWY_ATTR {
    return hn::Set(di, static_cast<std::int32_t>(bits));
  };
  const ProductRange& range = rule.range;
  const auto magnitude = hn::BitCast(di, hn::Abs(x));
  const auto sign = hn::AndNot(set(0x7FFFFFFF), hn::BitCast(di, x));
  auto kept = KeepMantissa(di, magnitude, range.mantissa_bits, true);
  kept = hn::Max(kept, set(range.min_normal));
  auto over = hn::Gt(kept, set(range.max_finite));
  kept = KeepMantissa(di, kept, rule.k, rule.round);
  over = hn::Or(over, hn::Gt(kept, set(range.max_finite)));
  kept = hn::IfThenElse(over, set(range.overflow), kept);
  const auto zero = hn::Lt(magnitude, set(NormalFrom(range)));
  kept = hn::Or(hn::IfThenZeroElse(zero, kept), sign);
  // Infinity, where the format has it, passes; NaN loses its sign.
  const auto infinite = hn::Eq(magnitude, set(kInfinityBits));
  const auto nan = hn::Gt(
      magnitude, set(range.has_infinity ? kInfinityBits : kInfinityBits - 1));
  kept = hn::IfThenElse(infinite, hn::BitCast(di, x), kept);
  return hn::BitCast(d, hn::IfThenElse(nan, set(kNaNBits), kept));
}

// nibble::lmul_internal::Finish.
template <class D, class V, class VU>
HWY_INLINE V FinishLMul(D d, V x, V y, VU sum, std::uint32_t bias,
                        const ProductRange& range) {
  const Words<D> di;
  const hn::RebindToUnsigned<D> du;
  const auto set = [&](std::uint32_t bits) HWY_ATTR {
    return hn::Set(di, static_cast<std::int32_t>(bits));
  };
  const auto ax = hn::BitCast(di, hn::Abs(x));
  const auto ay = hn::BitCast(di, hn::Abs(y));
  const auto larger = hn::Max(ax, ay);
  const auto smaller = hn::Min(ax, ay);
  const auto wide = hn::Sub(hn::Max(sum, hn::Set(du, bias)), hn::Set(du, bias));
  auto magnitude = hn::BitCast(di, hn::Min(wide, hn::Set(du, kInfinityBits)));
  const auto is_zero = hn::Or(hn::Eq(smaller, hn::Zero(di)),
                              hn::Lt(magnitude, set(range.min_normal)));
  magnitude = hn::IfThenElse(hn::Gt(magnitude, set(range.max_finite)),
                             set(range.overflow), magnitude);
  magnitude = hn::IfThenZeroElse(is_zero, magnitude);
  const auto special = hn::Gt(larger, set(kInfinityBits - 1));
  magnitude = hn::IfThenElse(special, set(kInfinityBits), magnitude);
  const V out = hn::CopySignToAbs(hn::BitCast(d, magnitude), hn::Xor(x, y));
  const auto nan = hn::Or(hn::Gt(larger, set(kInfinityBits)),
                          hn::And(special, hn::Eq(smaller, hn::Zero(di))));
  return hn::IfThenElse(hn::RebindMask(d, nan), hn::BitCast(d, set(kNaNBits)),
                        out);
}

// nibble::LMulOfPrepared.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V LMulOfPrepared(D d, V x, V y, const LMulParams& p) {
  const hn::RebindToUnsigned<D> du;
  const auto sum =
      hn::Add(hn::BitCast(du, hn::Abs(x)), hn::BitCast(du, hn::Abs(y)));
  return FinishLMul(d, x, y, sum, p.bias(), p.operand.range);
}

// nibble::LMulFormulaOfPrepared.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V LMulFormulaOfPrepared(D d, V x, V y, const LMulParams& p) {
  const Words<D> di;
  const hn::RebindToUnsigned<D> du;
  const auto mantissa = hn::Set(du, 0x007FFFFFu);
  const auto exponent = hn::Set(du, 0x7F800000u);
  const auto bx = hn::BitCast(du, x);
  const auto by = hn::BitCast(du, y);
  const auto one_plus_s =
      hn::Add(hn::Add(hn::And(bx, mantissa), hn::And(by, mantissa)),
              hn::Set(du, 0x00800000u + p.correction));
  const auto significand =
      hn::BitCast(du, hn::ConvertTo(d, hn::BitCast(di, one_plus_s)));
  const auto kept = hn::And(
      significand, hn::Set(du, ~0u << (23 - p.operand.range.mantissa_bits)));
  const auto sum =
      hn::Add(hn::Add(hn::And(bx, exponent), hn::And(by, exponent)),
              hn::Sub(kept, hn::Set(du, 150u << 23)));
  return FinishLMul(d, x, y, sum, 0x3F800000u, p.operand.range);
}

// nibble::DrumOperand.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V DrumOperand(D d, V x, int k) {
  const Words<D> di;
  const V prepared = PrepareFloat(d, x);
  const auto magnitude = hn::BitCast(di, hn::Abs(prepared));
  const auto unit = static_cast<std::int32_t>(1u << (24 - k));
  const auto forced =
      hn::Or(hn::And(hn::BitCast(di, prepared), hn::Set(di, -unit)),
             hn::Set(di, unit));
  const auto number = hn::And(
      hn::Gt(magnitude, hn::Zero(di)),
      hn::Lt(magnitude, hn::Set(di, static_cast<std::int32_t>(kInfinityBits))));
  return hn::IfThenElse(hn::RebindMask(d, number), hn::BitCast(d, forced),
                        prepared);
}

// nibble::NearestPowerOfTwo.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V NearestPowerOfTwo(D d, V w, bool by_ratio) {
  const Words<D> di;
  const V prepared = PrepareFloat(d, w);
  const auto bits = hn::BitCast(di, prepared);
  const auto magnitude = hn::BitCast(di, hn::Abs(prepared));
  const auto middle = hn::Set(di, by_ratio ? 0x003504F3 : 0x003FFFFF);
  const auto up =
      hn::And(hn::Gt(hn::And(bits, hn::Set(di, 0x007FFFFF)), middle),
              hn::Lt(magnitude, hn::Set(di, 0x7F000000)));
  const auto power =
      hn::And(bits, hn::Set(di, static_cast<std::int32_t>(0xFF800000u)));
  const auto rounded =
      hn::Add(power, hn::IfThenElseZero(up, hn::Set(di, 0x00800000)));
  const auto special = hn::Gt(
      magnitude, hn::Set(di, static_cast<std::int32_t>(kInfinityBits - 1)));
  return hn::IfThenElse(hn::RebindMask(d, special), prepared,
                        hn::BitCast(d, rounded));
}

// nibble::NearestApot.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V NearestApot(D d, V w, float unit, const ApotLevels& levels) {
  const V prepared = PrepareFloat(d, w);
  const V ratio = hn::Div(hn::Abs(prepared), hn::Set(d, unit));
  V level = hn::Zero(d);
  for (size_t i = 0; i + 1 < levels.count; ++i) {
    const float middle = (levels.values[i] + levels.values[i + 1]) / 2;
    level = hn::IfThenElse(hn::Gt(ratio, hn::Set(d, middle)),
                           hn::Set(d, levels.values[i + 1]), level);
  }
  const V rounded =
      hn::CopySignToAbs(hn::Mul(level, hn::Set(d, unit)), prepared);
  return hn::IfThenElse(hn::Eq(prepared, prepared), rounded, prepared);
}

// nibble::LnsEncode.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V LnsEncode(D d, V x, const LnsTables& tables) {
  const Words<D> di;
  const auto* const thresholds =
      reinterpret_cast<const std::int32_t*>(tables.thresholds.data());
  const V prepared = PrepareFloat(d, x);
  const auto bits = hn::BitCast(di, prepared);
  const auto magnitude = hn::BitCast(di, hn::Abs(prepared));
  const auto mantissa = hn::And(bits, hn::Set(di, 0x007FFFFF));
  // The last threshold first: above it the fraction is full.
  auto f = hn::Zero(di);
  for (std::int32_t step = (1 << tables.g) / 2; step != 0; step /= 2) {
    const auto next = hn::Add(f, hn::Set(di, step));
    const auto threshold =
        hn::GatherIndex(di, thresholds, hn::Sub(next, hn::Set(di, 1)));
    f = hn::IfThenElse(hn::Lt(mantissa, threshold), f, next);
  }
  f = hn::IfThenElse(hn::Lt(mantissa, hn::GatherIndex(di, thresholds, f)), f,
                     hn::Add(f, hn::Set(di, 1)));
  const auto power =
      hn::And(bits, hn::Set(di, static_cast<std::int32_t>(0xFF800000u)));
  const auto encoded = hn::Add(power, hn::ShiftLeftSame(f, 23 - tables.g));
  const auto number = hn::And(
      hn::Gt(magnitude, hn::Zero(di)),
      hn::Lt(magnitude, hn::Set(di, static_cast<std::int32_t>(kInfinityBits))));
  return hn::IfThenElse(hn::RebindMask(d, number), hn::BitCast(d, encoded),
                        prepared);
}

// nibble::LnsOfEncoded.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V LnsOfEncoded(D d, V x, V y, const LnsTables& tables) {
  const Words<D> di;
  constexpr LMulParams kSum{{}, 0};
  const V encoded = LMulOfPrepared(d, x, y, kSum);
  const auto bits = hn::BitCast(di, encoded);
  const auto f =
      hn::ShiftRightSame(hn::And(bits, hn::Set(di, 0x007FFFFF)), 23 - tables.g);
  const auto value = hn::GatherIndex(
      di, reinterpret_cast<const std::int32_t*>(tables.values.data()), f);
  const auto power =
      hn::And(bits, hn::Set(di, static_cast<std::int32_t>(0xFF800000u)));
  const auto special =
      hn::Gt(hn::BitCast(di, hn::Abs(encoded)),
             hn::Set(di, static_cast<std::int32_t>(kInfinityBits - 1)));
  return hn::IfThenElse(hn::RebindMask(d, special), encoded,
                        hn::BitCast(d, hn::Add(power, value)));
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
