#include "nibble/quant/stats.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace nibble {
namespace {

using Floats = std::vector<float>;

TEST(Stats, ByHand) {
  const ErrorStats s = Compare(Floats{3, 4}, Floats{3, 3}, 1);
  EXPECT_DOUBLE_EQ(s.sqnr_db, 10 * std::log10(25.0));
  EXPECT_DOUBLE_EQ(s.cosine, 21 / (5 * std::sqrt(18.0)));
  EXPECT_DOUBLE_EQ(s.max_error, 1);
  EXPECT_DOUBLE_EQ(s.mse, 0.5);
  EXPECT_DOUBLE_EQ(s.saturated_share, 0.5);
}

TEST(Stats, EdgesHaveAnswers) {
  const ErrorStats same = Compare(Floats{1, -2}, Floats{1, -2});
  EXPECT_TRUE(std::isinf(same.sqnr_db));
  EXPECT_DOUBLE_EQ(same.cosine, 1);
  EXPECT_EQ(Compare(Floats{1, -2}, Floats{0, 0}).sqnr_db, 0);
  EXPECT_EQ(Compare(Floats{1, -2}, Floats{0, 0}).cosine, 0);
  EXPECT_EQ(Compare(Floats{0, 0}, Floats{0, 0}).cosine, 1);
  EXPECT_TRUE(std::isinf(Compare({}, {}).sqnr_db));
  EXPECT_EQ(Compare({}, {}).mse, 0);
}

// 3e38 squared is no float; the sums are doubles.
TEST(Stats, LargeAndSmallValuesNeitherOverflowNorVanish) {
  EXPECT_NEAR(Compare(Floats{3e38f}, Floats{2.7e38f}).sqnr_db, 20, 1e-5);
  EXPECT_NEAR(Compare(Floats{3e-30f}, Floats{2.7e-30f}).sqnr_db, 20, 1e-5);
  EXPECT_NEAR(Compare(Floats{3e38f}, Floats{2.7e38f}).cosine, 1, 1e-15);
}

TEST(Stats, LeavesOutWhatIsNotFinite) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const ErrorStats s = Compare(Floats{1, inf, nan, 2}, Floats{1, 5, 0, 1});
  EXPECT_DOUBLE_EQ(s.mse, 0.5);
  EXPECT_DOUBLE_EQ(s.max_error, 1);
}

TEST(Stats, RejectsUnequalSizes) {
  EXPECT_THROW(Compare(Floats(2), Floats(3)), std::invalid_argument);
}

}  // namespace
}  // namespace nibble
