// What the blocks of GGUF files have in common.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/format/block.hpp"
#include "nibble/format/minifloat.hpp"
#include "nibble/format/rounding.hpp"

namespace nibble {

// An fp16 as its two bytes, low byte first: blocks need no alignment.
struct GgufHalf {
  std::array<std::uint8_t, 2> bytes{};

  // Nearest even; overflows to infinity, as the processor's conversion does.
  static constexpr GgufHalf From(float x) {
    const std::uint32_t code = Fp16::Encode(
        x, {.overflow = Overflow::kInfinity, .infinity_saturates = false});
    return {{static_cast<std::uint8_t>(code & 0xFF),
             static_cast<std::uint8_t>(code >> 8)}};
  }
  constexpr float Get() const {
    return Fp16::Decode(bytes[0] | static_cast<std::uint32_t>(bytes[1]) << 8);
  }
};

namespace gguf_internal {

// The first finite value of the largest magnitude, with its sign; 0 if none.
constexpr float FirstLargest(std::span<const float> x) {
  const float largest = LargestFinite(x);
  for (const float v : x) {
    if (v == largest || v == -largest) return v;
  }
  return 0;
}

// 1 / d, or 0 for d = 0.
constexpr float InverseOrZero(float d) { return d != 0 ? 1 / d : 0; }

// floor(y + offset) within 0 .. top, the sum being rounded to a float. NaN
// counts as y = 0.
//
// Domain   y may be a product: it is kept apart from the sum.
constexpr std::uint32_t Shifted(float y, float offset, float top) {
  const float product = y == y ? Rounded(y) : 0.0f;
  const float shifted = product + offset;
  return static_cast<std::uint32_t>(std::clamp(shifted, 0.0f, top));
}

// y rounded half away from zero within +-limit; NaN gives 0.
constexpr std::int32_t Nearest(float y, float limit) {
  if (y != y) return 0;
  return static_cast<std::int32_t>(
      RoundToInteger(std::clamp(y, -limit, limit), Rounding::kHalfAway));
}

// Low nibbles are the first half of a block's elements, high ones the second.
constexpr std::uint32_t Nibble(std::span<const std::uint8_t> bytes,
                               std::size_t element) {
  const std::size_t half = bytes.size();
  return element < half ? bytes[element] & 15u : bytes[element - half] >> 4;
}

constexpr void AddNibble(std::span<std::uint8_t> bytes, std::size_t element,
                         std::uint32_t code) {
  const std::size_t half = bytes.size();
  std::uint8_t& byte = bytes[element % half];
  byte = static_cast<std::uint8_t>(byte | (element < half ? code : code << 4));
}

}  // namespace gguf_internal
}  // namespace nibble
