#include "nibble/arith/fma.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "gtest/gtest.h"

namespace nibble {
namespace {

// Ties and near-ties that two roundings get wrong.
static_assert(Fma(0x1.000002p0f, 0x1.000002p0f, 0) == 0x1.000004p0f);
static_assert(Fma(0x1.8p-24f, 1, 1) == 0x1.000002p0f);
static_assert(Fma(0x1p-24f, 1, 1) == 1);  // tie: to even
static_assert(Fma(0x1p-24f, 0x1.000002p0f, 1) == 0x1.000002p0f);  // above it
static_assert(Fma(0x1p-24f, 0x1.fffffep-1f, 1) == 1);             // below it
static_assert(Fma(0x1p-24f, 0x1.000002p0f, 0x1.000002p0f) == 0x1.000004p0f);
static_assert(Fma(-0x1p-60f, 0x1p-60f, 0x1.000002p0f) == 0x1.000002p0f);
static_assert(Fma(3, 5, -15) == 0);

// At run time it is the library's, which the kernels are compared with; here
// the constant path is held against it through a table made at compile time.
struct Case {
  float a, b, c, expected;
};
template <std::uint32_t kSeed>
consteval auto Cases() {
  std::array<Case, 400> cases{};
  std::uint32_t state = kSeed;
  const auto draw = [&](int low, std::uint32_t range) {
    state = state * 1664525 + 1013904223;
    const std::uint32_t exponent =
        static_cast<std::uint32_t>(127 + low) + (state >> 8) % range;
    state = state * 1664525 + 1013904223;
    // Few bits set make ties likely.
    const std::uint32_t mantissa = (state >> 4) & (state >> 9) & 0x7FFFFF;
    return std::bit_cast<float>((state & 0x80000000) | exponent << 23 |
                                mantissa);
  };
  for (Case& k : cases) {
    k = {draw(-30, 40), draw(-30, 40), draw(-40, 60), 0};
    k.expected = Fma(k.a, k.b, k.c);
  }
  return cases;
}

TEST(Fma, ConstantsEqualTheLibrary) {
  static constexpr auto kCases = Cases<1>();
  static constexpr auto kMore = Cases<77>();
  int differ = 0;
  for (const auto& cases : {kCases, kMore}) {
    for (const Case& k : cases) {
      ASSERT_EQ(k.expected, std::fma(k.a, k.b, k.c))
          << k.a << " " << k.b << " " << k.c;
      differ += k.expected != k.a * k.b + k.c ? 1 : 0;
    }
  }
  EXPECT_GT(differ, 20);  // a product of its own rounding is seen
}

}  // namespace
}  // namespace nibble
