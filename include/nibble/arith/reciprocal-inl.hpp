// Kernels of reciprocal.hpp. Compiled once per instruction set; see
// arith/reciprocal.cpp.
// Before the guard: whoever includes this file alone gets the kernel by way of
// the header, which needs it.
#include "nibble/arith/reciprocal.hpp"

#if defined(NIBBLE_ARITH_RECIPROCAL_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_ARITH_RECIPROCAL_INL_HPP
#undef NIBBLE_ARITH_RECIPROCAL_INL_HPP
#else
#define NIBBLE_ARITH_RECIPROCAL_INL_HPP
#endif

#include "nibble/arith/fma-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The polynomial of the recipe at e.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Correction(D d, const ReciprocalRecipe& recipe, V e) {
  V p = hn::Set(d, recipe.c[recipe.terms - 1]);
  for (int i = recipe.terms - 2; i >= 0; --i) p = Fma(d, p, e, recipe.c[i]);
  return p;
}

// nibble::ReciprocalNormal.
template <ReciprocalForm kForm, class D, class V = hn::Vec<D>>
HWY_INLINE V ReciprocalNormal(D d, V x) {
  constexpr const ReciprocalRecipe& kRecipe =
      kReciprocalRecipes[static_cast<size_t>(kForm)];
  const hn::RebindToUnsigned<D> du;
  const V minus_x = hn::Neg(x);
  V y = hn::BitCast(d,
                    hn::Sub(hn::Set(du, kReciprocalMagic), hn::BitCast(du, x)));
  y = hn::Mul(y, Correction(d, kRecipe, Fma(d, minus_x, y, 1.0f)));
  if constexpr (kRecipe.newton) y = Fma(d, Fma(d, minus_x, y, 1.0f), y, y);
  return y;
}

// nibble::Reciprocal, lane by lane: same steps, same bits.
template <ReciprocalForm kForm = ReciprocalForm::kNewton, class D,
          class V = hn::Vec<D>>
HWY_INLINE V Reciprocal(D d, V x) {
  const auto normal = IsBetween(d, hn::Abs(x), 0x01000000, 0x7E000000);
  const V y = ReciprocalNormal<kForm>(d, x);
  if (HWY_LIKELY(hn::AllTrue(d, normal))) return y;
  return hn::IfThenElse(normal, y, hn::Div(hn::Set(d, 1.0f), x));
}

// nibble::RsqrtNormal.
template <ReciprocalForm kForm, class D, class V = hn::Vec<D>>
HWY_INLINE V RsqrtNormal(D d, V x) {
  constexpr const ReciprocalRecipe& kRecipe =
      kRsqrtRecipes[static_cast<size_t>(kForm)];
  const hn::RebindToUnsigned<D> du;
  V y = hn::BitCast(d, hn::Sub(hn::Set(du, kRsqrtMagic),
                               hn::ShiftRight<1>(hn::BitCast(du, x))));
  const V e = Fma(d, hn::Neg(hn::Mul(x, y)), y, 1.0f);
  y = hn::Mul(y, Correction(d, kRecipe, e));
  if constexpr (kRecipe.newton) {
    const V rest = Fma(d, hn::Neg(hn::Mul(x, y)), y, 1.0f);
    y = Fma(d, rest, hn::Mul(y, hn::Set(d, 0.5f)), y);
  }
  return y;
}

// nibble::Rsqrt where some lane is no normal number above 0.
template <ReciprocalForm kForm, class D, class V = hn::Vec<D>>
HWY_NOINLINE V RsqrtAny(D d, V x) {
  const V zero = hn::Zero(d);
  const V inf = hn::Set(d, std::numeric_limits<float>::infinity());
  const auto small = hn::Lt(x, hn::Set(d, 0x1p-126f));
  const V one = hn::Set(d, 1.0f);
  const V scale = hn::IfThenElse(small, hn::Set(d, 0x1p24f), one);
  const V unscale = hn::IfThenElse(small, hn::Set(d, 0x1p12f), one);
  V y = hn::Mul(RsqrtNormal<kForm>(d, hn::Mul(x, scale)), unscale);
  y = hn::IfThenElse(hn::Lt(zero, x), y,
                     hn::Set(d, std::numeric_limits<float>::quiet_NaN()));
  y = hn::IfThenElse(hn::Eq(x, zero), hn::CopySign(inf, x), y);
  return hn::IfThenElse(hn::Eq(x, inf), zero, y);
}

// nibble::Rsqrt, lane by lane: same steps, same bits.
template <ReciprocalForm kForm = ReciprocalForm::kNewton, class D,
          class V = hn::Vec<D>>
HWY_INLINE V Rsqrt(D d, V x) {
  if (HWY_LIKELY(hn::AllTrue(d, IsBetween(d, x, 0x00800000, 0x7F800000)))) {
    return RsqrtNormal<kForm>(d, x);
  }
  return RsqrtAny<kForm>(d, x);
}

namespace reciprocal_internal {

template <ReciprocalForm kForm>
HWY_NOINLINE void ReciprocalArray(const float* x, float* out, size_t n) {
  Map(x, out, n,
      [](auto d, auto v) NIBBLE_LAMBDA { return Reciprocal<kForm>(d, v); });
}

template <ReciprocalForm kForm>
HWY_NOINLINE void RsqrtArray(const float* x, float* out, size_t n) {
  Map(x, out, n,
      [](auto d, auto v) NIBBLE_LAMBDA { return Rsqrt<kForm>(d, v); });
}

}  // namespace reciprocal_internal

HWY_MAYBE_UNUSED inline void ReciprocalKernel(const float* x, float* out,
                                              size_t n, ReciprocalForm form) {
  using namespace reciprocal_internal;
  using enum ReciprocalForm;
  constexpr void (*kArrays[])(const float*, float*, size_t) = {
      ReciprocalArray<kPoly1>, ReciprocalArray<kPoly2>, ReciprocalArray<kPoly3>,
      ReciprocalArray<kNewton>};
  kArrays[static_cast<size_t>(form)](x, out, n);
}

HWY_MAYBE_UNUSED inline void RsqrtKernel(const float* x, float* out, size_t n,
                                         ReciprocalForm form) {
  using namespace reciprocal_internal;
  using enum ReciprocalForm;
  constexpr void (*kArrays[])(const float*, float*, size_t) = {
      RsqrtArray<kPoly1>, RsqrtArray<kPoly2>, RsqrtArray<kPoly3>,
      RsqrtArray<kNewton>};
  kArrays[static_cast<size_t>(form)](x, out, n);
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
