// Sigmoid, SiLU, tanh and GELU, composed of the forms of 2^f and of 1/d.
//
//     sigmoid(x) = 1/(1+E) or E/(1+E),  E = e^-|x|, in (0, 1]
//     silu(x)    = x sigmoid(x)
//     tanh(x)    = -M/(2+M) with x's sign,  M = e^(-2|x|) - 1, in (-1, 0]
//     gelu(x)    = x Phi(x),  Phi(-a) = e^(-a^2/2) t p(t),  t = 1/(1 + g a)
//
// The denominators lie in [1, 2] (gelu: [1, 8.3]), so that no special case of
// the reciprocal arises. Each comes in three accuracies. The scalar functions
// are the specification: array forms return the same bits on every instruction
// set. A NaN gives a NaN; which one is not promised.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/arith/exp.hpp"
#include "nibble/arith/form.hpp"
#include "nibble/arith/reciprocal.hpp"
#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"

namespace nibble {

// What an accuracy is made of. The polynomials are minimax, from Remez's
// exchange (tests/remez.hpp): expm1 is (e^r - 1 - r) / r^2, gelu is p.
struct ActivationRecipe {
  ExpForm exp;
  ReciprocalForm reciprocal;
  int expm1_terms;
  float expm1[5];
  ExpForm gelu_exp;
  float gelu_g;
  int gelu_terms;
  float gelu[10];
};

inline constexpr ActivationRecipe kActivationRecipes[] = {
    {ExpForm::kPoly2,
     ReciprocalForm::kPoly1,
     2,
     {0.502509356f, 0.167670473f},
     ExpForm::kPoly3,
     0.5f,
     4,
     {0.200802594f, 0.179741532f, 0.244936481f, -0.125590622f}},
    {ExpForm::kPoly3,
     ReciprocalForm::kPoly2,
     3,
     {0.499994963f, 0.167419136f, 0.0418756902f},
     ExpForm::kPoly3,
     0.45f,
     6,
     {0.179234266f, 0.18482624f, 0.105829693f, 0.199479058f, -0.238687187f,
      0.0693199113f}},
    {ExpForm::kPoly6,
     ReciprocalForm::kNewton,
     5,
     {0.5f, 0.166665763f, 0.0416663736f, 0.00836317521f, 0.00139411131f},
     ExpForm::kPoly6,
     0.36f,
     10,
     {0.143605679f, 0.143970296f, 0.121120393f, 0.111878216f, -0.0529457331f,
      0.217324793f, -0.369364053f, 0.258164465f, -0.0843039826f,
      0.0105499336f}},
};

constexpr const ActivationRecipe& RecipeOf(Accuracy accuracy) {
  return kActivationRecipes[static_cast<std::size_t>(accuracy)];
}

constexpr float Magnitude(float x) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0x7FFFFFFF);
}

constexpr float BoundedReciprocal(float x, ReciprocalForm form) {
  return ReciprocalNormal(x, kReciprocalRecipes[static_cast<int>(form)]);
}

// 1 / (1 + e^-x).
//
// Domain   all floats.
// Range    [0, 1]; 0 below -103.98, where it is subnormal before.
// Error    kF32: 2.8 ULP at most, over all floats; kF16, kBf16: relative 1.0e-4
//          and 1.9e-3.
constexpr float Sigmoid(float x, Accuracy accuracy = Accuracy::kF32) {
  const ActivationRecipe& recipe = RecipeOf(accuracy);
  const float e = Exp(-Magnitude(x), recipe.exp);
  const float r = BoundedReciprocal(1 + e, recipe.reciprocal);
  return x < 0 ? e * r : r;
}

// x sigmoid(x).
//
// Domain   all floats.
// Range    -0 below -103.98; infinity at infinity.
// Error    kF32: 3.7 ULP at most above -87, where e^x turns subnormal, and
//          2^-142 below; kF16, kBf16: relative 1.0e-4 and 1.9e-3.
constexpr float Silu(float x, Accuracy accuracy = Accuracy::kF32) {
  const ActivationRecipe& recipe = RecipeOf(accuracy);
  const float e = Exp(-Magnitude(x), recipe.exp);
  const float r = BoundedReciprocal(1 + e, recipe.reciprocal);
  const float bounded = x < kExpLow ? kExpLow : x;  // not -infinity times 0
  return (x < 0 ? bounded * e : x) * r;
}

inline constexpr float kTanhLow = -40;  // of -2|x|: from here on tanh is 1

// tanh(x).
//
// Domain   all floats.
// Range    [-1, 1]; -0 at -0.
// Error    kF32: 3 ULP at most; kF16, kBf16: relative 4.2e-5 and 1.2e-3.
constexpr float Tanh(float x, Accuracy accuracy = Accuracy::kF32) {
  if (x != x) return x;
  const ActivationRecipe& recipe = RecipeOf(accuracy);
  const float y = ClampOrdered(-2 * Magnitude(x), kTanhLow, 0);
  float t = 0;
  const float r = ReduceExp(y, true, t);
  float q = recipe.expm1[recipe.expm1_terms - 1];
  for (int i = recipe.expm1_terms - 2; i >= 0; --i) {
    q = Fma(q, r, recipe.expm1[i]);
  }
  const float m1 = Fma(r * r, q, r);  // e^r - 1
  // 2^n (e^r - 1) + (2^n - 1), where n >= -58 and 2^n is no subnormal.
  const float power =
      std::bit_cast<float>((std::bit_cast<std::uint32_t>(t) - 127) << 23);
  const float m = Fma(power, m1, power - 1);
  const float inverse = BoundedReciprocal(2 + m, recipe.reciprocal);
  const auto sign = std::bit_cast<std::uint32_t>(x) & 0x80000000u;
  return std::bit_cast<float>(
      std::bit_cast<std::uint32_t>(Magnitude(m * inverse)) | sign);
}

inline constexpr float kGeluHigh = 14.5f;  // of |x|: Phi(-|x|) is 0 from here

// x Phi(x), Phi the normal distribution: GELU without the tanh approximation.
//
// Domain   all floats.
// Range    -0 below -14.18; infinity at infinity.
// Error    kF32: 8 ULP at most above -13; kF16, kBf16: relative 1.2e-4 and
//          5e-4.
constexpr float Gelu(float x, Accuracy accuracy = Accuracy::kF32) {
  if (x != x) return x;
  const ActivationRecipe& recipe = RecipeOf(accuracy);
  const float a = Magnitude(x) < kGeluHigh ? Magnitude(x) : kGeluHigh;
  // -a^2/2 = y + low exactly: e^y alone would err by a^2/4 ULP.
  const float y = -0.5f * (a * a);
  const float low = Fma(-0.5f * a, a, -y);
  float magic = 0;
  const float r = ReduceExp(y, true, magic) + low;
  const float e =
      ScaleByMagic(ExpCore(NaturalRecipeOf(recipe.gelu_exp), r), magic);
  const float t =
      BoundedReciprocal(Fma(a, recipe.gelu_g, 1), recipe.reciprocal);
  float p = recipe.gelu[recipe.gelu_terms - 1];
  for (int i = recipe.gelu_terms - 2; i >= 0; --i) {
    p = Fma(p, t, recipe.gelu[i]);
  }
  p *= t;
  // Phi(-a) x, or (1 - Phi(-a)) x.
  return x < 0 ? -a * (e * p) : Fma(-e, p, 1) * x;
}

}  // namespace nibble

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/arith/activation-inl.hpp"
#else
namespace nibble::dispatch {
void SigmoidKernel(const float* x, float* out, std::size_t n,
                   Accuracy accuracy);
void SiluKernel(const float* x, float* out, std::size_t n, Accuracy accuracy);
void TanhKernel(const float* x, float* out, std::size_t n, Accuracy accuracy);
void GeluKernel(const float* x, float* out, std::size_t n, Accuracy accuracy);
}  // namespace nibble::dispatch
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// out[i] = Sigmoid(x[i], accuracy).
//
// Shapes   x, out: [n], any n, any alignment. out may be x.
// Errors   std::invalid_argument if the sizes differ; nothing is written.
inline void Sigmoid(std::span<const float> x, std::span<float> out,
                    Accuracy accuracy = Accuracy::kF32) {
  NIBBLE_CHECK("Sigmoid", x.size() == out.size());
  NIBBLE_DISPATCH(SigmoidKernel)(x.data(), out.data(), x.size(), accuracy);
}

// out[i] = Silu(x[i], accuracy). Shapes and errors as Sigmoid.
inline void Silu(std::span<const float> x, std::span<float> out,
                 Accuracy accuracy = Accuracy::kF32) {
  NIBBLE_CHECK("Silu", x.size() == out.size());
  NIBBLE_DISPATCH(SiluKernel)(x.data(), out.data(), x.size(), accuracy);
}

// out[i] = Tanh(x[i], accuracy). Shapes and errors as Sigmoid.
inline void Tanh(std::span<const float> x, std::span<float> out,
                 Accuracy accuracy = Accuracy::kF32) {
  NIBBLE_CHECK("Tanh", x.size() == out.size());
  NIBBLE_DISPATCH(TanhKernel)(x.data(), out.data(), x.size(), accuracy);
}

// out[i] = Gelu(x[i], accuracy). Shapes and errors as Sigmoid.
inline void Gelu(std::span<const float> x, std::span<float> out,
                 Accuracy accuracy = Accuracy::kF32) {
  NIBBLE_CHECK("Gelu", x.size() == out.size());
  NIBBLE_DISPATCH(GeluKernel)(x.data(), out.data(), x.size(), accuracy);
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
