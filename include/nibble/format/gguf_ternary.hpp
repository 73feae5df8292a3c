// GGUF blocks of 256 ternary elements: TQ1_0 and TQ2_0.
//
// The scale d is the largest magnitude, and ties of x / d go away from zero:
// meant for weights that are ternary already. NaN is stored as 0, infinity
// saturates.
//
// Source   ggml-org/ggml: layouts and rules as facts, checked against its
//          output (tests/gguf_test.cpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/format/gguf_half.hpp"

namespace nibble {

namespace gguf_internal {

// Codes 0, 1, 2 of -1, 0, +1 for a whole block.
constexpr std::array<std::uint8_t, 256> TernaryCodes(
    std::span<const float, 256> x, float d) {
  const float inverse = InverseOrZero(d);
  std::array<std::uint8_t, 256> codes{};
  for (std::size_t i = 0; i < 256; ++i) {
    codes[i] = static_cast<std::uint8_t>(Nearest(x[i] * inverse, 1) + 1);
  }
  return codes;
}

}  // namespace gguf_internal

// Two bits each:  value = d * (q - 1).  66 bytes, 2.0625 bits per element.
//
//     byte 32 h + j   q of elements 128 h + j, + 32, + 64, + 96, low bits first
//     byte 64         d: fp16
struct GgufTq2_0 {
  static constexpr std::size_t kElements = 256;
  std::array<std::uint8_t, 64> q{};
  GgufHalf d;

  static constexpr GgufTq2_0 Encode(std::span<const float, kElements> x) {
    const float d = LargestFinite(x);
    const auto codes = gguf_internal::TernaryCodes(x, d);
    GgufTq2_0 block{{}, GgufHalf::From(d)};
    for (std::size_t i = 0; i < kElements; ++i) {
      std::uint8_t& byte = block.q[i / 128 * 32 + i % 32];
      byte = static_cast<std::uint8_t>(byte | codes[i] << (i % 128 / 32 * 2));
    }
    return block;
  }
  constexpr void Decode(std::span<float, kElements> out) const {
    const float scale = d.Get();
    for (std::size_t i = 0; i < kElements; ++i) {
      const int code = (q[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3;
      out[i] = static_cast<float>(code - 1) * scale;
    }
  }
};
static_assert(sizeof(GgufTq2_0) == 66);

// Five in a byte, base 3:  value = d * (q - 1).  54 bytes, 1.6875 bits.
//
//     bytes  0..31   elements       j + 32 n    j < 32, n < 5
//     bytes 32..47   elements 160 + j + 16 n    j < 16, n < 5
//     bytes 48..51   elements 240 + j +  4 n    j <  4, n < 4
//     byte  52       d: fp16
//
// A byte is ceil(v * 256 / 243) with v = sum of q_n * 3^(4 - n): the fraction
// v / 243 in eight bits, whose ternary digits come out at the top by
// multiplying: q_n = ((byte * 3^n mod 256) * 3) >> 8.
struct GgufTq1_0 {
  static constexpr std::size_t kElements = 256;
  static constexpr std::array<std::uint32_t, 5> kPowers = {1, 3, 9, 27, 81};
  std::array<std::uint8_t, 52> q{};
  GgufHalf d;

  // Where element i lies: its byte and its digit n there.
  struct Place {
    std::size_t byte;
    std::size_t digit;
  };
  static constexpr Place PlaceOf(std::size_t i) {
    if (i < 160) return {i % 32, i / 32};
    if (i < 240) return {32 + (i - 160) % 16, (i - 160) / 16};
    return {48 + (i - 240) % 4, (i - 240) / 4};
  }

  static constexpr GgufTq1_0 Encode(std::span<const float, kElements> x) {
    const float d = LargestFinite(x);
    const auto codes = gguf_internal::TernaryCodes(x, d);
    std::array<std::uint32_t, 52> v{};
    for (std::size_t i = 0; i < kElements; ++i) {
      const Place place = PlaceOf(i);
      v[place.byte] += codes[i] * kPowers[4 - place.digit];
    }
    GgufTq1_0 block{{}, GgufHalf::From(d)};
    for (std::size_t j = 0; j < v.size(); ++j) {
      block.q[j] = static_cast<std::uint8_t>((v[j] * 256 + 242) / 243);
    }
    return block;
  }
  constexpr void Decode(std::span<float, kElements> out) const {
    const float scale = d.Get();
    for (std::size_t i = 0; i < kElements; ++i) {
      const Place place = PlaceOf(i);
      const std::uint32_t rest = (q[place.byte] * kPowers[place.digit]) & 255;
      out[i] = (static_cast<float>(rest * 3 >> 8) - 1) * scale;
    }
  }
};
static_assert(sizeof(GgufTq1_0) == 54);

}  // namespace nibble
