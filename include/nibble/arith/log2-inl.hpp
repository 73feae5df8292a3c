// Kernels of log2.hpp. Compiled once per instruction set; see arith/log2.cpp.
// Before the guard: whoever includes this file alone gets the kernel by way of
// the header, which needs it.
#include "nibble/arith/log2.hpp"

#if defined(NIBBLE_ARITH_LOG2_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_ARITH_LOG2_INL_HPP
#undef NIBBLE_ARITH_LOG2_INL_HPP
#else
#define NIBBLE_ARITH_LOG2_INL_HPP
#endif

#include "nibble/arith/fma-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// nibble::Log2Normal.
template <Log2Form kForm, class D, class V = hn::Vec<D>>
HWY_INLINE V Log2Normal(D d, V x, V more) {
  constexpr const Log2Recipe& kRecipe = RecipeOf(kForm);
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, x);
  const auto scaled =
      hn::Sub(bits, hn::Set(di, static_cast<int32_t>(kSqrtHalfBits)));
  const auto e = hn::ShiftRight<23>(scaled);
  const auto m =
      hn::Sub(bits, hn::And(scaled, hn::Set(di, -(int32_t{1} << 23))));
  const V r = hn::Sub(hn::BitCast(d, m), hn::Set(d, 1.0f));
  V q = hn::Set(d, kRecipe.c[kRecipe.terms - 1]);
  for (int i = kRecipe.terms - 2; i >= 0; --i) q = Fma(d, q, r, kRecipe.c[i]);
  const V rest = Fma(d, r, q, hn::Add(hn::ConvertTo(d, e), more));
  return Fma(d, r, hn::Set(d, kLog2Lead), rest);
}

// nibble::Log2 where some lane is no normal number above 0.
template <Log2Form kForm, class D, class V = hn::Vec<D>>
HWY_NOINLINE V Log2Any(D d, V x) {
  const V zero = hn::Zero(d);
  const V inf = hn::Set(d, std::numeric_limits<float>::infinity());
  const auto small = hn::Lt(x, hn::Set(d, 0x1p-126f));
  const V scaled = hn::IfThenElse(small, hn::Mul(x, hn::Set(d, 0x1p24f)), x);
  const V more = hn::IfThenElseZero(small, hn::Set(d, -24.0f));
  V y = Log2Normal<kForm>(d, scaled, more);
  y = hn::IfThenElse(hn::Lt(zero, x), y,
                     hn::Set(d, std::numeric_limits<float>::quiet_NaN()));
  y = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(inf), y);
  return hn::IfThenElse(hn::Eq(x, inf), inf, y);
}

// nibble::Log2, lane by lane: same steps, same bits.
template <Log2Form kForm = Log2Form::kPoly8, class D, class V = hn::Vec<D>>
HWY_INLINE V Log2(D d, V x) {
  if (HWY_LIKELY(hn::AllTrue(d, IsBetween(d, x, 0x00800000, 0x7F800000)))) {
    return Log2Normal<kForm>(d, x, hn::Zero(d));
  }
  return Log2Any<kForm>(d, x);
}

namespace log2_internal {

template <Log2Form kForm>
HWY_NOINLINE void Log2Array(const float* x, float* out, size_t n) {
  Map(x, out, n,
      [](auto d, auto v) NIBBLE_LAMBDA { return Log2<kForm>(d, v); });
}

}  // namespace log2_internal

HWY_MAYBE_UNUSED inline void Log2Kernel(const float* x, float* out, size_t n,
                                        Log2Form form) {
  using namespace log2_internal;
  using enum Log2Form;
  constexpr void (*kArrays[])(const float*, float*, size_t) = {
      Log2Array<kPoly2>, Log2Array<kPoly3>, Log2Array<kPoly4>,
      Log2Array<kPoly5>, Log2Array<kPoly6>, Log2Array<kPoly7>,
      Log2Array<kPoly8>};
  kArrays[static_cast<size_t>(form)](x, out, n);
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
