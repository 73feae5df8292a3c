// 2^f on [-1/2, 1/2] in few operations, without tables.
//
// Polynomials are the minimax ones for the relative error, from Remez's
// exchange (tests/remez.hpp), in Horner's scheme, every step fused. The others
// are quotients and their powers, after Real et al., "AutoNumerics-Zero",
// arXiv:2312.08472:
//
//     moebius    (c2 + c1 / (f + c0))^(2^s)
//     coth       (c3 + c2 / (f + c0 / f + c1))^(2^s)
//
// The latter is 2^f = (1 + 2 / (coth z - 1)), z = f ln2 / 2, with the first two
// terms of coth's continued fraction. They take fewer operations for the same
// error, but a quotient lasts as long as many products: the table counts both.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "nibble/arith/fma.hpp"
#include "nibble/arith/form.hpp"

namespace nibble {

enum class ExpForm : std::uint8_t {
  kPoly1,
  kPoly2,
  kPoly3,
  kPoly4,
  kPoly5,
  kPoly6,
  kMoebius,
  kMoebius2,
  kMoebius4,
  kMoebius8,
  kCoth,
  kCoth2,
};

inline constexpr FormInfo kExpForms[] = {
    {"poly1", 2, 1, 2.983e-2},    {"poly2", 4, 2, 1.725e-3},
    {"poly3", 6, 3, 7.479e-5},    {"poly4", 8, 4, 2.601e-6},
    {"poly5", 10, 5, 9.1e-8},     {"poly6", 12, 6, 1.3e-8},
    {"moebius", 3, 18, 8.674e-4}, {"moebius2", 4, 19, 2.170e-4},
    {"moebius4", 5, 20, 5.44e-5}, {"moebius8", 6, 21, 1.41e-5},
    {"coth", 5, 35, 4.7e-7},      {"coth2", 6, 36, 7.2e-8},
};

// The fastest form within this relative error.
constexpr ExpForm ExpFormWithin(double error) {
  return static_cast<ExpForm>(FastestForm(kExpForms, error));
}

// How a form computes.
struct ExpRecipe {
  enum class Kind : std::uint8_t { kPolynomial, kMoebius, kCoth };
  Kind kind;
  int terms;  // coefficients in use
  float c[7];
  int squarings = 0;  // at the end

  bool precise = false;  // below 1e-5, where the 24 bits of ln 2 show
};

inline constexpr ExpRecipe kExpRecipes[] = {
    {ExpRecipe::Kind::kPolynomial, 2, {1.02902997f, 0.686020017f}},
    {ExpRecipe::Kind::kPolynomial, 3, {1.0004431f, 0.703447998f, 0.238428935f}},
    {ExpRecipe::Kind::kPolynomial,
     4,
     {0.999928057f, 0.693260968f, 0.242611125f, 0.0551716685f}},
    {ExpRecipe::Kind::kPolynomial,
     5,
     {0.999999285f, 0.693121791f, 0.240247443f, 0.0559178591f, 0.00957010221f},
     0,
     true},
    {ExpRecipe::Kind::kPolynomial,
     6,
     {1.00000012f, 0.693146944f, 0.240221202f, 0.0555071309f, 0.00967554096f,
      0.00132764725f},
     0,
     true},
    // 1 + f q(f): exact at 0, and f q(f) is 2^f - 1 with a small relative
    // error.
    {ExpRecipe::Kind::kPolynomial,
     7,
     {1.0f, 0.693147182f, 0.240226492f, 0.0555035733f, 0.00961823761f,
      0.00133907353f, 0.000154035122f},
     0,
     true},
    {ExpRecipe::Kind::kMoebius, 3, {-2.9070828f, -5.81416368f, -0.999999642f}},
    {ExpRecipe::Kind::kMoebius, 3, {-5.7816143f, -11.5632286f, -1.0f}, 1},
    {ExpRecipe::Kind::kMoebius, 3, {-11.546977f, -23.0939541f, -1.0f}, 2},
    {ExpRecipe::Kind::kMoebius, 3, {-23.0858288f, -46.1716576f, -1.0f}, 3},
    {ExpRecipe::Kind::kCoth,
     4,
     {25.0391045f, -8.67783833f, 17.3556767f, 1.0f},
     0,
     true},
    {ExpRecipe::Kind::kCoth,
     4,
     {99.9682617f, -17.3231716f, 34.6463432f, 1.0f},
     1,
     true},
};

constexpr const ExpRecipe& RecipeOf(ExpForm form) {
  return kExpRecipes[static_cast<std::size_t>(form)];
}

// The recipe of e^r = 2^f, r = f ln2.
constexpr ExpRecipe ToNatural(ExpRecipe recipe) {
  constexpr double kLn2 = 0x1.62e42fefa39efp-1;
  auto& c = recipe.c;
  const auto scale = [](float& v, double by) {
    v = static_cast<float>(v * by);
  };
  if (recipe.kind == ExpRecipe::Kind::kPolynomial) {
    double power = 1;
    for (int i = 1; i < recipe.terms; ++i) scale(c[i], power /= kLn2);
    return recipe;
  }
  const bool coth = recipe.kind == ExpRecipe::Kind::kCoth;
  scale(c[0], coth ? kLn2 * kLn2 : kLn2);
  scale(c[1], kLn2);
  if (coth) scale(c[2], kLn2);
  return recipe;
}

inline constexpr auto kNaturalRecipes = [] {
  std::array<ExpRecipe, std::size(kExpRecipes)> recipes{};
  for (std::size_t i = 0; i < recipes.size(); ++i) {
    recipes[i] = ToNatural(kExpRecipes[i]);
  }
  return recipes;
}();

constexpr const ExpRecipe& NaturalRecipeOf(ExpForm form) {
  return kNaturalRecipes[static_cast<std::size_t>(form)];
}

// 2^f by this recipe, or e^r by its natural one.
//
// Domain   |f| <= 1/2, |r| <= ln2/2.
constexpr float ExpCore(const ExpRecipe& recipe, float f) {
  const auto& c = recipe.c;
  float p = 0;
  switch (recipe.kind) {
    case ExpRecipe::Kind::kPolynomial:
      p = c[recipe.terms - 1];
      for (int i = recipe.terms - 2; i >= 0; --i) p = Fma(p, f, c[i]);
      break;
    case ExpRecipe::Kind::kMoebius:
      p = c[1] / (f + c[0]) + c[2];
      break;
    case ExpRecipe::Kind::kCoth: {
      // c[0] / 0 is infinite and so is the sum: p is c[3], as it should be. A
      // constant expression may not divide by 0.
      if (f == 0) return c[3];
      const float v = f + c[0] / f;
      p = c[2] / (v + c[1]) + c[3];
      break;
    }
  }
  for (int s = 0; s < recipe.squarings; ++s) p *= p;
  return p;
}

}  // namespace nibble
