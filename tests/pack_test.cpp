#include "nibble/quant/pack.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace nibble {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes Packed(const Bytes& codes, int bits) {
  Bytes out(PackedBytes(codes.size(), bits));
  Pack(codes, bits, out);
  return out;
}

TEST(Pack, LayoutIsThePicture) {
  EXPECT_EQ(Packed({1, 2, 3, 0}, 2), Bytes{0b00'11'10'01});
  EXPECT_EQ(Packed({0x3, 0xA, 0xF}, 4), (Bytes{0xA3, 0x0F}));
  // a = 000001, b = 100010, c = 010101, d = 111000
  EXPECT_EQ(Packed({0b000001, 0b100010, 0b010101, 0b111000}, 6),
            (Bytes{0b10'000001, 0b0101'1000, 0b111000'01}));
  EXPECT_EQ(Packed({0xFD}, 4), Bytes{0x0D});  // sign-extended -3
  Bytes five(1);
  PackBase3(Bytes{0, 1, 2, 0, 1}, five);
  EXPECT_EQ(five[0], 0 + 3 + 18 + 0 + 81);
}

TEST(Pack, ThereAndBackForEveryLength) {
  for (int bits = 1; bits <= 8; ++bits) {
    for (std::size_t n = 0; n < 70; ++n) {
      Bytes codes(n), back(n);
      for (std::size_t i = 0; i < n; ++i) {
        codes[i] =
            static_cast<std::uint8_t>((i * 167 + 13) & ((1u << bits) - 1));
      }
      const Bytes packed = Packed(codes, bits);
      ASSERT_EQ(packed.size(), (n * static_cast<std::size_t>(bits) + 7) / 8);
      Unpack(packed, bits, back);
      ASSERT_EQ(back, codes) << bits << " bits, n=" << n;
    }
  }
}

// All 243 bytes, and every length.
TEST(PackBase3, ThereAndBack) {
  for (std::uint32_t value = 0; value < 243; ++value) {
    const Bytes byte{static_cast<std::uint8_t>(value)};
    Bytes codes(5), again(1);
    UnpackBase3(byte, codes);
    PackBase3(codes, again);
    ASSERT_EQ(again, byte);
  }
  for (std::size_t n = 0; n < 30; ++n) {
    Bytes codes(n), back(n), packed(PackedBytesBase3(n));
    for (std::size_t i = 0; i < n; ++i) {
      codes[i] = static_cast<std::uint8_t>((i * 7 + n) % 3);
    }
    PackBase3(codes, packed);
    UnpackBase3(packed, back);
    ASSERT_EQ(back, codes);
  }
}

TEST(Pack, SignExtension) {
  static_assert(SignExtend(0xD, 4) == -3 && SignExtend(0x3, 4) == 3);
  static_assert(SignExtend(0b10, 2) == -2 && SignExtend(0xFF, 8) == -1);
}

TEST(Pack, WorksAtCompileTime) {
  static constexpr auto packed = [] {
    std::array<std::uint8_t, 4> codes = {3, 2, 1, 0};
    std::array<std::uint8_t, 1> out{};
    Pack(codes, 2, out);
    return out;
  }();
  static_assert(packed[0] == 0b00'01'10'11);
}

TEST(Pack, RejectsWrongSizesAndCodes) {
  Bytes codes(5), two(2), three(3);
  EXPECT_THROW(Pack(codes, 4, two), std::invalid_argument);
  EXPECT_THROW(Pack(codes, 9, two), std::invalid_argument);
  EXPECT_THROW(Unpack(two, 4, codes), std::invalid_argument);
  EXPECT_THROW(PackBase3(codes, two), std::invalid_argument);
  EXPECT_THROW(UnpackBase3(two, codes), std::invalid_argument);
  codes[4] = 3;
  EXPECT_THROW(PackBase3(codes, std::span(two).first(1)),
               std::invalid_argument);
  Pack(codes, 4, three);
}

}  // namespace
}  // namespace nibble
