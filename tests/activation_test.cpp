#include "nibble/arith/activation.hpp"

#include <cmath>
#include <numbers>
#include <vector>

#include "function_check.hpp"
#include "hwy/tests/hwy_gtest.h"

namespace nibble {
namespace {

using functions::kInf;
using functions::kNaN;
using functions::Measure;
using functions::Same;

constexpr Accuracy kAccuracies[] = {Accuracy::kBf16, Accuracy::kF16,
                                    Accuracy::kF32};
static_assert(std::size(kAccuracies) == std::size(kActivationRecipes));

static_assert(Sigmoid(0) == 0.5f && Sigmoid(100) == 1 && Sigmoid(-200) == 0);
static_assert(Silu(0) == 0 && Silu(100) == 100);
static_assert(Tanh(0) == 0 && Tanh(20) == 1 && Tanh(-20) == -1);
static_assert(Gelu(0) == 0 && Gelu(20) == 20);

double ExactSigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double ExactSilu(double x) { return x < -1e4 ? -0.0 : x / (1 + std::exp(-x)); }
double ExactGelu(double x) {
  return x < -1e4 ? -0.0 : x / 2 * std::erfc(-x / std::numbers::sqrt2);
}

TEST(ActivationSpec, Specials) {
  for (const Accuracy a : kAccuracies) {
    EXPECT_EQ(Sigmoid(kInf, a), Sigmoid(200, a));
    EXPECT_NEAR(Sigmoid(kInf, a), 1, 1.2e-4);
    EXPECT_TRUE(Same(Sigmoid(-kInf, a), 0));
    EXPECT_EQ(Silu(kInf, a), kInf);
    EXPECT_TRUE(Same(Silu(-kInf, a), -0.0f));
    EXPECT_TRUE(Same(Silu(-0.0f, a), -0.0f));
    EXPECT_TRUE(Same(Tanh(-0.0f, a), -0.0f));
    EXPECT_EQ(Tanh(kInf, a), -Tanh(-kInf, a));
    EXPECT_NEAR(Tanh(kInf, a), 1, 1.2e-4);
    EXPECT_EQ(Gelu(kInf, a), kInf);
    EXPECT_TRUE(Same(Gelu(-kInf, a), -0.0f));
    EXPECT_TRUE(Same(Gelu(-0.0f, a), -0.0f));
    for (const auto f :
         {Sigmoid(kNaN, a), Silu(kNaN, a), Tanh(kNaN, a), Gelu(kNaN, a)}) {
      EXPECT_NE(f, f);
    }
  }
  EXPECT_EQ(Sigmoid(kInf), 1);
  EXPECT_EQ(Tanh(kInf), 1);
}

// Every 2039th float of each sign; the long preset has all.
TEST(ActivationSpec, ErrorsAreThoseOfTheContract) {
  constexpr std::uint64_t kStep = 2039;
  const auto sigmoid = [](auto x, auto out) { Sigmoid(x, out); };
  const auto silu = [](auto x, auto out) { Silu(x, out); };
  const auto tanh = [](auto x, auto out) { Tanh(x, out); };
  const auto gelu = [](auto x, auto out) { Gelu(x, out); };
  EXPECT_LT(Measure(sigmoid, ExactSigmoid, -kInf, kInf, kStep).ulps, 2.8);
  EXPECT_LT(Measure(silu, ExactSilu, -87, kInf, kStep).ulps, 3.7);
  EXPECT_LT(Measure(silu, ExactSilu, -110, -87, kStep).ulps, 53);
  EXPECT_LT(Measure(
                tanh, [](double x) { return std::tanh(x); }, -kInf, kInf, kStep)
                .ulps,
            3);
  EXPECT_LT(Measure(gelu, ExactGelu, -13, kInf, kStep).ulps, 8);
}

TEST(ActivationSpec, AccuraciesHold) {
  for (const Accuracy a : {Accuracy::kBf16, Accuracy::kF16}) {
    const double bound = a == Accuracy::kBf16 ? 0x1p-9 : 0x1p-12;
    const auto error = [&](auto array, auto exact) {
      return Measure(array, exact, -87, 80, 8117).relative;
    };
    EXPECT_LT(
        error([&](auto x, auto out) { Sigmoid(x, out, a); }, ExactSigmoid),
        bound);
    EXPECT_LT(error([&](auto x, auto out) { Silu(x, out, a); }, ExactSilu),
              bound);
    EXPECT_LT(error([&](auto x, auto out) { Tanh(x, out, a); },
                    [](double x) { return std::tanh(x); }),
              bound);
    EXPECT_LT(error([&](auto x, auto out) { Gelu(x, out, a); }, ExactGelu),
              bound);
  }
}

class ActivationTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(ActivationTest);

TEST_P(ActivationTest, EveryAccuracyEqualsTheSpecification) {
  for (const Accuracy a : kAccuracies) {
    functions::ExpectSpec([&](auto x, auto out) { Sigmoid(x, out, a); },
                          [&](float x) { return Sigmoid(x, a); });
    functions::ExpectSpec([&](auto x, auto out) { Silu(x, out, a); },
                          [&](float x) { return Silu(x, a); });
    functions::ExpectSpec([&](auto x, auto out) { Tanh(x, out, a); },
                          [&](float x) { return Tanh(x, a); });
    functions::ExpectSpec([&](auto x, auto out) { Gelu(x, out, a); },
                          [&](float x) { return Gelu(x, a); });
  }
}

TEST_P(ActivationTest, RejectsWrongSizes) {
  std::vector<float> x(4, 1.0f), three(3);
  EXPECT_THROW(Sigmoid(x, three), std::invalid_argument);
  EXPECT_THROW(Silu(x, three), std::invalid_argument);
  EXPECT_THROW(Tanh(x, three), std::invalid_argument);
  EXPECT_THROW(Gelu(x, three), std::invalid_argument);
  Sigmoid(x, x);
  Silu(x, x);
  Tanh(x, x);
  Gelu(x, x);
}

}  // namespace
}  // namespace nibble
