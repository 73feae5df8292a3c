// Fma on vectors, the same bits on every instruction set, and a loop over
// arrays. Compiled once per instruction set.
#if defined(NIBBLE_ARITH_FMA_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_ARITH_FMA_INL_HPP
#undef NIBBLE_ARITH_FMA_INL_HPP
#else
#define NIBBLE_ARITH_FMA_INL_HPP
#endif

#include "nibble/arith/fma.hpp"
#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_NATIVE_FMA

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Fma(D, V a, V b, V c) {
  return hn::MulAdd(a, b, c);
}

#elif NIBBLE_X86_VECTORS

// Two lanes in double. The sum is right after the second rounding unless its
// last 28 bits are zero: only then may the first one have hidden on which side
// of a tie, or of a subnormal one, it lay. Then it is rounded to odd, as in
// nibble::Fma.
HWY_INLINE hn::Vec128<double> FusedPair(hn::Vec128<float, 2> a,
                                        hn::Vec128<float, 2> b,
                                        hn::Vec128<float, 2> c) {
  const hn::Full128<double> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const auto p = hn::Mul(hn::PromoteTo(d, a), hn::PromoteTo(d, b));
  const auto wide_c = hn::PromoteTo(d, c);
  const auto s = hn::Add(p, wide_c);
  const auto bits = hn::BitCast(du, s);
  const auto doubtful =
      hn::Eq(hn::And(bits, hn::Set(du, 0x0FFFFFFF)), hn::Zero(du));
  if (HWY_LIKELY(hn::AllFalse(du, doubtful))) return s;
  const auto q = hn::Sub(s, p);
  const auto lost = hn::Add(hn::Sub(p, hn::Sub(s, q)), hn::Sub(wide_c, q));
  const auto zero = hn::Zero(d);
  const auto up = hn::RebindMask(
      du, hn::Lt(zero, hn::Xor(lost, hn::And(s, hn::SignBit(d)))));
  const auto down = hn::RebindMask(
      du, hn::Lt(hn::Xor(lost, hn::And(s, hn::SignBit(d))), zero));
  const auto one = hn::Set(du, 1);
  const auto odd = hn::Sub(hn::Add(bits, hn::IfThenElseZero(up, one)),
                           hn::IfThenElseZero(down, one));
  return hn::BitCast(d, hn::IfThenElse(doubtful, odd, bits));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Fma(D d, V a, V b, V c) {
  const hn::Half<D> dh;
  const auto low = FusedPair(hn::LowerHalf(dh, a), hn::LowerHalf(dh, b),
                             hn::LowerHalf(dh, c));
  const auto high = FusedPair(hn::UpperHalf(dh, a), hn::UpperHalf(dh, b),
                              hn::UpperHalf(dh, c));
  return hn::Combine(d, hn::DemoteTo(dh, high), hn::DemoteTo(dh, low));
}

#else  // one lane at a time

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Fma(D d, V a, V b, V c) {
  float x[hn::MaxLanes(D())], y[hn::MaxLanes(D())], z[hn::MaxLanes(D())];
  hn::StoreU(a, d, x);
  hn::StoreU(b, d, y);
  hn::StoreU(c, d, z);
  for (size_t i = 0; i < hn::Lanes(d); ++i)
    z[i] = nibble::Fma(x[i], y[i], z[i]);
  return hn::LoadU(d, z);
}

#endif

// a * b + c for a number c.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Fma(D d, V a, V b, float c) {
  return Fma(d, a, b, hn::Set(d, c));
}

// x within [low, high]; NaN stays NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Clamp(D d, V x, float low, float high) {
#if NIBBLE_X86_VECTORS  // the second operand, if one is NaN
  return hn::Min(hn::Set(d, high), hn::Max(hn::Set(d, low), x));
#else
  const auto vlow = hn::Set(d, low);
  const auto vhigh = hn::Set(d, high);
  x = hn::IfThenElse(hn::Lt(x, vlow), vlow, x);
  return hn::IfThenElse(hn::Lt(vhigh, x), vhigh, x);
#endif
}

// True for x in [low, high), taken by their bits: no NaN, nothing negative.
template <class D, class V = hn::Vec<D>>
HWY_INLINE auto IsBetween(D d, V x, uint32_t low, uint32_t high) {
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  // Unsigned x - low < high - low, as a signed comparison.
  const auto offset = hn::Sub(hn::BitCast(du, x), hn::Set(du, low ^ 1u << 31));
  const auto end = static_cast<int32_t>((high - low) ^ 1u << 31);
  return hn::RebindMask(d, hn::Lt(hn::BitCast(di, offset), hn::Set(di, end)));
}

// out[i] = f(d, x[i]) for whole vectors; the last, where it is not full, is
// filled with ones. f is a lambda that is marked NIBBLE_LAMBDA. out may be x.
template <class F>
HWY_INLINE void Map(const float* x, float* out, size_t n, const F& f) {
  const hn::ScalableTag<float> d;
  const size_t N = hn::Lanes(d);
  size_t i = 0;
  for (; i + N <= n; i += N) hn::StoreU(f(d, hn::LoadU(d, x + i)), d, out + i);
  if (i == n) return;
  float last[hn::MaxLanes(hn::ScalableTag<float>())];
  hn::StoreU(hn::Set(d, 1.0f), d, last);
  for (size_t j = 0; i + j < n; ++j) last[j] = x[i + j];
  hn::StoreU(f(d, hn::LoadU(d, last)), d, last);
  for (size_t j = 0; i + j < n; ++j) out[i + j] = last[j];
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
