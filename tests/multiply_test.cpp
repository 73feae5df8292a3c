#include "nibble/arith/multiply.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "arith_inputs.hpp"
#include "hwy/tests/hwy_gtest.h"

namespace nibble {
namespace {

using Sizes = std::vector<std::size_t>;

class MultiplyTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(MultiplyTest);

TEST_P(MultiplyTest, EqualsTheSpecificationBitForBit) {
  std::mt19937 rng(1);
  for (const char* name : inputs::kFloatMultipliers) {
    const Multiplier multiplier = ParseMultiplier(name);
    for (const std::size_t n :
         Sizes{0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 97, 3000}) {
      std::vector<float> x(n), w(n), out(n + 1, 42.0f);
      for (float& v : x) v = inputs::AnyFloat(rng);
      for (float& v : w) v = inputs::AnyFloat(rng);
      Multiply(multiplier, x, w, std::span(out).first(n));
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_PRED2(inputs::SameBits, out[i], multiplier(x[i], w[i]))
            << name << " n=" << n << " i=" << i << std::hexfloat
            << " x=" << x[i] << " w=" << w[i];
      }
      EXPECT_EQ(out[n], 42.0f) << "wrote past the end, n=" << n;
    }
  }
}

TEST_P(MultiplyTest, WorksInPlace) {
  std::vector<float> x(33, 1.25f);
  LMul(x, x, x);
  for (const float v : x) EXPECT_EQ(v, 1.5625f);
}

TEST_P(MultiplyTest, RejectsUnequalSizesAndBytes) {
  std::vector<float> three(3), four(4);
  EXPECT_THROW(LMul(three, four, three), std::invalid_argument);
  EXPECT_THROW(LMul(three, three, four), std::invalid_argument);
  EXPECT_THROW(Multiply(ParseMultiplier("truncated"), three, three, three),
               std::invalid_argument);
  LMul(three, three, three);
}

}  // namespace
}  // namespace nibble
