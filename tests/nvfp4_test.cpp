#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "nibble/format/block.hpp"

namespace nibble {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Nvfp4, ScalesByTheirRule) {
  // Largest magnitude 2688 = 6 * 448: every scale is exact.
  EXPECT_EQ(Nvfp4::TensorScale(2688), 1);
  EXPECT_EQ(Nvfp4::TensorScale(0), 1);
  EXPECT_GT(Nvfp4::TensorScale(PowerOfTwo(-149)), 0);
  std::array<float, 16> x{};
  x[0] = 2688;
  x[1] = -1344;
  x[2] = 112;  // a quarter of the step 448: a tie between 0 and 0.5
  x[3] = 113;
  std::array<std::uint8_t, 16> codes{};
  std::array<float, 16> out{};
  EXPECT_EQ(Nvfp4::Encode(x, 1, codes), 0x7E);
  Nvfp4::Decode(0x7E, 1, codes, out);
  EXPECT_EQ(out[0], 2688);
  EXPECT_EQ(out[1], -1344);
  EXPECT_EQ(out[2], 0);
  EXPECT_EQ(out[3], 224);
}

// Against the definition in doubles: the scale is the E4M3 value nearest to
// amax / 6 / tensor, the element the E2M1 value nearest to x / step.
TEST(Nvfp4, EveryElementIsNearest) {
  std::uint32_t state = 7;
  const auto uniform = [&state] {
    state = state * 1664525u + 1013904223u;
    return static_cast<float>(state >> 8) * 0x1p-23f - 1;
  };
  const float tensor = Nvfp4::TensorScale(100);
  for (int trial = 0; trial < 2000; ++trial) {
    std::array<float, 16> x{};
    const float size = std::ldexp(1.0f, trial % 12 - 5);
    for (float& v : x) v = uniform() * size;
    std::array<std::uint8_t, 16> codes{};
    std::array<float, 16> out{};
    const auto scale = Nvfp4::Encode(x, tensor, codes);
    Nvfp4::Decode(scale, tensor, codes, out);
    const double wanted = LargestFinite(x) / 6.0 / tensor;
    for (std::uint32_t other = 0; other < 0x7F; ++other) {
      ASSERT_LE(std::abs(Fp8E4m3::Decode(scale) - wanted),
                std::abs(Fp8E4m3::Decode(other) - wanted) + 1e-6 * wanted);
    }
    const double step = static_cast<double>(Fp8E4m3::Decode(scale)) * tensor;
    for (std::size_t i = 0; i < 16; ++i) {
      for (std::uint32_t code = 0; code < 16; ++code) {
        const double candidate = Fp4E2m1::Decode(code) * step;
        ASSERT_LE(std::abs(out[i] - x[i]),
                  std::abs(candidate - x[i]) + 1e-6 * step);
      }
    }
  }
}

TEST(Nvfp4, ZeroBlockAndBlockTooSmallForItsScale) {
  std::array<float, 16> x{};
  std::array<std::uint8_t, 16> codes{};
  std::array<float, 16> out{};
  EXPECT_EQ(Nvfp4::Encode(x, Nvfp4::TensorScale(0), codes), 0);
  for (const auto code : codes) EXPECT_EQ(code, 0);
  x[3] = -1e-6f;
  x[4] = 1e-6f;
  EXPECT_EQ(Nvfp4::Encode(x, 1, codes), 0);
  Nvfp4::Decode(0, 1, codes, out);
  for (const float v : out) EXPECT_EQ(v, 0);
}

TEST(Nvfp4, NaNAndInfinityInABlock) {
  std::array<float, 16> x{};
  x[0] = 6;
  x[1] = kNaN;
  x[2] = -kInf;
  std::array<std::uint8_t, 16> codes{};
  EXPECT_EQ(Nvfp4::Encode(x, 1, codes), 0x38);  // 1
  EXPECT_EQ(codes[0], 7);
  EXPECT_EQ(codes[1], 0);
  EXPECT_EQ(codes[2], 15);
}

}  // namespace
}  // namespace nibble
