// What becomes of an operand before it is multiplied: it is brought to the bits
// that the multiplier has.
//
// Every function here works on the bit pattern of a float without its sign, in
// integer steps, as the vector kernels do.
#pragma once

#include <bit>
#include <cstdint>

namespace nibble {

// The float formats that products are defined on. All but kF32 live in floats
// that hold their values.
enum class ProductFormat : std::uint8_t {
  kF32,
  kBf16,
  kFp16,
  kFp8E4m3,
  kFp8E5m2,
};

// A format as bit patterns of positive floats.
struct ProductRange {
  int mantissa_bits = 23;
  std::uint32_t min_normal = 0x00800000;  // smallest normal number
  std::uint32_t max_finite = 0x7F7FFFFF;  // largest finite number
  std::uint32_t overflow = 0x7F800000;    // what lies beyond becomes this
  bool has_infinity = true;

  bool operator==(const ProductRange&) const = default;
};

inline constexpr std::uint32_t kInfinityBits = 0x7F800000;
inline constexpr std::uint32_t kNaNBits = 0x7FC00000;
inline constexpr std::uint32_t kSignBit = 0x80000000;

// Overflow is infinity in f32, bf16 and fp16, the largest finite number in fp8.
constexpr ProductRange RangeOf(ProductFormat format) {
  const auto bits = [](float x) { return std::bit_cast<std::uint32_t>(x); };
  switch (format) {
    case ProductFormat::kBf16:
      return {7, bits(0x1p-126f), 0x7F7F0000, kInfinityBits, true};
    case ProductFormat::kFp16:
      return {10, bits(0x1p-14f), bits(65504), kInfinityBits, true};
    case ProductFormat::kFp8E4m3:
      return {3, bits(0x1p-6f), bits(448), bits(448), false};
    case ProductFormat::kFp8E5m2:
      return {2, bits(0x1p-14f), bits(57344), bits(57344), true};
    default:
      return {};
  }
}

// A magnitude with its mantissa cut to k bits, or rounded to k bits, a tie to
// the even one; a carry goes into the exponent. k = 23 changes nothing.
//
// Domain   0 < k <= 23; not NaN.
constexpr std::uint32_t KeepMantissa(std::uint32_t magnitude, int k,
                                     bool round) {
  const int drop = 23 - k;
  if (drop == 0) return magnitude;
  const std::uint32_t unit = 1u << drop;
  if (round) magnitude += unit / 2 - 1 + (magnitude >> drop & 1);
  return magnitude & ~(unit - 1);
}

// How an operand is prepared: rounded to the format, half to even, and then cut
// (or rounded) to k mantissa bits.
struct OperandRule {
  ProductRange range;
  int k = 23;  // at most range.mantissa_bits
  bool round = false;

  bool operator==(const OperandRule&) const = default;
};

// Largest magnitude that the format rounds to zero or to a subnormal number,
// plus one: a tie below the smallest normal number goes up to it.
constexpr std::uint32_t NormalFrom(const ProductRange& range) {
  if (range.mantissa_bits == 23) return range.min_normal;
  // The last place of the format, halved, below min_normal; floats lie twice as
  // densely there, unless they too are subnormal.
  const int places = range.min_normal == 0x00800000 ? 22 : 23;
  return range.min_normal - (1u << (places - range.mantissa_bits));
}

// The operand that takes part in the product.
//
// Range    zero, a normal number of the format, infinity, or the NaN 7FC00000.
//          Subnormal numbers of the format become zero; the sign of zero stays.
//          Numbers too large become range.overflow; infinity stays infinity, or
//          becomes NaN in a format without one.
constexpr float PrepareOperand(float x, const OperandRule& rule) {
  const ProductRange& range = rule.range;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits & kSignBit;
  std::uint32_t magnitude = bits ^ sign;
  if (magnitude > kInfinityBits ||
      (magnitude == kInfinityBits && !range.has_infinity)) {
    return std::bit_cast<float>(kNaNBits);
  }
  if (magnitude == kInfinityBits) return x;
  if (magnitude < NormalFrom(range)) return std::bit_cast<float>(sign);
  magnitude = KeepMantissa(magnitude, range.mantissa_bits, true);
  if (magnitude < range.min_normal) magnitude = range.min_normal;
  if (magnitude <= range.max_finite) {
    magnitude = KeepMantissa(magnitude, rule.k, rule.round);
  }
  if (magnitude > range.max_finite) magnitude = range.overflow;
  return std::bit_cast<float>(magnitude | sign);
}

}  // namespace nibble
