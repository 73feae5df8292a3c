// Any 8x8-bit multiplier as the table of its 65,536 products.
//
//     product = table[256 * a + b],  a and b as bytes
//
// a is the circuit's first argument. A signed circuit takes int8 operands. An
// unsigned one takes the magnitudes of signed operands, and the product gets
// the exclusive or of their signs. In matrix products a is the activation and b
// the weight.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "nibble/arith/truncated.hpp"
#include "nibble/core/aligned.hpp"
#include "nibble/core/check.hpp"

namespace nibble {

// Products of two signed bytes.
class ProductTable {
 public:
  static constexpr std::size_t kEntries = 65536;

  // product(a, b) for all bytes a, b of a circuit.
  template <class Product>
  static ProductTable Make(bool is_signed, const Product& product) {
    ProductTable table;
    table.is_signed_ = is_signed;
    for (std::size_t i = 0; i < kEntries; ++i) {
      table.circuit_[i] = product(static_cast<std::uint8_t>(i / 256),
                                  static_cast<std::uint8_t>(i % 256));
    }
    for (std::size_t i = 0; i < kEntries; ++i) {
      const auto a = static_cast<std::int8_t>(i / 256);
      const auto b = static_cast<std::int8_t>(i % 256);
      if (is_signed) {
        table.products_[i] = table.circuit_[i];
      } else {
        const auto magnitude = [](int v) {
          return static_cast<std::size_t>(v < 0 ? -v : v);
        };
        const std::int32_t p =
            table.circuit_[256 * magnitude(a) + magnitude(b)];
        table.products_[i] = (a < 0) != (b < 0) ? -p : p;
      }
    }
    table.Finish();
    return table;
  }

  // The circuit's own product of two bytes: uint16, or int16 if signed.
  std::int32_t Circuit(std::uint8_t a, std::uint8_t b) const {
    return circuit_[256 * std::size_t{a} + b];
  }
  // The product of signed operands.
  std::int32_t operator()(std::int8_t a, std::int8_t b) const {
    return products_[256 * std::size_t{static_cast<std::uint8_t>(a)} +
                     static_cast<std::uint8_t>(b)];
  }
  // Products of a with all b, indexed by b as a byte.
  const std::int32_t* Row(std::int8_t a) const {
    return products_.data() + 256 * std::size_t{static_cast<std::uint8_t>(a)};
  }
  bool is_signed() const { return is_signed_; }
  // Largest magnitude of a product of signed operands.
  std::int32_t largest() const { return largest_; }

  // Products of signed operands as bytes, for look-ups in registers:
  // [byte of a][plane][byte of b], plane 0 the low bytes, plane 1 the high ones
  // plus 128. Null if a product does not fit 16 bits.
  const std::uint8_t* planes() const {
    return planes_.empty() ? nullptr : planes_.data();
  }

 private:
  ProductTable() : circuit_(kEntries), products_(kEntries) {}

  void Finish() {
    bool fits = true;
    for (const std::int32_t p : products_) {
      largest_ = std::max(largest_, p < 0 ? -p : p);
      fits = fits && p >= -32768 && p <= 32767;
    }
    if (!fits) return;
    planes_.resize(2 * kEntries);
    for (std::size_t i = 0; i < kEntries; ++i) {
      const auto bits = static_cast<std::uint16_t>(products_[i]);
      const std::size_t at = i / 256 * 512 + i % 256;
      planes_[at] = static_cast<std::uint8_t>(bits);
      planes_[at + 256] = static_cast<std::uint8_t>((bits >> 8) + 128);
    }
  }

  bool is_signed_ = false;
  std::int32_t largest_ = 0;
  AlignedVector<std::uint8_t> planes_;
  std::vector<std::int32_t> circuit_, products_;
};

// An 8x8 truncated array as a table.
inline ProductTable MakeTruncatedTable(int t) {
  NIBBLE_CHECK("MakeTruncatedTable", t >= 0 && t <= kTruncatedMax);
  return ProductTable::Make(false, [t](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::int32_t>(Truncated(a, b, t));
  });
}

// Reads a table of EvoApproxLib's products: 65,536 little-endian 16-bit
// numbers, the entry of a and b at 256 a + b; int16 if signed, else uint16.
//
// Errors   InputError naming the file, if it cannot be read or has another
//          size.
inline ProductTable LoadProductTable(const std::filesystem::path& path,
                                     bool is_signed) {
  constexpr std::size_t kBytes = 2 * ProductTable::kEntries;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    throw InputError(path.string() + ": cannot be read");
  }
  std::vector<char> bytes(kBytes + 1);  // One more shows that there is more.
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (static_cast<std::size_t>(file.gcount()) != kBytes) {
    std::error_code ignored;
    throw InputError(
        path.string(), "size",
        std::to_string(std::filesystem::file_size(path, ignored)) + " bytes",
        std::to_string(kBytes) + " (65,536 products of 16 bits)");
  }
  return ProductTable::Make(is_signed, [&](std::uint8_t a, std::uint8_t b) {
    const std::size_t at = 2 * (256 * std::size_t{a} + b);
    const auto value = static_cast<std::uint16_t>(
        static_cast<unsigned char>(bytes[at]) |
        static_cast<unsigned char>(bytes[at + 1]) << 8);
    return is_signed ? std::int32_t{static_cast<std::int16_t>(value)}
                     : std::int32_t{value};
  });
}

}  // namespace nibble
