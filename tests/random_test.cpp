#include "nibble/core/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstdint>

namespace nibble {
namespace {

using Four = std::array<std::uint32_t, 4>;

// The known-answer vectors that the authors publish with Random123
// (kat_vectors, philox4x32-10): counters and keys of zeros, ones, and pi.
TEST(Philox, KnownAnswers) {
  static_assert(Philox({0, 0, 0, 0}, {0, 0}) ==
                Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  static_assert(Philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                       {0xffffffff, 0xffffffff}) ==
                Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  static_assert(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}) ==
                Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST(RandomBits, IsAWordOfTheBlockThatTheContractNames) {
  constexpr std::uint64_t kSeed = 0x123456789ABCDEF0u;
  for (const std::uint64_t index :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{7},
        std::uint64_t{1} << 34, 0xFFFFFFFFFFFFFFFFu}) {
    const std::uint64_t block = index / 4;
    const Four words = Philox({static_cast<std::uint32_t>(block),
                               static_cast<std::uint32_t>(block >> 32), 0, 0},
                              {0x9ABCDEF0u, 0x12345678u});
    EXPECT_EQ(RandomBits(kSeed, index), words[index % 4]) << index;
  }
}

// Each bit is set in half of the words: of 2^16 draws within five standard
// deviations (128 each).
TEST(RandomBits, EveryBitIsFair) {
  std::array<int, 32> ones{};
  for (std::uint64_t i = 0; i < 65536; ++i) {
    const std::uint32_t r = RandomBits(42, i);
    for (unsigned b = 0; b < 32; ++b) ones[b] += (r >> b) & 1;
  }
  for (const int count : ones) EXPECT_NEAR(count, 32768, 640);
}

}  // namespace
}  // namespace nibble
