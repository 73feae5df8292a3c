// The blocks of GGUF files, byte for byte, by type or by FormatId.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

#include "nibble/core/check.hpp"
#include "nibble/format/gguf_k.hpp"
#include "nibble/format/gguf_legacy.hpp"
#include "nibble/format/gguf_ternary.hpp"
#include "nibble/format/registry.hpp"

namespace nibble {

namespace gguf_internal {

template <class Block>
constexpr void DecodeAll(std::span<const std::uint8_t> bytes,
                         std::span<float> out) {
  for (std::size_t b = 0; b < out.size() / Block::kElements; ++b) {
    std::array<std::uint8_t, sizeof(Block)> raw{};
    std::ranges::copy(bytes.subspan(b * sizeof(Block), sizeof(Block)),
                      raw.begin());
    std::bit_cast<Block>(raw).Decode(
        out.subspan(b * Block::kElements).template first<Block::kElements>());
  }
}

template <class Block>
constexpr void EncodeAll(std::span<const float> x,
                         std::span<std::uint8_t> bytes) {
  for (std::size_t b = 0; b < x.size() / Block::kElements; ++b) {
    const auto raw = std::bit_cast<std::array<std::uint8_t, sizeof(Block)>>(
        Block::Encode(x.subspan(b * Block::kElements)
                          .template first<Block::kElements>()));
    std::ranges::copy(
        raw, bytes.begin() + static_cast<std::ptrdiff_t>(b * sizeof(Block)));
  }
}

}  // namespace gguf_internal

// Reads whole blocks of a GGUF type.
//
// Shapes   bytes: [blocks * block_bytes], out: [blocks * block].
// Errors   std::invalid_argument if the sizes disagree or `id` is no GGUF type.
constexpr void DecodeGguf(FormatId id, std::span<const std::uint8_t> bytes,
                          std::span<float> out) {
  const FormatInfo& info = Info(id);
  NIBBLE_CHECK("DecodeGguf", info.block_bytes != 0);
  NIBBLE_CHECK("DecodeGguf", out.size() % info.block == 0);
  NIBBLE_CHECK("DecodeGguf",
               bytes.size() == out.size() / info.block * info.block_bytes);
  using namespace gguf_internal;
  switch (id) {
    case FormatId::kQ4_0:
      return DecodeAll<GgufQ4_0>(bytes, out);
    case FormatId::kQ4_1:
      return DecodeAll<GgufQ4_1>(bytes, out);
    case FormatId::kQ5_0:
      return DecodeAll<GgufQ5_0>(bytes, out);
    case FormatId::kQ8_0:
      return DecodeAll<GgufQ8_0>(bytes, out);
    case FormatId::kTq1_0:
      return DecodeAll<GgufTq1_0>(bytes, out);
    case FormatId::kTq2_0:
      return DecodeAll<GgufTq2_0>(bytes, out);
    case FormatId::kGgufMxfp4:
      return DecodeAll<GgufMxfp4>(bytes, out);
    case FormatId::kQ2K:
      return DecodeAll<GgufQ2K>(bytes, out);
    case FormatId::kQ4K:
      return DecodeAll<GgufQ4K>(bytes, out);
    case FormatId::kQ6K:
      return DecodeAll<GgufQ6K>(bytes, out);
    case FormatId::kIq4Nl:
      return DecodeAll<GgufIq4Nl>(bytes, out);
    default:
      throw std::logic_error("DecodeGguf: a GGUF type without a decoder");
  }
}

// Writes whole blocks of a GGUF type: the bytes of ggml's reference quantizer.
//
// Shapes   x: [blocks * block], bytes: [blocks * block_bytes].
// Errors   std::invalid_argument if the sizes disagree, `id` is no GGUF type or
//          one that is read only; nothing is written.
constexpr void EncodeGguf(FormatId id, std::span<const float> x,
                          std::span<std::uint8_t> bytes) {
  const FormatInfo& info = Info(id);
  NIBBLE_CHECK("EncodeGguf", info.block_bytes != 0);
  NIBBLE_CHECK("EncodeGguf", !info.decode_only);
  NIBBLE_CHECK("EncodeGguf", x.size() % info.block == 0);
  NIBBLE_CHECK("EncodeGguf",
               bytes.size() == x.size() / info.block * info.block_bytes);
  using namespace gguf_internal;
  switch (id) {
    case FormatId::kQ4_0:
      return EncodeAll<GgufQ4_0>(x, bytes);
    case FormatId::kQ4_1:
      return EncodeAll<GgufQ4_1>(x, bytes);
    case FormatId::kQ5_0:
      return EncodeAll<GgufQ5_0>(x, bytes);
    case FormatId::kQ8_0:
      return EncodeAll<GgufQ8_0>(x, bytes);
    case FormatId::kTq1_0:
      return EncodeAll<GgufTq1_0>(x, bytes);
    case FormatId::kTq2_0:
      return EncodeAll<GgufTq2_0>(x, bytes);
    case FormatId::kGgufMxfp4:
      return EncodeAll<GgufMxfp4>(x, bytes);
    default:
      throw std::logic_error("EncodeGguf: a GGUF type without an encoder");
  }
}

}  // namespace nibble
