#include "nibble/arith/reciprocal.hpp"

#include <cmath>
#include <vector>

#include "function_check.hpp"
#include "hwy/tests/hwy_gtest.h"

namespace nibble {
namespace {

using functions::kInf;
using functions::kNaN;
using functions::Same;

constexpr ReciprocalForm kForms[] = {
    ReciprocalForm::kPoly1, ReciprocalForm::kPoly2, ReciprocalForm::kPoly3,
    ReciprocalForm::kNewton};
static_assert(std::size(kForms) == std::size(kReciprocalForms));
static_assert(std::size(kForms) == std::size(kRsqrtForms));

static_assert(Reciprocal(1) == 1 && Reciprocal(-4) == -0.25f);
static_assert(Reciprocal(3) == 1.0f / 3);
static_assert(Reciprocal(0x1p126f) == 0x1p-126f);
static_assert(Reciprocal(0) == kInf && Reciprocal(-0.0f) == -kInf);
static_assert(Rsqrt(1) == 1 && Rsqrt(0.25f) == 2 &&
              Rsqrt(0x1p126f) == 0x1p-63f);
static_assert(Rsqrt(0x1p-148f) == 0x1p74f);
static_assert(Rsqrt(0) == kInf && Rsqrt(-0.0f) == -kInf && Rsqrt(kInf) == 0);
static_assert(ReciprocalFormWithin(0x1p-9) == ReciprocalForm::kPoly1);
static_assert(RsqrtFormWithin(1e-5) == ReciprocalForm::kPoly3);

TEST(ReciprocalSpec, Specials) {
  for (const ReciprocalForm form : kForms) {
    EXPECT_TRUE(Same(Reciprocal(kInf, form), 0));
    EXPECT_TRUE(Same(Reciprocal(-kInf, form), -0.0f));
    EXPECT_EQ(Reciprocal(0x1p-149f, form), kInf);
    EXPECT_EQ(Reciprocal(3.0e38f, form), 1 / 3.0e38f);  // subnormal
    for (const float x : {-1.0f, -kInf, kNaN, -0x1p-149f}) {
      EXPECT_NE(Rsqrt(x, form), Rsqrt(x, form));
    }
    EXPECT_NE(Reciprocal(kNaN, form), Reciprocal(kNaN, form));
  }
}

// Both functions repeat by octaves (Rsqrt by two): all floats of [1, 2) and of
// [1, 4), and every 4099th float for the ends of the range.
TEST(ReciprocalSpec, ErrorsAreThoseOfTheContract) {
  const auto reciprocal = [](auto x, auto out) { Reciprocal(x, out); };
  const auto rsqrt = [](auto x, auto out) { Rsqrt(x, out); };
  const auto exact = [](double x) { return 1 / x; };
  const auto exact_root = [](double x) { return 1 / std::sqrt(x); };
  EXPECT_LT(functions::Measure(reciprocal, exact, 1, 2, 1).ulps, 0.51);
  EXPECT_LT(functions::Measure(rsqrt, exact_root, 1, 4, 1).ulps, 1.01);
  EXPECT_LT(functions::Measure(reciprocal, exact, -kInf, kInf, 4099).ulps,
            0.51);
  EXPECT_LT(functions::Measure(rsqrt, exact_root, 0x1p-149f, kInf, 4099).ulps,
            1.01);
}

TEST(ReciprocalSpec, FormsErrAsTheirTableSays) {
  for (const ReciprocalForm form : kForms) {
    const auto i = static_cast<std::size_t>(form);
    const double e =
        functions::Measure([&](auto x, auto out) { Reciprocal(x, out, form); },
                           [](double x) { return 1 / x; }, 1, 2, 127)
            .relative;
    EXPECT_LT(e, kReciprocalForms[i].error + 3 * 0x1p-24) << i;
    EXPECT_GT(e, 0.5 * kReciprocalForms[i].error) << i;
    const double root =
        functions::Measure([&](auto x, auto out) { Rsqrt(x, out, form); },
                           [](double x) { return 1 / std::sqrt(x); }, 1, 4, 127)
            .relative;
    EXPECT_LT(root, kRsqrtForms[i].error + 3 * 0x1p-24) << i;
    EXPECT_GT(root, 0.5 * kRsqrtForms[i].error) << i;
  }
}

class ReciprocalTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(ReciprocalTest);

TEST_P(ReciprocalTest, EveryFormEqualsTheSpecification) {
  for (const ReciprocalForm form : kForms) {
    functions::ExpectSpec([&](auto x, auto out) { Reciprocal(x, out, form); },
                          [&](float x) { return Reciprocal(x, form); });
    functions::ExpectSpec([&](auto x, auto out) { Rsqrt(x, out, form); },
                          [&](float x) { return Rsqrt(x, form); });
  }
}

TEST_P(ReciprocalTest, RejectsWrongSizes) {
  std::vector<float> x(4, 1.0f), three(3);
  EXPECT_THROW(Reciprocal(x, three), std::invalid_argument);
  EXPECT_THROW(Rsqrt(x, three), std::invalid_argument);
  Reciprocal(x, x);
  Rsqrt(x, x);
}

}  // namespace
}  // namespace nibble
