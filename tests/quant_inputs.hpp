// Floats that quantizers get wrong first, for the tests of quant/.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "nibble/format/registry.hpp"

namespace nibble::inputs {

// Formats whose codes are quantized one by one: no blocks, no scales.
inline std::vector<FormatId> ElementFormats() {
  std::vector<FormatId> out;
  for (const FormatInfo& info : AllFormats()) {
    if (info.family != Family::kBlock && info.family != Family::kScale) {
      out.push_back(info.id);
    }
  }
  return out;
}

// Ordinary values, every kind of edge, and for `format` its values, the middles
// between them and their neighbours, all of them divided by `inverse`.
inline std::vector<float> EdgeInputs(FormatId format, float scale,
                                     std::size_t count, unsigned seed) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const float edges[] = {0.0f,
                         -0.0f,
                         0x1p-149f,
                         -0x1p-149f,
                         0x1p-127f,
                         0x1p-126f,
                         -0x1p-126f,
                         3.4e38f,
                         -3.4e38f,
                         kInf,
                         -kInf,
                         std::numeric_limits<float>::quiet_NaN(),
                         -std::numeric_limits<float>::quiet_NaN(),
                         0.5f,
                         -0.5f,
                         1.5f,
                         -2.5f,
                         0.49999997f,
                         0x1p23f,
                         -0x1p31f,
                         0x1p31f,
                         2147483520.0f,
                         -32768.0f,
                         32768.0f,
                         -32769.0f,
                         1e10f,
                         -1e10f};
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0, 1);
  const FormatInfo& info = Info(format);
  std::vector<float> out(count);
  for (float& x : out) {
    switch (rng() % 8) {
      case 0:
        x = edges[rng() % std::size(edges)];
        break;
      case 1:  // any bits at all
        x = std::bit_cast<float>(static_cast<std::uint32_t>(rng()));
        break;
      case 2:  // a value of the format
      case 3:  // the middle between two, or the float beside it
      case 4: {
        const std::uint32_t code =
            static_cast<std::uint32_t>(rng()) % info.codes;
        const float a = Decode(format, code);
        const float b = Decode(format, (code + 1) % info.codes);
        x = rng() % 3 == 0 ? a : a / 2 + b / 2;
        if (rng() % 2 == 0)
          x = std::nextafter(x, rng() % 2 == 0 ? kInf : -kInf);
        x *= scale;
        break;
      }
      default:
        x = normal(rng) * scale * 3;
    }
  }
  return out;
}

// Every value of a format, every tie between two of them, and the floats beside
// the ties; then every float whose lower half is 0, or next to 0 or to a half.
inline std::vector<float> TiesAndBf16Inputs(FormatId format) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const FormatInfo& info = Info(format);
  std::vector<float> out;
  for (std::uint32_t code = 0; code < info.codes; ++code) {
    const float value = Decode(format, code);
    float tie = value / 2 + Decode(format, (code + 1) % info.codes) / 2;
    if (info.family == Family::kPosit) {  // the middle of the bit strings
      PositParams longer = info.posit;
      ++longer.bits;
      tie = DecodePosit(longer, 2 * code + 1);
    }
    for (const float x :
         {value, tie, std::nextafter(tie, kInf), std::nextafter(tie, -kInf)}) {
      out.push_back(x);
    }
  }
  for (std::uint32_t upper = 0; upper < 1u << 16; ++upper) {
    for (const std::uint32_t lower :
         {0x0000u, 0x0001u, 0x7FFFu, 0x8000u, 0x8001u}) {
      out.push_back(std::bit_cast<float>(upper << 16 | lower));
    }
  }
  return out;
}

// 0, 1, around every vector length, primes, long.
inline constexpr std::size_t kSizes[] = {0,  1,  2,  3,   4,   5,    7,   8,
                                         9,  15, 16, 17,  31,  32,   33,  63,
                                         64, 65, 97, 127, 257, 1031, 4099};

}  // namespace nibble::inputs
