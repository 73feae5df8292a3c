// 2^x and e^x, in the forms of exp_forms.hpp.
//
//     x = n + f,      |f| <= 1/2:    2^x = 2^n 2^f
//     x = n ln2 + r,  |r| <= ln2/2:  e^x = 2^n e^r
//
// The scalar functions are the specification: array forms return the same bits
// on every instruction set. A NaN gives a NaN; which one is not promised.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/arith/exp_forms.hpp"
#include "nibble/arith/fma.hpp"
#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"

namespace nibble {

// t = x + kExpMagic is x rounded to an integer (half to even), and the last
// bits of t are that integer plus 254: twice the bias of the exponent.
inline constexpr float kExpMagic = 0x1.8p23f + 254;

inline constexpr float kLog2E = 0x1.715476p+0f;
inline constexpr float kLn2High = 0x1.62e4p-1f;  // 15 bits: n kLn2High is exact
inline constexpr float kLn2Low = 0x1.7f7d1cp-20f;  // and what they lack
inline constexpr float kLn2 = 0x1.62e43p-1f;       // 24 bits

// Beyond these results are 0 or infinite.
inline constexpr float kExp2Low = -151, kExp2High = 129;
inline constexpr float kExpLow = -104.5f, kExpHigh = 89.5f;

// p * 2^n, rounded once; t = n + kExpMagic.
//
// Domain   1/4 <= p <= 4, -152 <= n <= 130.
constexpr float ScaleByMagic(float p, float t) {
  const auto bits = std::bit_cast<std::uint32_t>(t);
  const std::uint32_t half = bits >> 1;  // 2^(n/2), twice
  return p * std::bit_cast<float>(half << 23) *
         std::bit_cast<float>((bits - half) << 23);
}

constexpr float ClampOrdered(float x, float low, float high) {
  return x < low ? low : x > high ? high : x;
}

// 2^x.
//
// Domain   all floats.
// Range    0 below -150, infinity from 128 on; subnormals are rounded as ever.
//          With kPoly6 and kCoth forms exact where x is an integer.
// Error    kPoly6: 0.90 ULP at most, over all floats. Others: that of their
//          table and one rounding.
constexpr float Exp2(float x, ExpForm form = ExpForm::kPoly6) {
  if (x != x) return x;
  x = ClampOrdered(x, kExp2Low, kExp2High);
  const float t = x + kExpMagic;
  return ScaleByMagic(ExpCore(RecipeOf(form), x - (t - kExpMagic)), t);
}

// r of the formula above; t = n + kExpMagic. Where n is 0, r is x. Without
// `precise` it errs by 2e-9 n.
constexpr float ReduceExp(float x, bool precise, float& t) {
  t = Fma(x, kLog2E, kExpMagic);
  const float n = t - kExpMagic;
  if (!precise) return Fma(n, -kLn2, x);
  return Fma(n, -kLn2Low, Fma(n, -kLn2High, x));  // the first is exact
}

// e^x.
//
// Domain   all floats.
// Range    0 below -103.98, infinity above 88.72; subnormals are rounded as
//          ever.
// Error    kPoly6: 0.96 ULP at most, over all floats.
constexpr float Exp(float x, ExpForm form = ExpForm::kPoly6) {
  if (x != x) return x;
  const ExpRecipe& recipe = NaturalRecipeOf(form);
  float t = 0;
  const float r =
      ReduceExp(ClampOrdered(x, kExpLow, kExpHigh), recipe.precise, t);
  return ScaleByMagic(ExpCore(recipe, r), t);
}

}  // namespace nibble

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/arith/exp-inl.hpp"
#else
namespace nibble::dispatch {
void Exp2Kernel(const float* x, float* out, std::size_t n, ExpForm form);
void ExpKernel(const float* x, float* out, std::size_t n, ExpForm form);
}  // namespace nibble::dispatch
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// out[i] = Exp2(x[i], form).
//
// Shapes   x, out: [n], any n, any alignment. out may be x.
// Errors   std::invalid_argument if the sizes differ; nothing is written.
inline void Exp2(std::span<const float> x, std::span<float> out,
                 ExpForm form = ExpForm::kPoly6) {
  NIBBLE_CHECK("Exp2", x.size() == out.size());
  NIBBLE_DISPATCH(Exp2Kernel)(x.data(), out.data(), x.size(), form);
}

// out[i] = Exp(x[i], form). Shapes and errors as Exp2.
inline void Exp(std::span<const float> x, std::span<float> out,
                ExpForm form = ExpForm::kPoly6) {
  NIBBLE_CHECK("Exp", x.size() == out.size());
  NIBBLE_DISPATCH(ExpKernel)(x.data(), out.data(), x.size(), form);
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
