#include "nibble/quant/ternary_pack.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

#include "ternary_inputs.hpp"

namespace nibble {
namespace {

using inputs::RandomTrits;
using enum TernaryPacking;

TEST(TernaryLayout, BytesOfFiveTrits) {
  static_assert(EncodeTrits({0, 0, 0, 0, 0}) == 0);
  static_assert(EncodeTrits({1, 0, 0, 0, 0}) == 1);
  static_assert(EncodeTrits({0, 1, 0, 2, 1}) == 64 + 3 + 54);
  static_assert(EncodeTrits({0, 1, 0, 2, 2}) == 128 + 3 + 54);
  static_assert(EncodeTrits({1, 0, 1, 2, 0}) == 192);  // 1 + 9 + 54 = 64
  static_assert(EncodeTrits({1, 0, 1, 2, 1}) == 209);
  static_assert(EncodeTrits({2, 2, 2, 2, 2}) == 242);
  std::set<int> seen;
  for (int i = 0; i < 243; ++i) {
    std::array<std::uint8_t, 5> codes{};
    for (int rest = i, j = 0; j < 5; ++j, rest /= 3) {
      codes[static_cast<std::size_t>(j)] = static_cast<std::uint8_t>(rest % 3);
    }
    const std::uint8_t byte = EncodeTrits(codes);
    EXPECT_LT(byte, 243);
    EXPECT_EQ(DecodeTrits(byte), codes);
    seen.insert(byte);
  }
  EXPECT_EQ(seen.size(), 243u);
  for (int byte = 243; byte < 256; ++byte) {
    for (const int code : DecodeTrits(static_cast<std::uint8_t>(byte))) {
      EXPECT_LT(code, 3);
    }
  }
}

// Worked by hand from the picture.
TEST(TernaryLayout, Places) {
  using Place = TernaryLayout::Place;
  constexpr TernaryLayout two{kTwoBits, 33, 40, 40};
  static_assert(two.lines(0) == 3 && two.panel_bytes() == 384);
  static_assert(two.bytes() == 768);
  static_assert(two.PlaceOf(0, 0) == Place{0, 0});
  static_assert(two.PlaceOf(1, 6) == Place{4 + 2, 1});
  static_assert(two.PlaceOf(16, 15) == Place{64 + 3, 3});
  static_assert(two.PlaceOf(31, 17) == Place{128 + 64 + 60 + 1, 0});
  static_assert(two.PlaceOf(32, 39) == Place{384 + 256 + 3, 1});
  constexpr TernaryLayout three{kBase3, 1, 25, 12};
  static_assert(three.groups() == 3 && three.columns(2) == 1);
  static_assert(three.panel_bytes() == 384);
  static_assert(three.PlaceOf(0, 11) == Place{3, 2});
  static_assert(three.PlaceOf(0, 12) == Place{128, 0});
  static_assert(three.PlaceOf(0, 24) == Place{256, 0});
  static_assert(TernaryLayout{kBase3, 5, 0, 1}.bytes() == 0);
}

TEST(PackTernary, GoldenBytes) {
  // Row 0 is + + + ..., row 17 is -1 0 +1 -1 0 +1 ...
  std::vector<std::int8_t> t(18 * 20, -1);
  for (std::size_t k = 0; k < 20; ++k) {
    t[k] = 1;
    t[17 * 20 + k] = static_cast<std::int8_t>(k % 3) - 1;
  }
  const float scale = 2;
  const auto two = PackTernary(t, 18, 20, std::span(&scale, 1), kTwoBits);
  std::vector<std::uint8_t> expected(256);
  // Codes 2 everywhere; row 17: columns 0 4 8 12 are 0 1 2 0, and so on.
  const std::uint8_t row_0[] = {0xAA, 0xAA, 0xAA, 0xAA};
  const std::uint8_t row_17[] = {0x24, 0x49, 0x92, 0x24};
  const std::uint8_t row_0_next[] = {2, 2, 2, 2};  // columns 16 .. 19
  const std::uint8_t row_17_next[] = {1, 2, 0, 1};
  std::ranges::copy(row_0, expected.begin());
  std::ranges::copy(row_17, expected.begin() + 64 + 4);
  std::ranges::copy(row_0_next, expected.begin() + 128);
  std::ranges::copy(row_17_next, expected.begin() + 192 + 4);
  EXPECT_TRUE(std::ranges::equal(two.bytes, expected));

  const auto three = PackTernary(t, 18, 20, std::span(&scale, 1), kBase3);
  std::vector<std::uint8_t> base3(128);
  // 0 1 2 0 1 is 64 + 3 + 18, 1 2 0 1 2 is 128 + 1 + 6 + 27,
  // 2 0 1 2 0 is 192 + (2 + 9 + 54 - 64)
  const std::uint8_t trits_17[] = {85, 162, 193, 85};
  std::fill_n(base3.begin(), 4, std::uint8_t{242});
  std::ranges::copy(trits_17, base3.begin() + 64 + 4);
  EXPECT_TRUE(std::ranges::equal(three.bytes, base3));
}

TEST(PackTernary, RoundTripsEveryShape) {
  for (const TernaryPacking packing : {kTwoBits, kBase3}) {
    for (const std::size_t n : {1u, 15u, 16u, 17u, 32u, 33u, 70u}) {
      for (const std::size_t k : {1u, 3u, 5u, 16u, 19u, 20u, 21u, 64u, 129u}) {
        for (const std::size_t group : {0u, 1u, 7u, 16u, 32u, 200u}) {
          const auto t = RandomTrits(n * k, static_cast<unsigned>(n + k));
          const std::size_t groups = group == 0 ? 1 : (k + group - 1) / group;
          std::vector<float> scales(n * groups);
          for (std::size_t i = 0; i < scales.size(); ++i) {
            scales[i] = 1.0f + static_cast<float>(i);
          }
          const auto w = PackTernary(t, n, k, scales, packing, group);
          ASSERT_EQ(UnpackTernary(w), t) << n << "x" << k << "/" << group;
          for (std::size_t i = 0; i < scales.size(); ++i) {
            ASSERT_EQ(w.scale(i / groups, i % groups), scales[i]);
          }
        }
      }
    }
  }
}

TEST(PackTernary, EqualScalesBecomeOne) {
  const auto t = RandomTrits(3 * 40, 1);
  std::vector<float> scales(3 * 4, 0.5f);
  auto w = PackTernary(t, 3, 40, scales, kTwoBits, 10);
  EXPECT_TRUE(w.one_scale());
  EXPECT_EQ(w.layout.group, 40u);
  std::fill_n(scales.begin() + 4, 4, 0.25f);
  w = PackTernary(t, 3, 40, scales, kTwoBits, 10);
  EXPECT_EQ(w.layout.group, 40u);
  EXPECT_EQ(w.scale(0, 0), 0.5f);
  EXPECT_EQ(w.scale(1, 0), 0.25f);
  scales[11] = 3;
  w = PackTernary(t, 3, 40, scales, kTwoBits, 10);
  EXPECT_EQ(w.layout.group, 10u);
  EXPECT_EQ(w.scale(2, 3), 3.0f);
  EXPECT_EQ(UnpackTernary(w), t);
}

TEST(Ternarize, GoldenVectors) {
  const std::vector<float> d{.5f, -.5f, 1.5f, -1.5f};
  std::vector<std::int8_t> t(4);
  EXPECT_EQ(Ternarize(d, t), 1.0f);
  EXPECT_EQ(t, (std::vector<std::int8_t>{0, 0, 1, -1}));  // half to even
  const std::vector<float> e{.5f, -.5f, 1.5f, -1.5f, .4f, -.6f, 1, -2};
  t.resize(8);
  EXPECT_EQ(Ternarize(e, t), 1.0f);
  EXPECT_EQ(t, (std::vector<std::int8_t>{0, 0, 1, -1, 0, -1, 1, -1}));
  std::vector<float> zeros(5);
  t.resize(5);
  EXPECT_EQ(Ternarize(zeros, t), 1 / 1e-5f);
  EXPECT_EQ(t, std::vector<std::int8_t>(5));
}

TEST(PackTernary, TakesWhatASchemeQuantized) {
  std::vector<float> x(6 * 256);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>((i * 7919) % 2001) / 1000 - 1;
  }
  for (const char* name : {"absmean:ternary", "absmean:ternary/channel",
                           "ternary/group32", "tq2_0", "tq1_0"}) {
    const QuantizedTensor q = QuantizeTensor(ParseScheme(name), x, 6, 256);
    const TernaryMatrix w = PackTernary(q, kBase3);
    const auto t = UnpackTernary(w);
    for (std::size_t i = 0; i < t.size(); ++i) {
      ASSERT_EQ(t[i], q.codes[i] - 1) << name;
    }
    const std::size_t groups = q.scales.size() / 6;
    for (std::size_t row = 0; row < 6; ++row) {
      EXPECT_EQ(w.scale(row, 0), 1 / q.scales[row * groups]) << name;
    }
  }
  std::vector<std::int8_t> t(x.size());
  const float s = Ternarize(x, t);
  const auto w = PackTernary(x, 6, 256, kTwoBits);
  EXPECT_EQ(w.scales[0], s);
  EXPECT_EQ(UnpackTernary(w), t);
  EXPECT_THROW(
      PackTernary(QuantizeTensor(ParseScheme("int8"), x, 6, 256), kTwoBits),
      std::invalid_argument);
}

TEST(PackTernary, RefusesWrongSizesAndValues) {
  const std::vector<float> one(1), three(3);
  std::vector<std::int8_t> t(6);
  EXPECT_NO_THROW(PackTernary(t, 3, 2, one, kTwoBits));
  EXPECT_THROW(PackTernary(t, 3, 3, one, kTwoBits), std::invalid_argument);
  EXPECT_THROW(PackTernary(t, 2, 3, three, kTwoBits), std::invalid_argument);
  EXPECT_THROW(PackTernary(t, 3, 2, three, kTwoBits, 1), std::invalid_argument);
  t[5] = 2;
  EXPECT_THROW(PackTernary(t, 3, 2, one, kTwoBits), std::invalid_argument);
  t[5] = -2;
  EXPECT_THROW(PackTernary(t, 3, 2, one, kBase3), std::invalid_argument);
  EXPECT_THROW(PackTernary(three, 2, 2, kBase3), std::invalid_argument);
  EXPECT_THROW(Ternarize(three, t), std::invalid_argument);
}

}  // namespace
}  // namespace nibble
