// Operands of a product of bytes with edge values mixed in, and its sums by a
// plain loop.
#pragma once

#include <concepts>
#include <cstdint>
#include <random>
#include <vector>

#include "nibble/quant/dot_int8.hpp"

namespace nibble::inputs {

template <class Code>
struct Int8Case {
  std::size_t m, n, k;
  std::int32_t zero_point;
  std::vector<Code> x;
  std::vector<std::int8_t> w;
  std::vector<float> x_scales, scales;
  std::vector<std::int32_t> bias;

  Int8Case(std::size_t m_, std::size_t n_, std::size_t k_,
           std::int32_t zero = 0)
      : m(m_),
        n(n_),
        k(k_),
        zero_point(zero),
        x(m * k),
        w(n * k),
        x_scales(m),
        scales(n),
        bias(n) {
    std::mt19937 rng(static_cast<unsigned>(m * 31 + n * 7 + k));
    const auto narrow = [&] {
      static constexpr int kEdges[] = {-127, 127, -1, 0};
      return rng() % 4 == 0 ? kEdges[rng() % 4]
                            : static_cast<int>(rng() % 255) - 127;
    };
    for (auto& c : x) {
      c = static_cast<Code>(std::same_as<Code, std::int8_t> ? narrow()
                            : rng() % 4 == 0                ? 255
                                             : static_cast<int>(rng() % 256));
    }
    for (auto& c : w) c = static_cast<std::int8_t>(narrow());
    // Outputs of some hundreds, whatever k is.
    for (auto& s : x_scales) s = 0.01f + 0.001f * static_cast<float>(rng() % 9);
    for (auto& s : scales) {
      s = (0.3f + 0.1f * static_cast<float>(rng() % 7)) /
          static_cast<float>(k + 10);
    }
    for (auto& b : bias) b = static_cast<std::int32_t>(rng() % 20001) - 10000;
  }

  std::int64_t Sum(std::size_t i, std::size_t j) const {
    return DotSpec(std::span<const Code>(x).subspan(i * k, k),
                   std::span<const std::int8_t>(w).subspan(j * k, k),
                   zero_point);
  }
};

}  // namespace nibble::inputs
