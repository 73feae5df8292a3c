// Codes of fewer than eight bits, packed into bytes and back.
//
// Bits: code i of b bits lies in bits b·i, ..., b·i + b - 1 of the stream, the
// lowest bit of a byte first. That is how safetensors holds F4 and F6.
//
//     b = 4   byte 0 [1111|0000]                      low half: code 0
//     b = 2   byte 0 [33|22|11|00]
//     b = 6   bytes  [11|000000] [2222|1111] [333333|22]
//     b = 3   bytes  [22|111|000] [5|444|333|2] [777|666|55]
//
// Base 3: five codes t0..t4 of {0, 1, 2} to a byte, t0 + 3·t1 + 9·t2 + 27·t3 +
// 81·t4, at most 242. 1.6 bits a code where two whole bits would take 2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/check.hpp"

namespace nibble {

// Bytes that n codes of `bits` bits take.
constexpr std::size_t PackedBytes(std::size_t n, int bits) {
  const auto b = static_cast<std::size_t>(bits);
  // n / 8 groups of eight codes are whole bytes: no n·bits that could overflow.
  return n / 8 * b + (n % 8 * b + 7) / 8;
}

// Shapes   codes: [n]; out: [PackedBytes(n, bits)].
// Domain   bits in [1, 8]; bits of a code above those are dropped (a negative
//          int8 becomes its two's complement of `bits` bits).
// Errors   std::invalid_argument; nothing is written.
inline void PackBits(std::span<const std::uint8_t> codes, int bits,
                     std::span<std::uint8_t> out) {
  NIBBLE_CHECK("PackBits", bits >= 1 && bits <= 8);
  NIBBLE_CHECK("PackBits", out.size() == PackedBytes(codes.size(), bits));
  const std::uint32_t mask = (1u << bits) - 1;
  std::uint32_t stream = 0;  // bits not written yet, lowest first
  int held = 0;
  std::size_t byte = 0;
  for (const std::uint8_t code : codes) {
    stream |= (code & mask) << held;
    for (held += bits; held >= 8; held -= 8, stream >>= 8) {
      out[byte++] = static_cast<std::uint8_t>(stream & 0xFF);
    }
  }
  if (held > 0) out[byte] = static_cast<std::uint8_t>(stream);
}

// The reverse: codes as unsigned numbers below 2^bits.
inline void UnpackBits(std::span<const std::uint8_t> packed, int bits,
                       std::span<std::uint8_t> codes) {
  NIBBLE_CHECK("UnpackBits", bits >= 1 && bits <= 8);
  NIBBLE_CHECK("UnpackBits", packed.size() == PackedBytes(codes.size(), bits));
  const std::uint32_t mask = (1u << bits) - 1;
  std::uint32_t stream = 0;
  int held = 0;
  std::size_t byte = 0;
  for (std::uint8_t& code : codes) {
    if (held < bits) {
      stream |= static_cast<std::uint32_t>(packed[byte++]) << held;
      held += 8;
    }
    code = static_cast<std::uint8_t>(stream & mask);
    stream >>= bits;
    held -= bits;
  }
}

constexpr std::size_t PackedTritBytes(std::size_t n) {
  return n / 5 + (n % 5 + 4) / 5;
}

// Shapes   codes: [n], each 0, 1 or 2; out: [PackedTritBytes(n)].
// Errors   std::invalid_argument; nothing is written.
inline void PackTrits(std::span<const std::uint8_t> codes,
                      std::span<std::uint8_t> out) {
  NIBBLE_CHECK("PackTrits", out.size() == PackedTritBytes(codes.size()));
  for (const std::uint8_t code : codes) NIBBLE_CHECK("PackTrits", code <= 2);
  for (std::size_t byte = 0; byte < out.size(); ++byte) {
    std::uint32_t sum = 0;
    for (std::size_t i = 5; i-- > 0;) {
      const std::size_t at = 5 * byte + i;
      sum = 3 * sum + (at < codes.size() ? codes[at] : 0u);
    }
    out[byte] = static_cast<std::uint8_t>(sum);
  }
}

// Domain   bytes of at most 242; a larger one gives codes as of byte % 243.
inline void UnpackTrits(std::span<const std::uint8_t> packed,
                        std::span<std::uint8_t> codes) {
  NIBBLE_CHECK("UnpackTrits", packed.size() == PackedTritBytes(codes.size()));
  for (std::size_t i = 0, rest = 0; i < codes.size(); ++i) {
    if (i % 5 == 0) rest = packed[i / 5];
    codes[i] = static_cast<std::uint8_t>(rest % 3);
    rest /= 3;
  }
}

}  // namespace nibble
