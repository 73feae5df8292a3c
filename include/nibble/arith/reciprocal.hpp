// 1/x and 1/sqrt(x) without a division.
//
//     y = bits(magic - bits(x))            a first guess of 1/x
//     y = bits(magic - bits(x) / 2)        and of 1/sqrt(x)
//     e = 1 - x y, or 1 - x y^2            how far it is off
//     y p(e)                               p(e) ~ 1/(1-e), or 1/sqrt(1-e)
//
// Subtracting encodings negates the exponent exactly and the mantissa linearly;
// the constants are those with the narrowest range of e, where a polynomial of
// low degree does most. kNewton forms add a last step of Newton's. Approximate
// instructions of the CPU are not used: their bits differ between makers.
//
// The scalar functions are the specification: array forms return the same bits
// on every instruction set. A NaN gives a NaN; which one is not promised.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "nibble/arith/fma.hpp"
#include "nibble/arith/form.hpp"
#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"

namespace nibble {

// By the degree of p; kNewton: degree 2 and a step of Newton's.
enum class ReciprocalForm : std::uint8_t { kPoly1, kPoly2, kPoly3, kNewton };

inline constexpr FormInfo kReciprocalForms[] = {
    {"poly1", 6, 4, 1.118e-4},
    {"poly2", 8, 5, 8.4e-7},
    {"poly3", 10, 6, 7.0e-8},
    {"newton", 12, 7, 1e-12},
};
inline constexpr FormInfo kRsqrtForms[] = {
    {"poly1", 8, 6, 6.510e-4},
    {"poly2", 10, 7, 1.596e-5},
    {"poly3", 12, 8, 4.2e-7},
    {"newton", 17, 11, 4e-10},
};

// The fastest form within this relative error.
constexpr ReciprocalForm ReciprocalFormWithin(double error) {
  return static_cast<ReciprocalForm>(FastestForm(kReciprocalForms, error));
}
constexpr ReciprocalForm RsqrtFormWithin(double error) {
  return static_cast<ReciprocalForm>(FastestForm(kRsqrtForms, error));
}

struct ReciprocalRecipe {
  int terms;
  float c[4];
  bool newton = false;
};

inline constexpr std::uint32_t kReciprocalMagic = 0x7EB50000;
inline constexpr std::uint32_t kRsqrtMagic = 0x5F1FE000;

// Minimax for the relative error on the range of e, from Remez's exchange
// (tests/remez.hpp): [0.271511, 0.292969] and [0.157348, 0.250967].
inline constexpr ReciprocalRecipe kReciprocalRecipes[] = {
    {2, {0.845469952f, 1.94128776f}},
    {3, {1.06074619f, 0.414592177f, 2.70479822f}},
    {4, {0.976120472f, 1.31479394f, -0.485997111f, 3.76859808f}},
    {3, {1.06074619f, 0.414592177f, 2.70479822f}, true},
};
inline constexpr ReciprocalRecipe kRsqrtRecipes[] = {
    {2, {0.977682114f, 0.705322027f}},
    {3, {1.00466788f, 0.433744341f, 0.665305555f}},
    {4, {0.998970866f, 0.519761562f, 0.238305226f, 0.697273135f}},
    {3, {1.00466788f, 0.433744341f, 0.665305555f}, true},
};

// Between these the steps meet no subnormal number and no infinity.
inline constexpr float kReciprocalLow = 0x1p-125f, kReciprocalHigh = 0x1p125f;

// 1/x for kReciprocalLow <= |x| < kReciprocalHigh.
constexpr float ReciprocalNormal(float x, const ReciprocalRecipe& recipe) {
  const auto& c = recipe.c;
  float y =
      std::bit_cast<float>(kReciprocalMagic - std::bit_cast<std::uint32_t>(x));
  const float e = Fma(-x, y, 1);
  float p = c[recipe.terms - 1];
  for (int i = recipe.terms - 2; i >= 0; --i) p = Fma(p, e, c[i]);
  y = y * p;
  return recipe.newton ? Fma(Fma(-x, y, 1), y, y) : y;
}

// 1/x.
//
// Domain   all floats. Where |x| is not in [2^-125, 2^125) the result is that
// of
//          the division, in every form.
// Error    kNewton: 0.51 ULP at most, over all floats. Others: that of their
//          table and a few roundings.
constexpr float Reciprocal(float x,
                           ReciprocalForm form = ReciprocalForm::kNewton) {
  const float magnitude = x < 0 ? -x : x;
  if (magnitude >= kReciprocalLow && magnitude < kReciprocalHigh) {
    return ReciprocalNormal(x, kReciprocalRecipes[static_cast<int>(form)]);
  }
  if (x == 0) {  // a constant expression may not divide by 0
    const auto sign = std::bit_cast<std::uint32_t>(x) & 0x80000000u;
    return std::bit_cast<float>(sign | 0x7F800000u);
  }
  return 1 / x;
}

// 1/sqrt(x) for normal x > 0.
constexpr float RsqrtNormal(float x, const ReciprocalRecipe& recipe) {
  const auto& c = recipe.c;
  float y = std::bit_cast<float>(kRsqrtMagic -
                                 (std::bit_cast<std::uint32_t>(x) >> 1));
  const float e = Fma(-(x * y), y, 1);
  float p = c[recipe.terms - 1];
  for (int i = recipe.terms - 2; i >= 0; --i) p = Fma(p, e, c[i]);
  y = y * p;
  if (!recipe.newton) return y;
  const float z = x * y;
  return Fma(Fma(-z, y, 1), y * 0.5f, y);
}

// 1/sqrt(x).
//
// Domain   all floats.
// Range    infinity of its sign at 0, 0 at infinity, NaN below 0. Subnormal x
//          are as exact as others.
// Error    kNewton: 1.01 ULP at most, over all floats. Others: that of their
//          table and a few roundings.
constexpr float Rsqrt(float x, ReciprocalForm form = ReciprocalForm::kNewton) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const ReciprocalRecipe& recipe = kRsqrtRecipes[static_cast<int>(form)];
  if (x == 0) return std::bit_cast<std::uint32_t>(x) == 0 ? kInf : -kInf;
  if (!(x > 0)) return std::numeric_limits<float>::quiet_NaN();
  if (x == kInf) return 0;
  if (x < 0x1p-126f) return 0x1p12f * RsqrtNormal(x * 0x1p24f, recipe);
  return RsqrtNormal(x, recipe);
}

}  // namespace nibble

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/arith/reciprocal-inl.hpp"
#else
namespace nibble::dispatch {
void ReciprocalKernel(const float* x, float* out, std::size_t n,
                      ReciprocalForm form);
void RsqrtKernel(const float* x, float* out, std::size_t n,
                 ReciprocalForm form);
}  // namespace nibble::dispatch
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// out[i] = Reciprocal(x[i], form).
//
// Shapes   x, out: [n], any n, any alignment. out may be x.
// Errors   std::invalid_argument if the sizes differ; nothing is written.
inline void Reciprocal(std::span<const float> x, std::span<float> out,
                       ReciprocalForm form = ReciprocalForm::kNewton) {
  NIBBLE_CHECK("Reciprocal", x.size() == out.size());
  NIBBLE_DISPATCH(ReciprocalKernel)(x.data(), out.data(), x.size(), form);
}

// out[i] = Rsqrt(x[i], form). Shapes and errors as Reciprocal.
inline void Rsqrt(std::span<const float> x, std::span<float> out,
                  ReciprocalForm form = ReciprocalForm::kNewton) {
  NIBBLE_CHECK("Rsqrt", x.size() == out.size());
  NIBBLE_DISPATCH(RsqrtKernel)(x.data(), out.data(), x.size(), form);
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
