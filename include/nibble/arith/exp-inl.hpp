// Kernels of exp.hpp. Compiled once per instruction set; see arith/exp.cpp.
// Before the guard: whoever includes this file alone gets the kernel by way of
// the header, which needs it.
#include "nibble/arith/exp.hpp"

#if defined(NIBBLE_ARITH_EXP_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_ARITH_EXP_INL_HPP
#undef NIBBLE_ARITH_EXP_INL_HPP
#else
#define NIBBLE_ARITH_EXP_INL_HPP
#endif

#include "nibble/arith/fma-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// p * 2^n, rounded once; t = n + kExpMagic, or NaN where p is.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ScaleByMagic(D d, V p, V t) {
#if HWY_TARGET <= HWY_AVX3 && NIBBLE_X86_VECTORS
  const auto n = hn::Sub(t, hn::Set(d, kExpMagic));
  if constexpr (sizeof(p.raw) == 64) {
    return V{_mm512_scalef_ps(p.raw, n.raw)};
  } else if constexpr (sizeof(p.raw) == 32) {
    return V{_mm256_scalef_ps(p.raw, n.raw)};
  } else {
    return V{_mm_scalef_ps(p.raw, n.raw)};
  }
#else
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, t);
  const auto half = hn::ShiftRight<1>(bits);
  const auto rest = hn::Sub(bits, half);
  return hn::Mul(hn::Mul(p, hn::BitCast(d, hn::ShiftLeft<23>(half))),
                 hn::BitCast(d, hn::ShiftLeft<23>(rest)));
#endif
}

// nibble::ExpCore with 2^f's recipe, or e^r's.
template <ExpForm kForm, bool kNatural, class D, class V = hn::Vec<D>>
HWY_INLINE V ExpCore(D d, V f) {
  constexpr const ExpRecipe& kRecipe =
      kNatural ? NaturalRecipeOf(kForm) : RecipeOf(kForm);
  constexpr auto& c = kRecipe.c;
  V p;
  if constexpr (kRecipe.kind == ExpRecipe::Kind::kPolynomial) {
    p = hn::Set(d, c[kRecipe.terms - 1]);
    for (int i = kRecipe.terms - 2; i >= 0; --i) p = Fma(d, p, f, c[i]);
  } else if constexpr (kRecipe.kind == ExpRecipe::Kind::kMoebius) {
    p = hn::Add(hn::Div(hn::Set(d, c[1]), hn::Add(f, hn::Set(d, c[0]))),
                hn::Set(d, c[2]));
  } else {
    const V v = hn::Add(f, hn::Div(hn::Set(d, c[0]), f));
    p = hn::Add(hn::Div(hn::Set(d, c[2]), hn::Add(v, hn::Set(d, c[1]))),
                hn::Set(d, c[3]));
  }
  for (int s = 0; s < kRecipe.squarings; ++s) p = hn::Mul(p, p);
  return p;
}

// nibble::ReduceExp.
template <bool kPrecise, class D, class V = hn::Vec<D>>
HWY_INLINE V ReduceExp(D d, V x, V& t) {
  const V magic = hn::Set(d, kExpMagic);
  t = Fma(d, x, hn::Set(d, kLog2E), magic);
  const V n = hn::Sub(t, magic);
  if constexpr (!kPrecise) {
    return Fma(d, n, hn::Set(d, -kLn2), x);
  } else {
    const V high = Fma(d, n, hn::Set(d, -kLn2High), x);
    return Fma(d, n, hn::Set(d, -kLn2Low), high);
  }
}

// nibble::Exp2 and nibble::Exp, lane by lane: same steps, same bits.
template <ExpForm kForm = ExpForm::kPoly6, class D, class V = hn::Vec<D>>
HWY_INLINE V Exp2(D d, V x) {
  x = Clamp(d, x, kExp2Low, kExp2High);
  const V magic = hn::Set(d, kExpMagic);
  const V t = hn::Add(x, magic);
  const V f = hn::Sub(x, hn::Sub(t, magic));
  return ScaleByMagic(d, ExpCore<kForm, false>(d, f), t);
}

template <ExpForm kForm = ExpForm::kPoly6, class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V x) {
  V t;
  const V r =
      ReduceExp<RecipeOf(kForm).precise>(d, Clamp(d, x, kExpLow, kExpHigh), t);
  return ScaleByMagic(d, ExpCore<kForm, true>(d, r), t);
}

namespace exp_internal {

template <ExpForm kForm>
HWY_NOINLINE void Exp2Array(const float* x, float* out, size_t n) {
  Map(x, out, n,
      [](auto d, auto v) NIBBLE_LAMBDA { return Exp2<kForm>(d, v); });
}

template <ExpForm kForm>
HWY_NOINLINE void ExpArray(const float* x, float* out, size_t n) {
  Map(x, out, n, [](auto d, auto v) NIBBLE_LAMBDA { return Exp<kForm>(d, v); });
}

}  // namespace exp_internal

HWY_MAYBE_UNUSED inline void Exp2Kernel(const float* x, float* out, size_t n,
                                        ExpForm form) {
  using namespace exp_internal;
  using enum ExpForm;
  constexpr void (*kArrays[])(const float*, float*, size_t) = {
      Exp2Array<kPoly1>,    Exp2Array<kPoly2>,    Exp2Array<kPoly3>,
      Exp2Array<kPoly4>,    Exp2Array<kPoly5>,    Exp2Array<kPoly6>,
      Exp2Array<kMoebius>,  Exp2Array<kMoebius2>, Exp2Array<kMoebius4>,
      Exp2Array<kMoebius8>, Exp2Array<kCoth>,     Exp2Array<kCoth2>};
  kArrays[static_cast<size_t>(form)](x, out, n);
}

HWY_MAYBE_UNUSED inline void ExpKernel(const float* x, float* out, size_t n,
                                       ExpForm form) {
  using namespace exp_internal;
  using enum ExpForm;
  constexpr void (*kArrays[])(const float*, float*, size_t) = {
      ExpArray<kPoly1>,    ExpArray<kPoly2>,    ExpArray<kPoly3>,
      ExpArray<kPoly4>,    ExpArray<kPoly5>,    ExpArray<kPoly6>,
      ExpArray<kMoebius>,  ExpArray<kMoebius2>, ExpArray<kMoebius4>,
      ExpArray<kMoebius8>, ExpArray<kCoth>,     ExpArray<kCoth2>};
  kArrays[static_cast<size_t>(form)](x, out, n);
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
