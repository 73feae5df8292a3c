#include "nibble/quant/packed_int8.hpp"

#include <random>
#include <vector>

#include "hwy/tests/hwy_gtest.h"

namespace nibble {
namespace {

class PackedInt8Test : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(PackedInt8Test);

TEST(PackedInt8Spec, WhereWeightsLie) {
  static_assert(PackedInt8Bytes(1, 1) == 128 && PackedInt8Bytes(32, 4) == 128);
  static_assert(PackedInt8Bytes(33, 5) == 512);
  static_assert(PackedInt8Index(0, 3, 8) == 3);
  static_assert(PackedInt8Index(1, 0, 8) == 4);
  static_assert(PackedInt8Index(15, 3, 8) == 63);
  static_assert(PackedInt8Index(16, 0, 8) == 64);
  static_assert(PackedInt8Index(0, 4, 8) == 128);
  static_assert(PackedInt8Index(32, 0, 8) == 256);
}

// 17 outputs of 5 k's, w[n, k] = n + 20 k; all 256 bytes.
TEST_P(PackedInt8Test, GoldenBytes) {
  std::vector<std::int8_t> w(17 * 5);
  for (std::size_t i = 0; i < w.size(); ++i) {
    w[i] = static_cast<std::int8_t>(i / 5 + 20 * (i % 5));
  }
  const PackedInt8 packed = PackInt8({w, 17, 5});
  const std::vector<int> golden = {
      // outputs 0 to 15, k 0 to 3
      0, 20, 40, 60, 1, 21, 41, 61, 2, 22, 42, 62, 3, 23, 43, 63,        //
      4, 24, 44, 64, 5, 25, 45, 65, 6, 26, 46, 66, 7, 27, 47, 67,        //
      8, 28, 48, 68, 9, 29, 49, 69, 10, 30, 50, 70, 11, 31, 51, 71,      //
      12, 32, 52, 72, 13, 33, 53, 73, 14, 34, 54, 74, 15, 35, 55, 75,    //
      // output 16, and none
      16, 36, 56, 76, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                //
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                    //
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                    //
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                    //
      // outputs 0 to 15, k 4
      80, 0, 0, 0, 81, 0, 0, 0, 82, 0, 0, 0, 83, 0, 0, 0,                //
      84, 0, 0, 0, 85, 0, 0, 0, 86, 0, 0, 0, 87, 0, 0, 0,                //
      88, 0, 0, 0, 89, 0, 0, 0, 90, 0, 0, 0, 91, 0, 0, 0,                //
      92, 0, 0, 0, 93, 0, 0, 0, 94, 0, 0, 0, 95, 0, 0, 0,                //
      // output 16, k 4
      96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                   //
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                    //
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                    //
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  ASSERT_EQ(packed.codes().size(), golden.size());
  for (std::size_t i = 0; i < golden.size(); ++i) {
    ASSERT_EQ(packed.codes()[i], golden[i]) << i;
  }
  ASSERT_EQ(packed.sums().size(), 32u);
  EXPECT_EQ(packed.sums()[0], 200);
  EXPECT_EQ(packed.sums()[16], 280);
  EXPECT_EQ(packed.sums()[17], 0);
}

TEST_P(PackedInt8Test, EqualsTheSpecification) {
  std::mt19937 rng(1);
  for (const std::size_t n : {1, 3, 4, 31, 32, 33, 65}) {
    for (const std::size_t k : {1, 3, 4, 15, 16, 17, 63, 64, 255, 256, 259}) {
      std::vector<std::int8_t> w(n * k);
      for (auto& c : w) {
        c = static_cast<std::int8_t>(static_cast<int>(rng() % 255) - 127);
      }
      const PackedInt8 packed = PackInt8({w, n, k});
      ASSERT_EQ(packed.n(), n);
      ASSERT_EQ(packed.k(), k);
      std::vector<std::int8_t> codes(PackedInt8Bytes(n, k));
      std::vector<std::int32_t> sums((n + 31) / 32 * 32);
      for (std::size_t i = 0; i < n * k; ++i) {
        codes[PackedInt8Index(i / k, i % k, k)] = w[i];
        sums[i / k] += w[i];
      }
      ASSERT_TRUE(std::ranges::equal(packed.codes(), codes)) << n << " " << k;
      ASSERT_TRUE(std::ranges::equal(packed.sums(), sums)) << n << " " << k;
    }
  }
}

TEST_P(PackedInt8Test, RefusesWhatItCannotPack) {
  std::vector<std::int8_t> w(6 * 7, 1);
  EXPECT_THROW(PackInt8({w, 6, 8}), std::invalid_argument);
  EXPECT_THROW(PackInt8({w, 7, 7}), std::invalid_argument);
  EXPECT_THROW(PackInt8({{}, 0, 7}), std::invalid_argument);
  EXPECT_THROW(PackInt8({{}, 7, 0}), std::invalid_argument);
  EXPECT_THROW(PackInt8({w, 1, std::size_t{1} << 24}), std::invalid_argument);
  const std::span<const std::int8_t> null(static_cast<std::int8_t*>(nullptr),
                                          42);
  EXPECT_THROW(PackInt8({null, 6, 7}), std::invalid_argument);
  for (std::size_t i = 0; i < w.size(); ++i) {
    w[i] = -128;
    EXPECT_THROW(PackInt8({w, 6, 7}), std::invalid_argument) << i;
    w[i] = -127;
  }
  PackInt8({w, 6, 7});
}

}  // namespace
}  // namespace nibble
