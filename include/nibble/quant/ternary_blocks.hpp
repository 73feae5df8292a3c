// Ternary weights as they lie in files of other programs, repacked for
// products: ggml's TQ1_0 and TQ2_0 (drawn in format/gguf_ternary.hpp), and
// I2_S.
//
// I2_S, of bitnet.cpp on x86, is two bits a weight and one scale a tensor. The
// weights run through all rows as one sequence, in blocks of 128:
//
//     byte p of 32   [a a|b b|c c|d d]   a: weight p of the block, b: 32 + p,
//                                        c: 64 + p, d: 96 + p; codes 0, 1, 2
//     after all      float scale, w = scale * t; 28 bytes of no meaning
//
// (Arm builds of that program read the same type by other rules, and wrongly.)
//
// Source   microsoft/BitNet and ggml-org/ggml: layouts as facts, checked
// against
//          bytes of theirs (tests/ternary_blocks_test.cpp).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "nibble/core/check.hpp"
#include "nibble/format/gguf_ternary.hpp"
#include "nibble/quant/ternary_pack.hpp"

namespace nibble {

enum class TernaryBlocks : std::uint8_t { kTq1_0, kTq2_0, kI2S };

// Bytes of an [n, k] tensor; 0 if there is none of that shape: rows of TQ1_0
// and TQ2_0 are whole blocks of 256, a tensor of I2_S is whole blocks of 128.
constexpr std::size_t TernaryBlocksBytes(TernaryBlocks type, std::size_t n,
                                         std::size_t k) {
  switch (type) {
    case TernaryBlocks::kTq1_0:
      return k % 256 == 0 ? n * (k / 256) * sizeof(GgufTq1_0) : 0;
    case TernaryBlocks::kTq2_0:
      return k % 256 == 0 ? n * (k / 256) * sizeof(GgufTq2_0) : 0;
    case TernaryBlocks::kI2S:
      return n * k % 128 == 0 ? n * k / 4 + 32 : 0;
  }
  return 0;
}

namespace ternary_internal {

// Code of element i of a block, or of a tensor of I2_S.
constexpr std::uint8_t Tq1Code(const std::uint8_t* block, std::size_t i) {
  const auto place = GgufTq1_0::PlaceOf(i);
  const std::uint32_t rest =
      block[place.byte] * GgufTq1_0::kPowers[place.digit] & 255;
  return static_cast<std::uint8_t>(rest * 3 >> 8);
}
constexpr std::uint8_t Tq2Code(const std::uint8_t* block, std::size_t i) {
  return block[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
}
constexpr std::uint8_t I2sCode(const std::uint8_t* data, std::size_t i) {
  return data[i / 128 * 32 + i % 32] >> (6 - i % 128 / 32 * 2) & 3;
}

// The divisors s_w = 1 / d of all blocks, or of the one tensor.
inline std::vector<float> ScalesOf(TernaryBlocks type,
                                   std::span<const std::uint8_t> bytes) {
  if (type == TernaryBlocks::kI2S) {
    float scale;
    std::memcpy(&scale, bytes.data() + bytes.size() - 32, sizeof(scale));
    return {1 / scale};
  }
  const std::size_t size =
      type == TernaryBlocks::kTq1_0 ? sizeof(GgufTq1_0) : sizeof(GgufTq2_0);
  std::vector<float> scales(bytes.size() / size);
  for (std::size_t b = 0; b < scales.size(); ++b) {
    const std::uint8_t* d = bytes.data() + (b + 1) * size - 2;
    scales[b] = 1 / GgufHalf{{d[0], d[1]}}.Get();
  }
  return scales;
}

inline std::uint8_t CodeOf(TernaryBlocks type, const std::uint8_t* bytes,
                           std::size_t i) {
  switch (type) {
    case TernaryBlocks::kTq1_0:
      return Tq1Code(bytes + i / 256 * sizeof(GgufTq1_0), i % 256);
    case TernaryBlocks::kTq2_0:
      return Tq2Code(bytes + i / 256 * sizeof(GgufTq2_0), i % 256);
    case TernaryBlocks::kI2S:
      return I2sCode(bytes, i);
  }
  return 3;
}

}  // namespace ternary_internal

// Packs an [n, k] tensor from the bytes that a file holds. `name` stands for it
// in messages. Blocks of equal scale get one scale, the row's or the tensor's.
//
// Error    none in the codes; s_w = 1 / d, rounded: 2^-24 relative.
// Errors   InputError for another number of bytes than TernaryBlocksBytes, and
//          for a code 3, which no weight has.
inline TernaryMatrix PackTernary(TernaryBlocks type,
                                 std::span<const std::uint8_t> bytes,
                                 std::size_t n, std::size_t k,
                                 TernaryPacking packing,
                                 const std::string& name) {
  using namespace ternary_internal;  // NOLINT
  const bool flat = type == TernaryBlocks::kI2S;
  const std::size_t expected = TernaryBlocksBytes(type, n, k);
  const std::string shape = std::to_string(n) + " x " + std::to_string(k);
  if (expected == 0 && n * k != 0) {
    throw InputError(name, "shape", shape,
                     flat ? "a multiple of 128 weights" : "rows of 256 n");
  }
  if (bytes.size() != expected) {
    throw InputError(name, "bytes", std::to_string(bytes.size()),
                     std::to_string(expected) + " for " + shape);
  }
  std::vector<float> scales = ScalesOf(type, bytes);
  if (flat) scales.assign(n, scales[0]);
  TernaryMatrix out = EmptyTernary(n, k, flat ? k : 256, packing, scales);
  std::vector<std::uint8_t> codes(k);
  for (std::size_t row = 0; row < n && k != 0; ++row) {
    for (std::size_t i = 0; i < k; ++i) {
      codes[i] = CodeOf(type, bytes.data(), row * k + i);
      if (codes[i] > 2) {
        throw InputError(
            name,
            "weight [" + std::to_string(row) + ", " + std::to_string(i) + "]",
            "code 3", "0, 1 or 2");
      }
    }
    PackRow(row, codes, out);
  }
  return out;
}

}  // namespace nibble
