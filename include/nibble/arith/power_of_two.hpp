// Weights that make a product a shift, or two: powers of two, and sums of a few
// of them (additive powers of two). The weight is rounded, the product is exact
// (a float multiplication); x is the first operand, the weight the second.
//
// Source   Li, Dong, Wang, "Additive Powers-of-Two Quantization",
//          arXiv:1909.13144, and its code yhhhli/APoT_Quantization.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/arith/operand.hpp"
#include "nibble/core/check.hpp"

namespace nibble {

// The power of two nearest to w: by difference (1.5 is the middle between 1 and
// 2), or by ratio (sqrt(2) is). A tie goes up.
//
// Range    0, subnormals: 0. Infinity and NaN (7FC00000) stay; no finite number
//          becomes infinite.
// Error    relative: by difference at most 1/3, mean magnitude 0.16990 on
//          uniform mantissas; by ratio sqrt(2) - 1, mean magnitude 0.17500.
constexpr float NearestPowerOfTwo(float w, bool by_ratio = false) {
  const float prepared = PrepareOperand(w, {});
  const auto bits = std::bit_cast<std::uint32_t>(prepared);
  if ((bits & ~kSignBit) >= kInfinityBits) return prepared;
  // Mantissa bits of 1.5, and of the least float above sqrt(2).
  const std::uint32_t middle = by_ratio ? 0x003504F4u : 0x00400000u;
  const bool up =
      (bits & 0x007FFFFFu) >= middle && (bits & kInfinityBits) != 0x7F000000u;
  return std::bit_cast<float>((bits & 0xFF800000u) + (up ? 0x00800000u : 0));
}

// The levels of additive powers of two of b bits, for magnitudes: all sums of
// one term of each set, from small to large.
//
//     b = 2   {0, 2^-1, 2^-2, 2^-3}
//     b = 3   {0, 2^-1, 2^-2, 2^-4} + {0, 2^-3}
//     b = 4   {0, 2^-1, 2^-3, 2^-5} + {0, 2^-2, 2^-4, 2^-6}
//     b = 5   {0, 2^-1, 2^-3, 2^-6} + {0, 2^-2, 2^-4, 2^-7} + {0, 2^-5}
//     b = 6   {0, 2^-1, 2^-4, 2^-7} + {0, 2^-2, 2^-5, 2^-8} +
//             {0, 2^-3, 2^-6, 2^-9}
struct ApotLevels {
  std::array<float, 64> values = {};
  std::size_t count = 0;

  constexpr float max() const { return values[count - 1]; }
};

inline constexpr int kApotMin = 2;
inline constexpr int kApotMax = 6;

constexpr ApotLevels MakeApotLevels(int b) {
  NIBBLE_CHECK("MakeApotLevels", b >= kApotMin && b <= kApotMax);
  // Exponents of the terms, negated; 0 ends a set.
  constexpr int kSets[][3][4] = {
      {{1, 2, 3}},
      {{1, 2, 4}, {3}},
      {{1, 3, 5}, {2, 4, 6}},
      {{1, 3, 6}, {2, 4, 7}, {5}},
      {{1, 4, 7}, {2, 5, 8}, {3, 6, 9}},
  };
  ApotLevels levels;
  levels.count = 1;  // zero
  for (const auto& set : kSets[b - kApotMin]) {
    const std::size_t before = levels.count;
    for (const int exponent : set) {
      if (exponent == 0) break;
      const float term = 1.0f / static_cast<float>(1 << exponent);
      for (std::size_t i = 0; i < before; ++i) {
        levels.values[levels.count++] = levels.values[i] + term;
      }
    }
  }
  std::sort(levels.values.begin(), levels.values.begin() + levels.count);
  return levels;
}

// The unit in which a group of weights is rounded, so that its largest
// magnitude is the largest level: absmax / levels.max(); 1 for zeros.
constexpr float ApotUnit(float absmax, const ApotLevels& levels) {
  const float unit = absmax / levels.max();
  return unit > 0x1p-126f ? unit : 1.0f;
}

// The level nearest to |w| / unit, times unit, with the sign of w. The quotient
// and the product are float32 operations; a tie goes to the smaller level.
//
// Range    saturates at the largest level; NaN stays (7FC00000).
constexpr float NearestApot(float w, float unit, const ApotLevels& levels) {
  const float prepared = PrepareOperand(w, {});
  const auto bits = std::bit_cast<std::uint32_t>(prepared);
  if ((bits & ~kSignBit) > kInfinityBits) return prepared;
  const float ratio = std::bit_cast<float>(bits & ~kSignBit) / unit;
  std::size_t i = 0;
  while (i + 1 < levels.count &&
         ratio > (levels.values[i] + levels.values[i + 1]) / 2) {
    ++i;
  }
  const float level = levels.values[i] * unit;
  return (bits & kSignBit) != 0 ? -level : level;
}

}  // namespace nibble
