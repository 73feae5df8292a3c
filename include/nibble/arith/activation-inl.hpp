// Kernels of activation.hpp. Compiled once per instruction set; see
// arith/activation.cpp.
// Before the guard: whoever includes this file alone gets the kernel by way of
// the header, which needs it.
#include "nibble/arith/activation.hpp"

#if defined(NIBBLE_ARITH_ACTIVATION_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_ARITH_ACTIVATION_INL_HPP
#undef NIBBLE_ARITH_ACTIVATION_INL_HPP
#else
#define NIBBLE_ARITH_ACTIVATION_INL_HPP
#endif

#include "nibble/arith/exp-inl.hpp"
#include "nibble/arith/fma-inl.hpp"
#include "nibble/arith/reciprocal-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// e^-|x| and 1 / (1 + e^-|x|).
template <Accuracy kAccuracy, class D, class V = hn::Vec<D>>
HWY_INLINE V SigmoidOfMagnitude(D d, V x, V& e) {
  constexpr const ActivationRecipe& kRecipe = RecipeOf(kAccuracy);
  e = Exp<kRecipe.exp>(d, hn::Neg(hn::Abs(x)));
  return ReciprocalNormal<kRecipe.reciprocal>(d, hn::Add(hn::Set(d, 1.0f), e));
}

// nibble::Sigmoid, Silu, Tanh and Gelu, lane by lane: same steps, same bits.
template <Accuracy kAccuracy = Accuracy::kF32, class D, class V = hn::Vec<D>>
HWY_INLINE V Sigmoid(D d, V x) {
  V e;
  const V r = SigmoidOfMagnitude<kAccuracy>(d, x, e);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(e, r), r);
}

template <Accuracy kAccuracy = Accuracy::kF32, class D, class V = hn::Vec<D>>
HWY_INLINE V Silu(D d, V x) {
  V e;
  const V r = SigmoidOfMagnitude<kAccuracy>(d, x, e);
  const V low = hn::Set(d, kExpLow);
  const V bounded = hn::IfThenElse(hn::Lt(x, low), low, x);
  const auto negative = hn::Lt(x, hn::Zero(d));
  return hn::Mul(hn::IfThenElse(negative, hn::Mul(bounded, e), x), r);
}

template <Accuracy kAccuracy = Accuracy::kF32, class D, class V = hn::Vec<D>>
HWY_INLINE V Tanh(D d, V x) {
  constexpr const ActivationRecipe& kRecipe = RecipeOf(kAccuracy);
  const hn::RebindToUnsigned<D> du;
  const V y = Clamp(d, hn::Mul(hn::Set(d, -2.0f), hn::Abs(x)), kTanhLow, 0);
  V t;
  const V r = ReduceExp<true>(d, y, t);
  V q = hn::Set(d, kRecipe.expm1[kRecipe.expm1_terms - 1]);
  for (int i = kRecipe.expm1_terms - 2; i >= 0; --i) {
    q = Fma(d, q, r, kRecipe.expm1[i]);
  }
  const V m1 = Fma(d, hn::Mul(r, r), q, r);
  const V power = hn::BitCast(
      d, hn::ShiftLeft<23>(hn::Sub(hn::BitCast(du, t), hn::Set(du, 127))));
  const V m = Fma(d, power, m1, hn::Sub(power, hn::Set(d, 1.0f)));
  const V inverse =
      ReciprocalNormal<kRecipe.reciprocal>(d, hn::Add(hn::Set(d, 2.0f), m));
  return hn::CopySign(hn::Mul(m, inverse), x);
}

template <Accuracy kAccuracy = Accuracy::kF32, class D, class V = hn::Vec<D>>
HWY_INLINE V Gelu(D d, V x) {
  constexpr const ActivationRecipe& kRecipe = RecipeOf(kAccuracy);
  const V half = hn::Set(d, -0.5f);
  const V a = Clamp(d, hn::Abs(x), 0, kGeluHigh);
  const V y = hn::Mul(half, hn::Mul(a, a));
  const V low = Fma(d, hn::Mul(half, a), a, hn::Neg(y));
  V t;
  const V rest = hn::Add(ReduceExp<true>(d, y, t), low);
  const V e = ScaleByMagic(d, ExpCore<kRecipe.gelu_exp, true>(d, rest), t);
  const V r = ReciprocalNormal<kRecipe.reciprocal>(
      d, Fma(d, a, hn::Set(d, kRecipe.gelu_g), 1.0f));
  V p = hn::Set(d, kRecipe.gelu[kRecipe.gelu_terms - 1]);
  for (int i = kRecipe.gelu_terms - 2; i >= 0; --i) {
    p = Fma(d, p, r, kRecipe.gelu[i]);
  }
  p = hn::Mul(p, r);
  const V below = hn::Mul(hn::Neg(a), hn::Mul(e, p));
  const V above = hn::Mul(Fma(d, hn::Neg(e), p, 1.0f), x);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), below, above);
}

// The array form of each, with the accuracy that is known at run time.
#define NIBBLE_ACTIVATION(Name)                                              \
  namespace activation_internal {                                            \
  template <Accuracy kAccuracy>                                              \
  HWY_NOINLINE void Name##Array(const float* x, float* out, size_t n) {      \
    Map(x, out, n,                                                           \
        [](auto d, auto v) NIBBLE_LAMBDA { return Name<kAccuracy>(d, v); }); \
  }                                                                          \
  } /* namespace activation_internal */                                      \
  HWY_MAYBE_UNUSED inline void Name##Kernel(const float* x, float* out,      \
                                            size_t n, Accuracy accuracy) {   \
    using namespace activation_internal;                                     \
    switch (accuracy) {                                                      \
      case Accuracy::kBf16:                                                  \
        return Name##Array<Accuracy::kBf16>(x, out, n);                      \
      case Accuracy::kF16:                                                   \
        return Name##Array<Accuracy::kF16>(x, out, n);                       \
      case Accuracy::kF32:                                                   \
        return Name##Array<Accuracy::kF32>(x, out, n);                       \
    }                                                                        \
  }                                                                          \
  static_assert(true, "for the semicolon")

NIBBLE_ACTIVATION(Sigmoid);
NIBBLE_ACTIVATION(Silu);
NIBBLE_ACTIVATION(Tanh);
NIBBLE_ACTIVATION(Gelu);
#undef NIBBLE_ACTIVATION

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
