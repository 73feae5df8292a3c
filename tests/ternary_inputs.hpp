// Random trits and activations for the tests of ternary products.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace nibble::inputs {

inline std::vector<std::int8_t> RandomTrits(std::size_t n, unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<std::int8_t> t(n);
  for (auto& v : t) v = static_cast<std::int8_t>(rng() % 3) - 1;
  return t;
}

// Every int8, the ends more often.
inline std::vector<std::int8_t> RandomCodes(std::size_t n, unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<std::int8_t> q(n);
  for (auto& v : q) {
    const auto r = static_cast<int>(rng() >> 16);
    v = static_cast<std::int8_t>(r % 8 == 0   ? 127
                                 : r % 8 == 1 ? -128
                                              : r / 8 % 256 - 128);
  }
  return q;
}

}  // namespace nibble::inputs
