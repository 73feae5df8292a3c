#include "nibble/quant/dot_int8.hpp"

#include <random>
#include <vector>

#include "hwy/tests/hwy_gtest.h"

namespace nibble {
namespace {

class DotInt8Test : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(DotInt8Test);

TEST(DotInt8Spec, GoldenValues) {
  static constexpr std::int8_t x[] = {127, -127, 3, 0};
  static constexpr std::int8_t w[] = {127, 127, -2, 99};
  static constexpr std::uint8_t u[] = {255, 0, 7, 128};
  static_assert(DotSpec<std::int8_t>(x, w) == -6);
  static_assert(DotSpec<std::uint8_t>(u, w) == 32385 - 14 + 12672);
  static_assert(DotSpec<std::uint8_t>(u, w, 128) == 16129 - 16256 + 242);
}

template <class Code>
void ExpectSpec(const std::vector<Code>& x, const std::vector<std::int8_t>& w) {
  for (const std::int32_t zero : {0, 1, 128, 255}) {
    ASSERT_EQ(DotInt8<Code>(x, w, zero), DotSpec<Code>(x, w, zero))
        << x.size() << " zero " << zero;
  }
}

// Every size around the vectors' lengths; all 256 codes of either side.
TEST_P(DotInt8Test, EqualsTheSpecification) {
  std::mt19937 rng(1);
  for (std::size_t k = 0; k < 300; k += k < 140 ? 1 : 37) {
    std::vector<std::int8_t> x(k), w(k);
    std::vector<std::uint8_t> u(k);
    for (std::size_t i = 0; i < k; ++i) {
      x[i] = static_cast<std::int8_t>(rng());
      u[i] = static_cast<std::uint8_t>(rng());
      w[i] = static_cast<std::int8_t>(rng());
    }
    ExpectSpec(x, w);
    ExpectSpec(u, w);
  }
}

// Nothing saturates and nothing wraps: the largest products of one sign, up to
// a million of them.
TEST_P(DotInt8Test, LargestSums) {
  for (const std::size_t k : {2u, 64u, 32768u, 32769u, 66311u, 66312u, 133144u,
                              133145u, 1000000u}) {
    for (const int xs : {127, -127, -128}) {
      for (const int ws : {127, -127, -128}) {
        const std::vector<std::int8_t> x(k, static_cast<std::int8_t>(xs));
        const std::vector<std::int8_t> w(k, static_cast<std::int8_t>(ws));
        const std::vector<std::uint8_t> u(k, 255);
        const auto n = static_cast<std::int64_t>(k);
        ASSERT_EQ(DotInt8<std::int8_t>(x, w), n * xs * ws) << k;
        ASSERT_EQ(DotInt8<std::uint8_t>(u, w), n * 255 * ws) << k;
        ASSERT_EQ(DotInt8<std::uint8_t>(u, w, 255), 0) << k;
      }
    }
  }
}

TEST_P(DotInt8Test, RefusesWhatDisagrees) {
  const std::vector<std::int8_t> three(3), four(4);
  EXPECT_THROW(DotInt8<std::int8_t>(three, four), std::invalid_argument);
  EXPECT_THROW(DotInt8<std::int8_t>(four, four, 256), std::invalid_argument);
  EXPECT_THROW(DotInt8<std::int8_t>(four, four, -1), std::invalid_argument);
  const std::span<const std::int8_t> null(static_cast<std::int8_t*>(nullptr),
                                          4);
  EXPECT_THROW(DotInt8<std::int8_t>(four, null), std::invalid_argument);
  EXPECT_EQ(DotInt8<std::int8_t>(four, four, 255), 0);
}

}  // namespace
}  // namespace nibble
