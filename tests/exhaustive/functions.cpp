// Every float through every elementary function: the errors of the contracts.
// Some minutes; built and run in the long preset alone.
#include <cmath>
#include <cstdio>
#include <numbers>

#include "function_check.hpp"
#include "nibble/arith/activation.hpp"
#include "nibble/arith/exp.hpp"
#include "nibble/arith/log2.hpp"
#include "nibble/arith/reciprocal.hpp"

namespace nibble {
namespace {

using functions::kInf;

template <class Array, class Exact>
void ExpectWithin(double bound, const Array& array, const Exact& exact,
                  float low = -kInf, float high = kInf) {
  const functions::Errors worst =
      functions::Measure(array, exact, low, high, 1);
  EXPECT_LE(worst.ulps, bound) << "at " << worst.at;
  ::testing::Test::RecordProperty("ulps", std::to_string(worst.ulps));
  std::printf("%.4f ULP at %a\n", worst.ulps, worst.at);
}

TEST(Exhaustive, Exp2) {
  ExpectWithin(
      0.90, [](auto x, auto out) { Exp2(x, out); },
      [](double x) { return std::exp2(x); }, -152, 130);
}
TEST(Exhaustive, Exp) {
  ExpectWithin(
      0.96, [](auto x, auto out) { Exp(x, out); },
      [](double x) { return std::exp(x); }, -106, 90);
}
TEST(Exhaustive, Log2) {
  ExpectWithin(
      1.81, [](auto x, auto out) { Log2(x, out); },
      [](double x) { return std::log2(x); }, 0);
}
TEST(Exhaustive, Reciprocal) {
  ExpectWithin(
      0.51, [](auto x, auto out) { Reciprocal(x, out); },
      [](double x) { return 1 / x; });
}
TEST(Exhaustive, Rsqrt) {
  ExpectWithin(
      1.01, [](auto x, auto out) { Rsqrt(x, out); },
      [](double x) { return 1 / std::sqrt(x); }, 0x1p-149f);
}
TEST(Exhaustive, Sigmoid) {
  ExpectWithin(
      2.8, [](auto x, auto out) { Sigmoid(x, out); },
      [](double x) { return 1 / (1 + std::exp(-x)); });
}
TEST(Exhaustive, Silu) {
  ExpectWithin(
      3.7, [](auto x, auto out) { Silu(x, out); },
      [](double x) { return x / (1 + std::exp(-x)); }, -87);
}
TEST(Exhaustive, Tanh) {
  ExpectWithin(
      3, [](auto x, auto out) { Tanh(x, out); },
      [](double x) { return std::tanh(x); });
}
TEST(Exhaustive, Gelu) {
  ExpectWithin(
      8, [](auto x, auto out) { Gelu(x, out); },
      [](double x) { return x / 2 * std::erfc(-x / std::numbers::sqrt2); },
      -13);
}

}  // namespace
}  // namespace nibble
