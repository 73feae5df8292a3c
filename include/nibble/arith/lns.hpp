// Logarithmic number system with g fraction bits: values are 2^(q / 2^g), and a
// product is the sum of two q. All error is in the conversion.
//
// An encoding looks like a float with a mantissa of g bits, in which the
// mantissa is the fraction of the logarithm; so the sum is the one of
// Mitchell's product, and a table of 2^g entries makes it a float again:
//
//     [s|eeeeeeee|ff..f 0..0]     2^(e - 127 + f / 2^g)
//
// Source   Zhao et al., "LNS-Madam", IEEE Trans. Computers 71(12), 2022.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "nibble/arith/lmul.hpp"
#include "nibble/core/check.hpp"

namespace nibble {

inline constexpr int kLnsMax = 8;

// Square root to within a rounding or two, by Newton's method from above.
//
// Domain   1 <= x <= 2.
constexpr double RootOf(double x) {
  double root = 1.5;
  for (int i = 0; i < 8; ++i) root = (root + x / root) / 2;
  return root;
}

// 2^(i / 512) for i = 0 .. 511, to 2^-49: products of repeated roots of two.
constexpr std::array<double, 512> MakePowersOfRoot() {
  double roots[9] = {};  // 2^(1/2), 2^(1/4), ...
  double root = 2;
  for (double& r : roots) r = root = RootOf(root);
  std::array<double, 512> powers = {};
  for (std::size_t i = 0; i < powers.size(); ++i) {
    powers[i] = 1;
    for (std::size_t bit = 0; bit < 9; ++bit) {
      if ((i >> (8 - bit) & 1) != 0) powers[i] *= roots[bit];
    }
  }
  return powers;
}

// What encodes and decodes: mantissas of floats, in units of 2^-23.
struct LnsTables {
  // values[f]: that of 2^(f / 2^g), rounded to the nearest.
  std::array<std::uint32_t, 256> values = {};
  // thresholds[f]: the least mantissa whose logarithm is nearer to f + 1 than
  // to f: from 2^((f + 1/2) / 2^g) on, which is irrational: there are no ties.
  std::array<std::uint32_t, 256> thresholds = {};
  int g = 0;
};

constexpr LnsTables MakeLns(int g) {
  NIBBLE_CHECK("MakeLns", g >= 0 && g <= kLnsMax);
  constexpr std::array<double, 512> kPowers = MakePowersOfRoot();
  LnsTables tables;
  tables.g = g;
  for (std::size_t f = 0; f < std::size_t{1} << g; ++f) {
    const std::size_t at = f << (9 - g);
    const std::size_t half = std::size_t{1} << (8 - g);
    tables.values[f] =
        static_cast<std::uint32_t>((kPowers[at] - 1) * 0x1p23 + 0.5);
    tables.thresholds[f] =
        static_cast<std::uint32_t>((kPowers[at + half] - 1) * 0x1p23) + 1;
  }
  return tables;
}

// The logarithm of x, rounded to the nearest multiple of 2^-g.
//
// Range    zero and subnormals: zero. NaN and infinity stay. What rounds to
//          2^128 is infinity.
// Error    of the value: relative, at most 2^(1 / 2^(g + 1)) - 1.
constexpr float LnsEncode(float x, const LnsTables& tables) {
  const float prepared = PrepareOperand(x, {});
  const auto bits = std::bit_cast<std::uint32_t>(prepared);
  const std::uint32_t magnitude = bits & ~kSignBit;
  if (magnitude == 0 || magnitude >= kInfinityBits) return prepared;
  const std::uint32_t mantissa = magnitude & 0x007FFFFFu;
  // The number of thresholds that it reaches: by halves, then the last one.
  std::uint32_t f = 0;
  for (std::uint32_t step = (1u << tables.g) / 2; step != 0; step /= 2) {
    if (mantissa >= tables.thresholds[f + step - 1]) f += step;
  }
  if (mantissa >= tables.thresholds[f]) ++f;
  return std::bit_cast<float>((bits & 0xFF800000u) + (f << (23 - tables.g)));
}

// The float nearest to what an encoding means.
constexpr float LnsDecode(float encoded, const LnsTables& tables) {
  const auto bits = std::bit_cast<std::uint32_t>(encoded);
  if ((bits & ~kSignBit) >= kInfinityBits) return encoded;
  const std::uint32_t f = (bits & 0x007FFFFFu) >> (23 - tables.g);
  return std::bit_cast<float>((bits & 0xFF800000u) + tables.values[f]);
}

// The product of two encodings; zeros, infinities and NaN as LMul.
constexpr float LnsOfEncoded(float x, float y, const LnsTables& tables) {
  constexpr LMulParams kSum{{}, 0};
  return LnsDecode(LMulOfPrepared(x, y, kSum), tables);
}

// The product of x and y in a logarithmic number system of g fraction bits, as
// the nearest float.
//
// Error    relative, at most 2^(1 / 2^g) - 1, and 2^-24 more.
constexpr float Lns(float x, float y, const LnsTables& tables) {
  return LnsOfEncoded(LnsEncode(x, tables), LnsEncode(y, tables), tables);
}

}  // namespace nibble
