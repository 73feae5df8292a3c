// That it rounds to the nearest is in nearest_test and ml_dtypes_test.
#include "nibble/format/e8m0.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace nibble {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(E8m0, Codes0And255) {
  static_assert(E8m0::Decode(0) == 0x1p-127f);
  static_assert(E8m0::Decode(254) == 0x1p127f);
  static_assert(E8m0::Decode(255) != E8m0::Decode(255));
  static_assert(E8m0::Encode(0x1p-127f) == 0 && E8m0::Encode(0x1p-149f) == 0);
  static_assert(E8m0::Encode(kNaN) == 255);
}

TEST(E8m0, ZeroNegativeInfinityAndOverflow) {
  const Policy to_nan{.overflow = Overflow::kNaN, .infinity_saturates = false};
  for (const float x : {0.0f, -0.0f, -1.0f, -kInf}) {
    EXPECT_EQ(E8m0::Encode(x), 0u);
    EXPECT_EQ(E8m0::Encode(x, to_nan), 255u);
  }
  EXPECT_EQ(E8m0::Encode(kInf), 254u);
  EXPECT_EQ(E8m0::Encode(kInf, to_nan), 255u);
  EXPECT_EQ(E8m0::Encode(0x1.8p127f), 254u);  // the tie at 254 is even
  EXPECT_EQ(E8m0::Encode(0x1.8p127f, to_nan), 254u);
  EXPECT_EQ(E8m0::Encode(0x1.9p127f), 254u);
  EXPECT_EQ(E8m0::Encode(0x1.9p127f, to_nan), 255u);
  EXPECT_EQ(E8m0::Encode(1.5f), 128u);  // 1 is code 127, odd
  EXPECT_EQ(E8m0::Encode(3.0f), 128u);  // 2 is code 128, even
}

}  // namespace
}  // namespace nibble
