// The coefficients of arith/ against Remez's exchange, and that against the
// published errors.
#include "remez.hpp"

#include <cmath>
#include <numbers>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "nibble/arith/activation.hpp"
#include "nibble/arith/exp_forms.hpp"
#include "nibble/arith/log2.hpp"
#include "nibble/arith/reciprocal.hpp"

namespace nibble::remez {
namespace {

Real Exp2Of(Real x) { return std::exp2(x); }
Real RsqrtOf(Real x) { return 1 / std::sqrt(x); }

// To five digits. docs of the reference
// have 7.47812e-5, 2.59332e-6, 7.49343e-8, 1.85568e-9, 4.02073e-11
// and 7.74367e-13 from degree 3 on: minima over a grid of some hundred points,
// which are lower by up to 1e-4 of themselves.
TEST(Remez, RelativeErrorsOfExp2) {
  constexpr double kErrors[] = {2.98212e-2,  1.72476e-3, 7.47814e-5,
                                2.59337e-6,  7.49365e-8, 1.85580e-9,
                                4.02110e-11, 7.74430e-13};
  constexpr double kReference[] = {2.98212e-2,  1.72476e-3, 7.47812e-5,
                                   2.59332e-6,  7.49343e-8, 1.85568e-9,
                                   4.02073e-11, 7.74367e-13};
  for (std::size_t degree = 1; degree <= 8; ++degree) {
    const auto error =
        static_cast<double>(FitRelative(Exp2Of, degree + 1, 0, 1).error);
    EXPECT_NEAR(error / kErrors[degree - 1], 1, 5e-6) << degree;
    EXPECT_NEAR(error / kReference[degree - 1], 1, 1e-4) << degree;
    const auto centered =
        static_cast<double>(FitRelative(Exp2Of, degree + 1, -0.5, 0.5).error);
    EXPECT_NEAR(centered / error, 1, 1e-6) << degree;
  }
}

TEST(Remez, OtherPublishedErrors) {
  constexpr double kRsqrt4[] = {.0860, .0240, .00704, .00212, .000648};
  constexpr double kRsqrt2[] = {.0223, .00319, 4.79e-4, 7.40e-5};
  constexpr double kLog2[] = {.00494, 6.37e-4, 8.76e-5, 1.25e-5};
  const auto near = [](const Minimax& fit, double published) {
    EXPECT_NEAR(static_cast<double>(fit.error) / published, 1, 5e-3);
  };
  for (std::size_t i = 0; i < 5; ++i)
    near(FitRelative(RsqrtOf, i + 2, 1, 4), kRsqrt4[i]);
  for (std::size_t i = 0; i < 4; ++i)
    near(FitRelative(RsqrtOf, i + 2, 1, 2), kRsqrt2[i]);
  for (std::size_t i = 0; i < 4; ++i) {
    near(FitPolynomial([](Real x) { return std::log2(1 + x); },
                       [](Real) { return Real{1}; }, i + 3, 0, 1),
         kLog2[i]);
  }
}

// Sollya's float32 coefficients of degree 5 as published: 7.637e-8 in exact
// arithmetic.
TEST(Remez, PublishedFloatCoefficients) {
  constexpr Real kC[] = {0x1.fffffep-1, 0x1.62e4eap-1, 0x1.ebd6c4p-3,
                         0x1.c9498ep-5, 0x1.26bce2p-7, 0x1.ebaafp-10};
  Real worst = 0;
  for (int i = 0; i <= 100000; ++i) {
    const Real x = i / Real{100000};
    Real p = 0;
    for (int k = 5; k >= 0; --k) p = p * x + kC[k];
    worst = std::max(worst, std::abs(p / std::exp2(x) - 1));
  }
  EXPECT_NEAR(static_cast<double>(worst), 7.637e-8, 1e-11);
}

// Coefficients are the nearest floats to the exchange's.
void ExpectCoefficients(const Minimax& fit, const float* c, std::size_t terms) {
  ASSERT_EQ(fit.coefficients.size(), terms);
  for (std::size_t i = 0; i < terms; ++i) {
    // Extrema are found to some digits: the last place may differ.
    const auto expected = static_cast<double>(fit.coefficients[i]);
    EXPECT_NEAR(c[i], expected, std::abs(expected) * 1e-6 + 1e-9) << i;
  }
}

Real Expm1Over(Real f) {
  const Real z = f * std::numbers::ln2_v<Real>;
  const Real ratio =
      std::abs(z) < 1e-6L ? 1 + z / 2 + z * z / 6 : std::expm1(z) / z;
  return std::numbers::ln2_v<Real> * ratio;
}

TEST(Coefficients, Exp2) {
  for (std::size_t degree = 1; degree <= 5; ++degree) {
    const ExpRecipe& recipe = kExpRecipes[degree - 1];
    ExpectCoefficients(FitRelative(Exp2Of, degree + 1, -0.5, 0.5), recipe.c,
                       static_cast<std::size_t>(recipe.terms));
  }
  const ExpRecipe& six = RecipeOf(ExpForm::kPoly6);
  EXPECT_EQ(six.c[0], 1);
  ExpectCoefficients(FitRelative(Expm1Over, 6, -0.5, 0.5), six.c + 1, 6);
}

TEST(Coefficients, Log2) {
  const Real low = std::sqrt(Real{0.5}) - 1, high = std::sqrt(Real{2}) - 1;
  const auto ratio = [](Real r) {
    return std::abs(r) < 1e-6L
               ? (1 - r / 2 + r * r / 3) / std::numbers::ln2_v<Real>
               : std::log1p(r) / std::numbers::ln2_v<Real> / r;
  };
  for (std::size_t degree = 2; degree <= 8; ++degree) {
    const Log2Recipe& recipe = kLog2Recipes[degree - 2];
    Minimax fit = FitRelative(ratio, degree + 1, low, high);
    fit.coefficients[0] -= kLog2Lead;
    ExpectCoefficients(fit, recipe.c, static_cast<std::size_t>(recipe.terms));
    EXPECT_NEAR(static_cast<double>(fit.error) / kLog2Forms[degree - 2].error,
                1, degree < 7 ? 0.01 : 0.5);
  }
}

TEST(Coefficients, Reciprocals) {
  for (const auto& [recipes, lo, hi, root] :
       {std::tuple(kReciprocalRecipes, 0.271511L, 0.292969L, false),
        std::tuple(kRsqrtRecipes, 0.157348L, 0.250967L, true)}) {
    const auto target = [root = root](Real e) {
      return root ? 1 / std::sqrt(1 - e) : 1 / (1 - e);
    };
    for (std::size_t degree = 1; degree <= 3; ++degree) {
      const Minimax fit = FitRelative(target, degree + 1, lo, hi);
      for (std::size_t i = 0; i <= degree; ++i) {
        // The ends of the range have six digits here.
        EXPECT_NEAR(recipes[degree - 1].c[i],
                    static_cast<double>(fit.coefficients[i]), 1e-3);
      }
    }
  }
}

TEST(Coefficients, Expm1) {
  const auto second = [](Real r) {
    Real sum = 0, term = 0.5L;
    for (int k = 3; k < 25; ++k, term *= r / (k - 1)) sum += term;
    return sum;
  };
  const Real half = std::numbers::ln2_v<Real> / 2;
  for (const ActivationRecipe& recipe : kActivationRecipes) {
    const auto terms = static_cast<std::size_t>(recipe.expm1_terms);
    ExpectCoefficients(
        FitPolynomial(
            second, [](Real) { return Real{1}; }, terms, -half, half),
        recipe.expm1, terms);
  }
}

}  // namespace
}  // namespace nibble::remez
