// GGUF blocks of 32 elements: Q4_0, Q4_1, Q5_0, Q8_0, MXFP4, IQ4_NL.
//
// Each struct is the block's bytes in a file. Encoders give the bytes of ggml's
// reference quantizers, its tie rules included; no option changes them.
// NaN and infinity take no part in a scale; NaN is stored as zero (or the
// nearest level to it) and infinity saturates, unless the scale is 0.
//
// Source   ggml-org/ggml: layouts and rules as facts, checked against its
//          output (tests/gguf_test.cpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "nibble/format/codebook.hpp"
#include "nibble/format/e8m0.hpp"
#include "nibble/format/gguf_half.hpp"
#include "nibble/format/minifloat.hpp"

namespace nibble {

// 4 bits, symmetric:  value = d * (q - 8).  18 bytes, 4.5 bits per element.
//
//     byte 0  d: fp16    byte 2 + j  [q of element 16 + j | q of element j]
//
// d = (first value of the largest magnitude) / -8, so that it gets q = 0; the
// range on its other side ends at 7. Ties of x / d go up.
struct GgufQ4_0 {
  static constexpr std::size_t kElements = 32;
  GgufHalf d;
  std::array<std::uint8_t, 16> q{};

  static constexpr GgufQ4_0 Encode(std::span<const float, kElements> x) {
    const float d = gguf_internal::FirstLargest(x) / -8;
    const float inverse = gguf_internal::InverseOrZero(d);
    GgufQ4_0 block{GgufHalf::From(d)};
    for (std::size_t i = 0; i < kElements; ++i) {
      gguf_internal::AddNibble(
          block.q, i, gguf_internal::Shifted(x[i] * inverse, 8.5f, 15));
    }
    return block;
  }
  constexpr void Decode(std::span<float, kElements> out) const {
    const float scale = d.Get();
    for (std::size_t i = 0; i < kElements; ++i) {
      const auto code = static_cast<int>(gguf_internal::Nibble(q, i));
      out[i] = static_cast<float>(code - 8) * scale;
    }
  }
};
static_assert(sizeof(GgufQ4_0) == 18);

// 4 bits with a minimum:  value = d * q + m.  20 bytes, 5 bits per element.
//
//     byte 0  d: fp16    byte 2  m: fp16    byte 4 + j  as in Q4_0
//
// d = (largest - smallest) / 15, m = smallest. Ties of (x - m) / d go up.
struct GgufQ4_1 {
  static constexpr std::size_t kElements = 32;
  GgufHalf d;
  GgufHalf m;
  std::array<std::uint8_t, 16> q{};

  static constexpr GgufQ4_1 Encode(std::span<const float, kElements> x) {
    constexpr float kMax = std::numeric_limits<float>::max();
    float low = kMax;
    float high = -kMax;
    for (const float v : x) {
      if (!(v >= -kMax && v <= kMax)) continue;
      low = std::min(low, v);
      high = std::max(high, v);
    }
    if (low > high) low = high = 0;
    const float d = (high - low) / 15;
    const float inverse = gguf_internal::InverseOrZero(d);
    GgufQ4_1 block{GgufHalf::From(d), GgufHalf::From(low)};
    for (std::size_t i = 0; i < kElements; ++i) {
      const float y = ((x[i] == x[i] ? x[i] : 0) - low) * inverse;
      gguf_internal::AddNibble(block.q, i, gguf_internal::Shifted(y, 0.5f, 15));
    }
    return block;
  }
  // The product has 15 bits and is exact: one rounding, fused or not.
  constexpr void Decode(std::span<float, kElements> out) const {
    const float scale = d.Get();
    const float offset = m.Get();
    for (std::size_t i = 0; i < kElements; ++i) {
      const auto code = static_cast<float>(gguf_internal::Nibble(q, i));
      out[i] = code * scale + offset;
    }
  }
};
static_assert(sizeof(GgufQ4_1) == 20);

// 5 bits, symmetric:  value = d * (q - 16).  22 bytes, 5.5 bits per element.
//
//     byte 0  d: fp16    byte 2  h: bit i is bit 4 of element i's q
//     byte 6 + j  the low four bits, as in Q4_0
//
// d = (first value of the largest magnitude) / -16. Ties of x / d go up.
struct GgufQ5_0 {
  static constexpr std::size_t kElements = 32;
  GgufHalf d;
  std::array<std::uint8_t, 4> h{};
  std::array<std::uint8_t, 16> q{};

  static constexpr GgufQ5_0 Encode(std::span<const float, kElements> x) {
    const float d = gguf_internal::FirstLargest(x) / -16;
    const float inverse = gguf_internal::InverseOrZero(d);
    GgufQ5_0 block{GgufHalf::From(d)};
    for (std::size_t i = 0; i < kElements; ++i) {
      const std::uint32_t code =
          gguf_internal::Shifted(x[i] * inverse, 16.5f, 31);
      gguf_internal::AddNibble(block.q, i, code & 15);
      block.h[i / 8] =
          static_cast<std::uint8_t>(block.h[i / 8] | (code >> 4) << (i % 8));
    }
    return block;
  }
  constexpr void Decode(std::span<float, kElements> out) const {
    const float scale = d.Get();
    for (std::size_t i = 0; i < kElements; ++i) {
      const std::uint32_t code =
          gguf_internal::Nibble(q, i) | ((h[i / 8] >> (i % 8)) & 1u) << 4;
      out[i] = static_cast<float>(static_cast<int>(code) - 16) * scale;
    }
  }
};
static_assert(sizeof(GgufQ5_0) == 22);

// 8 bits, symmetric:  value = d * q.  34 bytes, 8.5 bits per element.
//
//     byte 0  d: fp16    byte 2 + i  q of element i, two's complement
//
// d = largest magnitude / 127. Ties of x / d go away from zero; -128 is unused.
struct GgufQ8_0 {
  static constexpr std::size_t kElements = 32;
  GgufHalf d;
  std::array<std::int8_t, 32> q{};

  static constexpr GgufQ8_0 Encode(std::span<const float, kElements> x) {
    const float d = LargestFinite(x) / 127;
    const float inverse = gguf_internal::InverseOrZero(d);
    GgufQ8_0 block{GgufHalf::From(d)};
    for (std::size_t i = 0; i < kElements; ++i) {
      block.q[i] =
          static_cast<std::int8_t>(gguf_internal::Nearest(x[i] * inverse, 127));
    }
    return block;
  }
  constexpr void Decode(std::span<float, kElements> out) const {
    const float scale = d.Get();
    for (std::size_t i = 0; i < kElements; ++i) {
      out[i] = static_cast<float>(q[i]) * scale;
    }
  }
};
static_assert(sizeof(GgufQ8_0) == 34);

// MXFP4 as GGUF stores it:  value = 2^(e - 127) * E2M1(q).  17 bytes, 4.25
// bits.
//
//     byte 0  e: E8M0    byte 1 + j  as in Q4_0
//
// e = floor(log2(largest magnitude)) - 2 + 127, at least 0. Unlike OCP's
// suggestion a tie goes towards zero, and nothing becomes -0. The logarithm is
// exact here; ggml's, a float, is one too high for a magnitude within about one
// part in 2^20 below a power of two. e = 255 reads as NaN, as OCP says; ggml
// takes it for 2^128.
struct GgufMxfp4 {
  static constexpr std::size_t kElements = 32;
  std::uint8_t e = 0;
  std::array<std::uint8_t, 16> q{};

  static constexpr GgufMxfp4 Encode(std::span<const float, kElements> x) {
    std::array<std::uint8_t, kElements> codes{};
    GgufMxfp4 block{
        Mxfp4::Encode(x, codes, {.rounding = Rounding::kHalfToZero})};
    for (std::size_t i = 0; i < kElements; ++i) {
      const std::uint32_t code = codes[i];
      gguf_internal::AddNibble(block.q, i, code == 8 ? 0 : code);
    }
    return block;
  }
  constexpr void Decode(std::span<float, kElements> out) const {
    const float scale = E8m0::Decode(e);
    for (std::size_t i = 0; i < kElements; ++i) {
      out[i] = Fp4E2m1::Decode(gguf_internal::Nibble(q, i)) * scale;
    }
  }
};
static_assert(sizeof(GgufMxfp4) == 17);

// A table of 16 levels:  value = d * Iq4Levels(q).  18 bytes as Q4_0. Read
// only: ggml's encoder searches for d.
struct GgufIq4Nl {
  static constexpr std::size_t kElements = 32;
  GgufHalf d;
  std::array<std::uint8_t, 16> q{};

  constexpr void Decode(std::span<float, kElements> out) const {
    const float scale = d.Get();
    for (std::size_t i = 0; i < kElements; ++i) {
      out[i] = Iq4Levels::Decode(gguf_internal::Nibble(q, i)) * scale;
    }
  }
};
static_assert(sizeof(GgufIq4Nl) == 18);

}  // namespace nibble
