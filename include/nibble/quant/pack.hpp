// Codes of fewer than 8 bits, packed into bytes and back.
//
//     2 bits   [d d|c c|b b|a a]           a is element 4 i, byte i
//     4 bits   [b b b b|a a a a]           a is element 2 i, byte i
//     6 bits   [b b|a a a a a a]           three bytes for elements 4 i = a, b,
//              [c c c c|b b b b]           c, d: a little-endian number of 24
//              [d d d d d d|c c]           bits
//     base 3   a + 3 b + 9 c + 27 d + 81 e five ternary codes 0, 1, 2 in a byte
//
// Low bits first, so that element order is the order of a little-endian number
// and a reader of any length needs no table. A last byte that is not full is
// filled up with code 0. Signed codes may come sign-extended; they leave as
// they are stored, without their sign extended (SignExtend puts it back).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/check.hpp"

namespace nibble {

// Bytes that n codes of `bits` bits take: ceil(n * bits / 8).
//
// Domain   bits 1, 2, 4, 6, 8. Six-bit codes may end within a group of four.
constexpr std::size_t PackedBytes(std::size_t n, int bits) {
  return (n * static_cast<std::size_t>(bits) + 7) / 8;
}
constexpr std::size_t PackedBytesBase3(std::size_t n) { return (n + 4) / 5; }

// Packs codes of `bits` bits; higher bits of a code are ignored.
//
// Shapes   codes: [n], packed: [PackedBytes(n, bits)].
// Errors   std::invalid_argument if the sizes disagree.
constexpr void Pack(std::span<const std::uint8_t> codes, int bits,
                    std::span<std::uint8_t> packed) {
  NIBBLE_CHECK("Pack", bits >= 1 && bits <= 8);
  NIBBLE_CHECK("Pack", packed.size() == PackedBytes(codes.size(), bits));
  const std::uint32_t mask = (1u << bits) - 1;
  std::uint32_t pending = 0;  // bits not yet written, lowest first
  int count = 0;
  std::size_t byte = 0;
  for (const std::uint8_t code : codes) {
    pending |= (code & mask) << count;
    for (count += bits; count >= 8; count -= 8, pending >>= 8) {
      packed[byte++] = static_cast<std::uint8_t>(pending);
    }
  }
  if (count > 0) packed[byte] = static_cast<std::uint8_t>(pending);
}

// The inverse of Pack: codes[i] < 2^bits.
constexpr void Unpack(std::span<const std::uint8_t> packed, int bits,
                      std::span<std::uint8_t> codes) {
  NIBBLE_CHECK("Unpack", bits >= 1 && bits <= 8);
  NIBBLE_CHECK("Unpack", packed.size() == PackedBytes(codes.size(), bits));
  const std::uint32_t mask = (1u << bits) - 1;
  std::uint32_t pending = 0;
  int count = 0;
  std::size_t byte = 0;
  for (std::uint8_t& code : codes) {
    if (count < bits) {
      pending |= std::uint32_t{packed[byte++]} << count;
      count += 8;
    }
    code = static_cast<std::uint8_t>(pending & mask);
    pending >>= bits;
    count -= bits;
  }
}

// Packs ternary codes five to a byte.
//
// Shapes   codes: [n], packed: [PackedBytesBase3(n)].
// Domain   codes 0, 1, 2.
// Errors   std::invalid_argument if the sizes disagree or a code is above 2.
constexpr void PackBase3(std::span<const std::uint8_t> codes,
                         std::span<std::uint8_t> packed) {
  NIBBLE_CHECK("PackBase3", packed.size() == PackedBytesBase3(codes.size()));
  NIBBLE_CHECK("PackBase3", std::ranges::all_of(
                                codes, [](std::uint8_t c) { return c < 3; }));
  for (std::size_t b = 0; b < packed.size(); ++b) {
    std::uint32_t value = 0;
    for (std::size_t i = std::min(codes.size(), b * 5 + 5); i-- > b * 5;) {
      value = value * 3 + codes[i];
    }
    packed[b] = static_cast<std::uint8_t>(value);
  }
}

// The inverse of PackBase3. Bytes above 242, which it never writes, give codes
// 0 to 2 all the same.
constexpr void UnpackBase3(std::span<const std::uint8_t> packed,
                           std::span<std::uint8_t> codes) {
  NIBBLE_CHECK("UnpackBase3", packed.size() == PackedBytesBase3(codes.size()));
  for (std::size_t i = 0, value = 0; i < codes.size(); ++i) {
    if (i % 5 == 0) value = packed[i / 5];
    codes[i] = static_cast<std::uint8_t>(value % 3);
    value /= 3;
  }
}

// A code of `bits` bits as int8: its top bit repeated above it.
constexpr std::int8_t SignExtend(std::uint8_t code, int bits) {
  const int shift = 8 - bits;
  return static_cast<std::int8_t>(
      static_cast<std::int8_t>(static_cast<std::uint8_t>(code << shift)) >>
      shift);
}

}  // namespace nibble
