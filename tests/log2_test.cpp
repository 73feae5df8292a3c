#include "nibble/arith/log2.hpp"

#include <cmath>
#include <vector>

#include "function_check.hpp"
#include "hwy/tests/hwy_gtest.h"

namespace nibble {
namespace {

using functions::kInf;
using functions::kNaN;

constexpr Log2Form kForms[] = {
    Log2Form::kPoly2, Log2Form::kPoly3, Log2Form::kPoly4, Log2Form::kPoly5,
    Log2Form::kPoly6, Log2Form::kPoly7, Log2Form::kPoly8};
static_assert(std::size(kForms) == std::size(kLog2Forms));
static_assert(std::size(kForms) == std::size(kLog2Recipes));

static_assert(Log2(1) == 0 && Log2(8) == 3 && Log2(0.25f) == -2);
static_assert(Log2(0x1p-149f) == -149 && Log2(0x1p127f) == 127);
static_assert(Log2(0) == -kInf && Log2(kInf) == kInf);
static_assert(Log2(4, Log2Form::kPoly2) == 2);
static_assert(Log2FormWithin(1e-3) == Log2Form::kPoly3);

TEST(Log2Spec, Specials) {
  for (const Log2Form form : kForms) {
    EXPECT_EQ(Log2(-0.0f, form), -kInf);
    for (const float x : {-1.0f, -kInf, kNaN, -0x1p-149f}) {
      EXPECT_NE(Log2(x, form), Log2(x, form));
    }
  }
}

// All floats around 1, where the result loses its integer part, and every
// 1021st positive one.
TEST(Log2Spec, ErrorsAreThoseOfTheContract) {
  const auto log2 = [](auto x, auto out) { Log2(x, out); };
  const auto exact = [](double x) { return std::log2(x); };
  EXPECT_LT(functions::Measure(log2, exact, 0.70703125f, 1.4150390625f, 1).ulps,
            1.81);
  EXPECT_LT(functions::Measure(log2, exact, 0, kInf, 1021).ulps, 1.81);
}

TEST(Log2Spec, FormsErrAsTheirTableSays) {
  for (const Log2Form form : kForms) {
    const FormInfo& info = kLog2Forms[static_cast<std::size_t>(form)];
    const double e =
        functions::Measure([&](auto x, auto out) { Log2(x, out, form); },
                           [](double x) { return std::log2(x); }, 0.70710679f,
                           1.4142135f, 1021)
            .relative;
    EXPECT_LT(e, info.error + 3 * 0x1p-24) << info.name;
    EXPECT_GT(e, 0.5 * info.error) << info.name;
  }
}

class Log2Test : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(Log2Test);

TEST_P(Log2Test, EveryFormEqualsTheSpecification) {
  for (const Log2Form form : kForms) {
    functions::ExpectSpec([&](auto x, auto out) { Log2(x, out, form); },
                          [&](float x) { return Log2(x, form); });
  }
}

TEST_P(Log2Test, RejectsWrongSizes) {
  std::vector<float> x(4, 1.0f), three(3);
  EXPECT_THROW(Log2(x, three), std::invalid_argument);
  Log2(x, x);
}

}  // namespace
}  // namespace nibble
