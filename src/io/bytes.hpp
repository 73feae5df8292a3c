// What the readers of this room share: sizes that cannot overflow, numbers of
// either byte order, and foreign text made fit for a message.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "nibble/io/file.hpp"

namespace nibble::io {

static_assert(std::endian::native == std::endian::little,
              "files are little-endian, and read as they lie");

// The sum or product, nothing where it does not fit.
inline std::optional<std::size_t> CheckedAdd(std::size_t a, std::size_t b) {
  std::size_t out;
  if (__builtin_add_overflow(a, b, &out)) return std::nullopt;
  return out;
}
inline std::optional<std::size_t> CheckedMul(std::size_t a, std::size_t b) {
  std::size_t out;
  if (__builtin_mul_overflow(a, b, &out)) return std::nullopt;
  return out;
}

// The product of a shape: 1 for none, nothing where it does not fit. A zero
// does not excuse the others: they must fit without it.
inline std::optional<std::size_t> CheckedCount(
    std::span<const std::size_t> shape) {
  std::size_t nonzero = 1;
  bool empty = false;
  for (const std::size_t n : shape) {
    if (n == 0) {
      empty = true;
      continue;
    }
    const auto next = CheckedMul(nonzero, n);
    if (!next) return std::nullopt;
    nonzero = *next;
  }
  return empty ? 0 : nonzero;
}

// Bytes of so many elements of so many bits, nothing where that does not fit or
// is no whole number.
inline std::optional<std::size_t> CheckedBytes(
    std::span<const std::size_t> shape, std::size_t bits) {
  const auto count = CheckedCount(shape);
  if (!count) return std::nullopt;
  const auto total = CheckedMul(*count, bits);
  if (!total || *total % 8 != 0) return std::nullopt;
  return *total / 8;
}

// The number at bytes[offset]; the caller has checked that it lies inside.
template <class T>
T LoadLittle(Bytes bytes, std::size_t offset) {
  T out;
  std::memcpy(&out, bytes.data() + offset, sizeof(T));
  return out;
}
inline std::uint32_t LoadBig32(Bytes bytes, std::size_t offset) {
  return __builtin_bswap32(LoadLittle<std::uint32_t>(bytes, offset));
}

inline std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "abc\x01": in quotes, without unprintable bytes, at most 60 characters.
inline std::string Quoted(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\') {
      out += c;
    } else {
      (out += "\\x") += {kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out + (text.size() > kLongest ? "...\"" : "\"");
}

// "[2, 3]"
inline std::string ShapeText(std::span<const std::size_t> shape) {
  constexpr std::size_t kMost = 8;
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size() && i < kMost; ++i) {
    out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return out + (shape.size() > kMost ? ", ...]" : "]");
}

}  // namespace nibble::io
