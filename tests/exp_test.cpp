#include "nibble/arith/exp.hpp"

#include <cmath>
#include <vector>

#include "function_check.hpp"
#include "hwy/tests/hwy_gtest.h"

namespace nibble {
namespace {

using functions::kInf;
using functions::kNaN;

constexpr ExpForm kForms[] = {
    ExpForm::kPoly1,    ExpForm::kPoly2,    ExpForm::kPoly3,
    ExpForm::kPoly4,    ExpForm::kPoly5,    ExpForm::kPoly6,
    ExpForm::kMoebius,  ExpForm::kMoebius2, ExpForm::kMoebius4,
    ExpForm::kMoebius8, ExpForm::kCoth,     ExpForm::kCoth2};
static_assert(std::size(kForms) == std::size(kExpForms));
static_assert(std::size(kForms) == std::size(kExpRecipes));

static_assert(Exp2(0) == 1 && Exp2(3) == 8 && Exp2(-10) == 0x1p-10f);
static_assert(Exp2(-149) == 0x1p-149f && Exp2(-126) == 0x1p-126f);
static_assert(Exp2(-150.5f) == 0 && Exp2(-1000) == 0);
static_assert(Exp2(4, ExpForm::kCoth) == 16);
static_assert(Exp(0) == 1 && Exp(-1000) == 0);
static_assert(ExpFormWithin(0x1p-9) == ExpForm::kPoly2);
static_assert(ExpFormWithin(1e-4) == ExpForm::kPoly3);
static_assert(ExpFormWithin(0.1) == ExpForm::kPoly1);
static_assert(ExpFormWithin(0) == ExpForm::kPoly6);

TEST(ExpSpec, Specials) {
  for (const ExpForm form : kForms) {
    for (const float x : {128.1f, 129.0f, 1e30f, kInf}) {
      EXPECT_EQ(Exp2(x, form), kInf);
      EXPECT_EQ(Exp(x, form), kInf);
    }
    for (const float x : {-152.0f, -1e30f, -kInf}) {
      EXPECT_TRUE(functions::Same(Exp2(x, form), 0));
      EXPECT_TRUE(functions::Same(Exp(x, form), 0));
    }
    EXPECT_NE(Exp2(kNaN, form), Exp2(kNaN, form));
    EXPECT_NE(Exp(kNaN, form), Exp(kNaN, form));
  }
  EXPECT_EQ(Exp(88.72283f), std::exp(88.72283f));
  EXPECT_EQ(Exp(88.7229f), kInf);
}

// All that 24 bits can say between 1 and 2, and every 4099th float.
TEST(ExpSpec, ErrorsAreThoseOfTheContract) {
  const auto exp2 = [](auto x, auto out) { Exp2(x, out); };
  const auto exp = [](auto x, auto out) { Exp(x, out); };
  const auto exact2 = [](double x) { return std::exp2(x); };
  const auto exact = [](double x) { return std::exp(x); };
  EXPECT_LT(functions::Measure(exp2, exact2, 1, 2, 1).ulps, 0.90);
  EXPECT_LT(functions::Measure(exp, exact, 1, 2, 1).ulps, 1);
  EXPECT_LT(functions::Measure(exp2, exact2, -152, 130, 4099).ulps, 0.90);
  EXPECT_LT(functions::Measure(exp, exact, -106, 90, 4099).ulps, 1);
}

// The table's error and a few roundings, on results that are normal.
TEST(ExpSpec, FormsErrAsTheirTableSays) {
  for (const ExpForm form : kForms) {
    const FormInfo& info = kExpForms[static_cast<std::size_t>(form)];
    const int squarings = RecipeOf(form).squarings;
    const double roundings = 0x1p-24 * (3 << squarings);
    const auto error = [&](auto array, auto exact) {
      return functions::Measure(array, exact, -20, 20, 50021).relative;
    };
    const double e2 = error([&](auto x, auto out) { Exp2(x, out, form); },
                            [](double x) { return std::exp2(x); });
    const double e = error([&](auto x, auto out) { Exp(x, out, form); },
                           [](double x) { return std::exp(x); });
    EXPECT_LT(e2, info.error + roundings) << info.name;
    // The imprecise reduction: n = 29 times what ln 2 lacks of 24 bits.
    const double reduction = RecipeOf(form).precise ? 0 : 29 * 2e-9;
    EXPECT_LT(e, info.error + roundings + reduction) << info.name;
    EXPECT_GT(e2, 0.5 * info.error) << info.name;
  }
}

class ExpTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(ExpTest);

TEST_P(ExpTest, EveryFormEqualsTheSpecification) {
  for (const ExpForm form : kForms) {
    functions::ExpectSpec([&](auto x, auto out) { Exp2(x, out, form); },
                          [&](float x) { return Exp2(x, form); });
    functions::ExpectSpec([&](auto x, auto out) { Exp(x, out, form); },
                          [&](float x) { return Exp(x, form); });
  }
}

TEST_P(ExpTest, RejectsWrongSizes) {
  std::vector<float> x(4, 1.0f), three(3);
  EXPECT_THROW(Exp2(x, three), std::invalid_argument);
  EXPECT_THROW(Exp(x, three), std::invalid_argument);
  Exp2(x, x);
  Exp(x, x);
}

}  // namespace
}  // namespace nibble
