// GGUF blocks of 256 elements with scaled sub-blocks: Q2_K, Q4_K, Q6_K. Read
// only: ggml's encoders search for the scales.
//
// Every product below has at most 24 bits and is exact; a subtraction after it
// rounds once, fused or not.
//
// Source   ggml-org/ggml: layouts as facts, checked against its output
//          (tests/gguf_test.cpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/format/gguf_half.hpp"

namespace nibble {

// 2 bits, 16 sub-blocks of 16:  value = d * scale * q - dmin * min.
// 84 bytes, 2.625 bits per element.
//
//     byte s         [min of sub-block s | scale of sub-block s]
//     byte 16 + 32 h + j   q of elements 128 h + j, + 32, + 64, + 96, low first
//     byte 80  d: fp16    byte 82  dmin: fp16
struct GgufQ2K {
  static constexpr std::size_t kElements = 256;
  std::array<std::uint8_t, 16> scales{};
  std::array<std::uint8_t, 64> q{};
  GgufHalf d;
  GgufHalf dmin;

  constexpr void Decode(std::span<float, kElements> out) const {
    const float scale = d.Get();
    const float scale_of_min = dmin.Get();
    for (std::size_t i = 0; i < kElements; ++i) {
      const std::uint8_t sub = scales[i / 16];
      const int code = (q[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3;
      const float step = scale * static_cast<float>(sub & 15);
      const float low = scale_of_min * static_cast<float>(sub >> 4);
      out[i] = step * static_cast<float>(code) - low;
    }
  }
};
static_assert(sizeof(GgufQ2K) == 84);

// 4 bits, 8 sub-blocks of 32:  value = d * scale * q - dmin * min.
// 144 bytes, 4.5 bits per element.
//
//     byte 0  d: fp16    byte 2  dmin: fp16
//     byte  4 + s   [bits 4..5 of scale 4 + s | scale s: 6 bits]      s < 4
//     byte  8 + s   [bits 4..5 of min 4 + s   | min s: 6 bits]
//     byte 12 + s   [bits 0..3 of min 4 + s   | bits 0..3 of scale 4 + s]
//     byte 16 + 32 p + j  [q of element 64 p + 32 + j | q of element 64 p + j]
struct GgufQ4K {
  static constexpr std::size_t kElements = 256;
  GgufHalf d;
  GgufHalf dmin;
  std::array<std::uint8_t, 12> scales{};
  std::array<std::uint8_t, 128> q{};

  constexpr int Scale(std::size_t sub) const {
    return sub < 4 ? scales[sub] & 63
                   : (scales[sub + 4] & 15) | (scales[sub - 4] >> 6) << 4;
  }
  constexpr int Min(std::size_t sub) const {
    return sub < 4 ? scales[sub + 4] & 63
                   : (scales[sub + 4] >> 4) | (scales[sub] >> 6) << 4;
  }
  constexpr void Decode(std::span<float, kElements> out) const {
    const float scale = d.Get();
    const float scale_of_min = dmin.Get();
    for (std::size_t i = 0; i < kElements; ++i) {
      const std::size_t sub = i / 32;
      const std::uint8_t byte = q[sub / 2 * 32 + i % 32];
      const int code = sub % 2 == 0 ? byte & 15 : byte >> 4;
      const float step = scale * static_cast<float>(Scale(sub));
      const float low = scale_of_min * static_cast<float>(Min(sub));
      out[i] = step * static_cast<float>(code) - low;
    }
  }
};
static_assert(sizeof(GgufQ4K) == 144);

// 6 bits, 16 sub-blocks of 16:  value = d * scale * (q - 32).
// 210 bytes, 6.5625 bits per element. In each half h of 128 elements, with
// j < 32:
//
//     byte 64 h + j         [q of element  64 + j | q of element      j]  low 4
//     byte 64 h + 32 + j    [q of element  96 + j | q of element 32 + j]  low 4
//     byte 128 + 32 h + j   bits 4..5 of elements j, 32 + j, 64 + j, 96 + j,
//                           low bits first
//     byte 192 + s          scale of sub-block s, two's complement
//     byte 208              d: fp16
struct GgufQ6K {
  static constexpr std::size_t kElements = 256;
  std::array<std::uint8_t, 128> low{};
  std::array<std::uint8_t, 64> high{};
  std::array<std::int8_t, 16> scales{};
  GgufHalf d;

  constexpr void Decode(std::span<float, kElements> out) const {
    const float scale = d.Get();
    for (std::size_t i = 0; i < kElements; ++i) {
      const std::size_t half = i / 128;
      const std::size_t quarter = i % 128 / 32;
      const std::uint8_t byte = low[half * 64 + i % 64];
      const int bits = quarter < 2 ? byte & 15 : byte >> 4;
      const int top = (high[half * 32 + i % 32] >> (quarter * 2)) & 3;
      const float step = scale * static_cast<float>(scales[i / 16]);
      out[i] = step * static_cast<float>((bits | top << 4) - 32);
    }
  }
};
static_assert(sizeof(GgufQ6K) == 210);

}  // namespace nibble
