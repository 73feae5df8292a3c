// Random bits by counter: word i of a seed's stream is a pure function of
// (seed, i), so threads and vectors draw the same bits in any order.
//
// Source   Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers:
//          as easy as 1, 2, 3", SC 2011. Ten rounds pass BigCrush there.
#pragma once

#include <array>
#include <cstdint>

namespace nibble {

// Four words of random bits: the counter enciphered under the key.
//
// One round, with 64-bit products p0 = c0 * M0 and p1 = c2 * M1:
//     c = {hi(p1) ^ c1 ^ k0, lo(p1), hi(p0) ^ c3 ^ k1, lo(p0)}
// and k0, k1 grow by a constant between rounds.
constexpr std::array<std::uint32_t, 4> Philox(
    std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(p0)};
    key[0] += 0x9E3779B9;  // golden ratio
    key[1] += 0xBB67AE85;  // sqrt(3) - 1
  }
  return counter;
}

// 32 random bits: word index % 4 of block index / 4 in the stream of `seed`.
// Whoever needs four at once calls Philox({lo, hi of index / 4, 0, 0}, {lo, hi
// of seed}) himself and gets the same words.
constexpr std::uint32_t RandomBits(std::uint64_t seed, std::uint64_t index) {
  const std::uint64_t block = index / 4;
  return Philox({static_cast<std::uint32_t>(block),
                 static_cast<std::uint32_t>(block >> 32), 0, 0},
                {static_cast<std::uint32_t>(seed),
                 static_cast<std::uint32_t>(seed >> 32)})[index % 4];
}

}  // namespace nibble
