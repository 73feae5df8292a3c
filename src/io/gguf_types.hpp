// What reading and writing of GGUF share: sizes and limits.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "nibble/io/gguf.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {

inline constexpr std::string_view kGgufMagic = "GGUF";
inline constexpr std::uint32_t kGgufVersion = 3;
inline constexpr std::string_view kGgufAlignmentKey = "general.alignment";
inline constexpr std::uint32_t kGgufAlignment = 32;  // where none is given
inline constexpr std::size_t kGgufLongestKey = 65535;
inline constexpr std::size_t kGgufLongestName = 64;
inline constexpr std::size_t kGgufMostDimensions = 4;
inline constexpr std::size_t kGgufDeepest = 8;  // arrays within arrays

constexpr bool IsGgufAlignment(std::uint32_t n) {
  return std::has_single_bit(n) && n >= 8 && n <= 1u << 20;
}

// Bytes of a tensor of this shape, row-major; nothing where rows are no whole
// blocks or the size does not fit.
inline std::optional<std::size_t> GgufBytes(
    const GgufTensorType& type, std::span<const std::size_t> shape) {
  const std::size_t row = shape.empty() ? 1 : shape.back();
  const auto count = CheckedCount(shape);
  if (!count) return std::nullopt;
  // I2_S runs on through the rows.
  if ((type.tail_bytes == 0 ? row : *count) % type.block != 0) {
    return std::nullopt;
  }
  const auto bytes = CheckedMul(*count / type.block, type.block_bytes);
  return bytes ? CheckedAdd(*bytes, type.tail_bytes) : std::nullopt;
}

// n rounded up to a multiple of the alignment.
inline std::optional<std::size_t> PaddedTo(std::size_t n,
                                           std::size_t alignment) {
  const auto more = CheckedAdd(n, alignment - 1);
  if (!more) return std::nullopt;
  return *more / alignment * alignment;
}

}  // namespace nibble::io
