// Code books: a code is an index into a sorted table of floats.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nibble/format/rounding.hpp"

namespace nibble {

// The index of the table's value that x rounds to. Nearest in value, and the
// tie is the exact middle; "even" means an even index. Saturates at both ends,
// infinity too; NaN is encoded as 0 would be.
//
// Domain   values ascend strictly; at least one.
// Cost     a binary search.
constexpr std::uint32_t EncodeTable(std::span<const float> values, float x,
                                    const Policy& policy = {},
                                    std::uint32_t random = 0) {
  if (x != x) x = 0;
  // The last value that is not above x, or the first: a search whose steps
  // depend on the table's size alone.
  std::size_t index = 0;
  for (std::size_t left = values.size(); left > 1;) {
    const std::size_t half = left / 2;
    index += values[index + half] <= x ? half : 0;
    left -= half;
  }
  const auto code = static_cast<std::uint32_t>(index);
  if (x < values[index] || index + 1 == values.size()) return code;
  const bool up = RoundsUp(values[index], values[index + 1], x, code % 2 != 0,
                           policy.rounding, random);
  return code + (up ? 1 : 0);
}

// NormalFloat of 4 bits: quantiles of the normal distribution, -1 to 1, with an
// exact zero at code 7.
//
// Source   Dettmers et al., "QLoRA", arXiv:2305.14314, appendix E.
struct Nf4 {
  static constexpr int kBits = 4;
  static constexpr std::string_view kName = "nf4";
  static constexpr std::array<float, 16> kValues = {-1.0f,
                                                    -0.6961928009986877f,
                                                    -0.5250730514526367f,
                                                    -0.39491748809814453f,
                                                    -0.28444138169288635f,
                                                    -0.18477343022823334f,
                                                    -0.09105003625154495f,
                                                    0.0f,
                                                    0.07958029955625534f,
                                                    0.16093020141124725f,
                                                    0.24611230194568634f,
                                                    0.33791524171829224f,
                                                    0.44070982933044434f,
                                                    0.5626170039176941f,
                                                    0.7229568362236023f,
                                                    1.0f};

  static constexpr float Decode(std::uint32_t code) {
    return kValues[code & 15];
  }
  static constexpr std::uint32_t Encode(float x, const Policy& policy = {},
                                        std::uint32_t random = 0) {
    return EncodeTable(kValues, x, policy, random);
  }
};

// The 16 integer levels of GGUF's IQ4_NL blocks; none of them is zero.
//
// Source   ggml-org/ggml, block type IQ4_NL; confirmed by decoding its output.
struct Iq4Levels {
  static constexpr int kBits = 4;
  static constexpr std::string_view kName = "iq4_nl";
  static constexpr std::array<float, 16> kValues = {
      -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

  static constexpr float Decode(std::uint32_t code) {
    return kValues[code & 15];
  }
  static constexpr std::uint32_t Encode(float x, const Policy& policy = {},
                                        std::uint32_t random = 0) {
    return EncodeTable(kValues, x, policy, random);
  }
};

}  // namespace nibble
