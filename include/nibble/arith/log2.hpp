// log2(x) by minimax polynomials.
//
//     x = m 2^e,  1/sqrt(2) <= m < sqrt(2),  r = m - 1:
//     log2(x) = e + r q(r)
//
// q approximates log2(1 + r) / r, so that the relative error holds near x = 1
// too. The scalar function is the specification: the array form returns the
// same bits on every instruction set. A NaN gives a NaN; which one is not
// promised.
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

// By the degree of q.
enum class Log2Form : std::uint8_t {
  kPoly2,
  kPoly3,
  kPoly4,
  kPoly5,
  kPoly6,
  kPoly7,
  kPoly8,
};

// Of r q(r) on [1/sqrt(2) - 1, sqrt(2) - 1], in exact arithmetic.
inline constexpr FormInfo kLog2Forms[] = {
    {"poly2", 8, 4, 2.553e-3}, {"poly3", 10, 5, 3.508e-4},
    {"poly4", 12, 6, 5.03e-5}, {"poly5", 14, 7, 7.40e-6},
    {"poly6", 16, 8, 1.12e-6}, {"poly7", 18, 9, 1.9e-7},
    {"poly8", 20, 10, 4.3e-8},
};

// The fastest form within this relative error.
constexpr Log2Form Log2FormWithin(double error) {
  return static_cast<Log2Form>(FastestForm(kLog2Forms, error));
}

inline constexpr float kLog2Lead = 0x1.715476p+0f;  // log2(e)

struct Log2Recipe {
  int terms;
  float c[9];
};

// Minimax for the relative error, from Remez's exchange (tests/remez.hpp). The
// first coefficient is kLog2Lead + c[0], so that it has more than 24 bits.
inline constexpr Log2Recipe kLog2Recipes[] = {
    {3, {0.0014820256f, -0.751134753f, 0.449609697f}},
    {4, {-0.000424589409f, -0.724296927f, 0.511272728f, -0.32777077f}},
    {5,
     {-4.87707257e-05f, -0.720554948f, 0.485306501f, -0.390892446f,
      0.254751861f}},
    {6,
     {6.59624857e-06f, -0.721206367f, 0.479811847f, -0.366491705f, 0.318199903f,
      -0.206191048f}},
    {7,
     {1.42562953e-06f, -0.721363604f, 0.480626762f, -0.359371632f, 0.295699507f,
      -0.26932022f, 0.171624556f}},
    {8,
     {-5.9642133e-08f, -0.721352816f, 0.480923235f, -0.360239625f, 0.287098706f,
      -0.24887687f, 0.234042376f, -0.145811692f}},
    {9,
     {-1.79769e-08f, -0.721347332f, 0.480910629f, -0.360703677f, 0.287916243f,
      -0.238944814f, 0.215715602f, -0.207269758f, 0.125837058f}},
};

constexpr const Log2Recipe& RecipeOf(Log2Form form) {
  return kLog2Recipes[static_cast<std::size_t>(form)];
}

inline constexpr std::uint32_t kSqrtHalfBits = 0x3F3504F3;  // of 1/sqrt(2)

// log2(x) for normal x > 0, plus `more`: what the exponent lacks.
constexpr float Log2Normal(float x, float more, const Log2Recipe& recipe) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto e = static_cast<std::int32_t>(bits - kSqrtHalfBits) >> 23;
  const float m =
      std::bit_cast<float>(bits - (static_cast<std::uint32_t>(e) << 23));
  const float r = m - 1;
  float q = recipe.c[recipe.terms - 1];
  for (int i = recipe.terms - 2; i >= 0; --i) q = Fma(q, r, recipe.c[i]);
  return Fma(r, kLog2Lead, Fma(r, q, static_cast<float>(e) + more));
}

// log2(x).
//
// Domain   all floats.
// Range    -infinity at 0 and -0, infinity at infinity, NaN below 0. Subnormal
// x
//          are as exact as others; powers of two are exact.
// Error    kPoly8: 1.81 ULP at most, over all floats.
constexpr float Log2(float x, Log2Form form = Log2Form::kPoly8) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const Log2Recipe& recipe = RecipeOf(form);
  if (x == 0) return -kInf;
  if (!(x > 0)) return std::numeric_limits<float>::quiet_NaN();
  if (x == kInf) return x;
  if (x < 0x1p-126f) return Log2Normal(x * 0x1p24f, -24, recipe);
  return Log2Normal(x, 0, recipe);
}

}  // namespace nibble

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/arith/log2-inl.hpp"
#else
namespace nibble::dispatch {
void Log2Kernel(const float* x, float* out, std::size_t n, Log2Form form);
}
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// out[i] = Log2(x[i], form).
//
// Shapes   x, out: [n], any n, any alignment. out may be x.
// Errors   std::invalid_argument if the sizes differ; nothing is written.
inline void Log2(std::span<const float> x, std::span<float> out,
                 Log2Form form = Log2Form::kPoly8) {
  NIBBLE_CHECK("Log2", x.size() == out.size());
  NIBBLE_DISPATCH(Log2Kernel)(x.data(), out.data(), x.size(), form);
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
