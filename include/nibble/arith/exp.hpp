// 2^x and e^x, in the forms of exp_forms.hpp.
//
//     x = (n + f) ln2,  |f| <= 1/2:  e^x = 2^n 2^f
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

inline constexpr float kLog2E = 0x1.715476p+0f;     // log2(e), 24 bits
inline constexpr float kLog2ELow = 0x1.4ae0cp-26f;  // and what they lack

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
// Error    kPoly6: 0.60 ULP at most, over all floats. Others: that of their
//          table and one rounding.
constexpr float Exp2(float x, ExpForm form = ExpForm::kPoly6) {
  if (x != x) return x;
  x = ClampOrdered(x, kExp2Low, kExp2High);
  const float t = x + kExpMagic;
  return ScaleByMagic(Exp2Core(RecipeOf(form), x - (t - kExpMagic)), t);
}

// e^x.
//
// Domain   all floats.
// Range    0 below -103.98, infinity above 88.72; subnormals are rounded as
//          ever.
// Error    kPoly6: 0.87 ULP at most, over all floats.
constexpr float Exp(float x, ExpForm form = ExpForm::kPoly6) {
  if (x != x) return x;
  x = ClampOrdered(x, kExpLow, kExpHigh);
  const ExpRecipe& recipe = RecipeOf(form);
  const float t = Fma(x, kLog2E, kExpMagic);
  float f = Fma(x, kLog2E, -(t - kExpMagic));
  if (recipe.precise) f = Fma(x, kLog2ELow, f);
  return ScaleByMagic(Exp2Core(recipe, f), t);
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
