// What the kernels are told about a format: few kernels serve all formats, and
// these are the numbers by which one differs from the next.
//
//     kInteger        integers, half-shifted integers, ternary
//     kMinifloat      bf16, fp16, fp8, fp6, fp4
//     kTable          up to 16 values: nf4, int1, log4_f0
//     kPosit          posits of 8 and 16 bits
//     kLogarithmic    logarithms of 4 to 8 bits
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "nibble/format/registry.hpp"
#include "nibble/quant/integer_grid.hpp"

namespace nibble {

enum class CodecKind : std::uint8_t {
  kInteger,
  kMinifloat,
  kTable,
  kPosit,
  kLogarithmic,
};

// Up to 16 values behind 15 thresholds: index = #{t : y >= t}. Unused
// thresholds are NaN, which no y reaches.
struct ThresholdTable {
  std::array<float, 15> thresholds{};
  std::array<float, 16> values{};  // by code
  // sign_code != 0: thresholds are for |y|, and the code of a negative y is its
  // index with this bit. Else code = index ^ flip.
  std::uint32_t sign_code = 0;
  std::uint32_t flip = 0;
  std::uint32_t nan_code = 0;
  bool signed_zero = true;  // -0 keeps its sign
};

// One octave of a logarithmic format. With G fraction bits and j the upper G
// bits of a float's mantissa m, the level within the octave is
//
//     j + (m >= first[j]) + (m >= second[j])
//
// because 2^G log2(1 + j / 2^G) is less than 1.4 above j. A level of 2^G is the
// next octave's first. Unused thresholds are out of m's reach.
struct LogarithmicTable {
  std::array<std::int32_t, 16> first{};  // in units of 2^-23
  std::array<std::int32_t, 16> second{};
  std::array<float, 16> values{};  // by level, in [1, 2)
  float lowest = 0;                // smallest value above zero
  float zero_below = 0;            // magnitudes below it become zero
};

struct Codec {
  CodecKind kind = CodecKind::kInteger;
  FormatId format = FormatId::kInt8;           // of an element
  bool wide = false;                           // codes of 16 bits
  Rounding rounding = Rounding::kNearestEven;  // of all but integers
  // y = x / scale and not x * (1 / scale).
  bool divides = false;

  IntegerGrid integer{};
  MinifloatParams minifloat{};
  PositParams posit{};
  LogarithmicParams logarithmic{};
  ThresholdTable table{};  // its values in every format of up to 16 codes
  LogarithmicTable octave{};
  // Minifloats of up to 8 bits: the upper halves of the floats of codes 0 ..
  // 127 (modulo the format's), which have nothing in their lower halves.
  std::array<std::uint16_t, 128> halves{};

  // Code plus zero point outside [low, high] before it is rounded is counted as
  // saturated: further from the outermost value than rounding reaches.
  float low = 0;
  float high = 0;
};

// Sets what counts as saturated in an integer codec: half a step (a whole one
// where floor takes it away) outside the grid, and 2^-10 of one for what the
// scale's own rounding adds.
constexpr void SetLimits(Codec& codec) {
  const IntegerGrid& grid = codec.integer;
  const bool floors = grid.rounding == Rounding::kFloor && grid.add == 0;
  const float up = grid.half_shift || floors ? 1.0f : 0.5f;
  codec.low = static_cast<float>(grid.low) - (1.0f - up) - 0x1p-10f;
  codec.high = static_cast<float>(grid.high) + up + 0x1p-10f;
}

namespace codec_internal {

// The smallest positive float from `low` up to which `above` is true, for a
// predicate that turns true once. NaN if it is false at `high`.
template <class Predicate>
constexpr float FirstTrue(float low, float high, Predicate above) {
  if (!above(high)) return std::numeric_limits<float>::quiet_NaN();
  // Order-preserving integers.
  const auto key = [](float f) {
    const auto bits = std::bit_cast<std::int32_t>(f);
    return bits < 0 ? std::int64_t{-1} - (bits & 0x7FFFFFFF)
                    : std::int64_t{bits};
  };
  const auto value = [](std::int64_t k) {
    return std::bit_cast<float>(k < 0 ? static_cast<std::uint32_t>(-1 - k) |
                                            0x80000000u
                                      : static_cast<std::uint32_t>(k));
  };
  std::int64_t lo = key(low) - 1;  // false
  std::int64_t hi = key(high);     // true
  while (hi - lo > 1) {
    const std::int64_t middle = lo + (hi - lo) / 2;
    (above(value(middle)) ? hi : lo) = middle;
  }
  return value(hi);
}

// Decode of 0 .. 15, of which a shorter format sees its own bits.
inline std::array<float, 16> MakeValues(FormatId format) {
  std::array<float, 16> values;
  for (std::uint32_t c = 0; c < 16; ++c) {
    values[c] = Decode(format, c % Info(format).codes);
  }
  return values;
}

// The same for 0 .. 127, upper halves only.
inline std::array<std::uint16_t, 128> MakeHalves(FormatId format) {
  std::array<std::uint16_t, 128> halves;
  for (std::uint32_t c = 0; c < 128; ++c) {
    const float value = Decode(format, c % Info(format).codes);
    halves[c] =
        static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
  }
  return halves;
}

// Thresholds where Encode steps from one code to the next, found from Encode
// itself, so that ties fall as it says.
inline ThresholdTable MakeTable(FormatId format, const Policy& policy = {}) {
  const FormatInfo& info = Info(format);
  ThresholdTable table;
  table.thresholds.fill(std::numeric_limits<float>::quiet_NaN());
  table.values = MakeValues(format);
  table.nan_code = Encode(format, std::numeric_limits<float>::quiet_NaN());
  const bool sign =
      info.family == Family::kLogarithmic || info.family == Family::kMinifloat;
  table.sign_code = sign ? 1u << (info.bits - 1) : 0;
  table.flip = format == FormatId::kInt1 ? 1 : 0;
  const std::uint32_t indices = sign ? table.sign_code : info.codes;
  const float top = info.max;
  for (std::uint32_t i = 1; i < indices; ++i) {
    table.thresholds[i - 1] = FirstTrue(sign ? 0.0f : -top, top, [&](float y) {
      return (Encode(format, y, policy) ^ table.flip) >= i;
    });
  }
  return table;
}

inline LogarithmicTable MakeLogarithmicTable(FormatId format) {
  const LogarithmicParams& p = Info(format).logarithmic;
  const auto encode = [&](float y) { return Encode(format, y); };
  const std::uint32_t levels = 1u << p.fraction_bits;
  const auto bias = static_cast<std::uint32_t>(p.bias());  // the code of 1
  LogarithmicTable table;
  table.first.fill(1 << 23);
  table.second.fill(1 << 23);
  for (std::uint32_t j = 0; j < levels; ++j) {
    const float low = 1 + static_cast<float>(j) / static_cast<float>(levels);
    const float high = low + 1 / static_cast<float>(levels);
    for (std::uint32_t i = 1; i <= 2; ++i) {
      const float t = FirstTrue(low, std::nextafter(high, 1.0f), [&](float y) {
        return encode(y) >= bias + j + i;
      });
      if (t != t) continue;
      (i == 1 ? table.first : table.second)[j] =
          static_cast<std::int32_t>((t - 1) * 0x1p23f);
    }
    table.values[j] = Decode(format, bias + j);
  }
  table.lowest = Decode(format, 1);
  table.zero_below =
      FirstTrue(0.0f, table.lowest, [&](float y) { return encode(y) >= 1; });
  return table;
}

// A 4-bit minifloat whose ties go towards zero, and that never writes -0.
inline Codec HalfToZeroCodec(FormatId format) {
  Codec codec;
  codec.kind = CodecKind::kTable;
  codec.format = format;
  codec.rounding = Rounding::kHalfToZero;
  codec.table = MakeTable(format, {.rounding = codec.rounding});
  codec.table.signed_zero = false;
  codec.low = Info(format).min;
  codec.high = Info(format).max;
  return codec;
}

}  // namespace codec_internal

// The codec of a format's elements under the default policy: nearest even,
// saturating, narrow integers.
//
// Domain   an element format; not a block, not e8m0.
inline Codec MakeCodec(FormatId format) {
  const FormatInfo& info = Info(format);
  // A scale rounds; what it throws past the end by a few ulps is not counted.
  constexpr float kSlack = 1.0f + 0x1p-20f;
  Codec codec;
  codec.format = format;
  codec.wide = info.bits > 8;
  codec.low = info.min * kSlack;
  codec.high = info.max * kSlack;
  if (info.family == Family::kTernary) {
    codec.integer = {.low = -1, .high = 1, .offset = 1};
    SetLimits(codec);
  } else if (info.family == Family::kInteger && format != FormatId::kInt1) {
    codec.integer = {.low = info.integer.lowest(true),
                     .high = info.integer.highest(),
                     .half_shift = info.integer.half_shift};
    SetLimits(codec);
  } else if (info.family == Family::kMinifloat) {
    codec.kind = CodecKind::kMinifloat;
    codec.minifloat = info.minifloat;
    codec.table.values = codec_internal::MakeValues(format);
    if (!codec.wide) codec.halves = codec_internal::MakeHalves(format);
  } else if (info.family == Family::kPosit) {
    codec.kind = CodecKind::kPosit;
    codec.posit = info.posit;
  } else if (info.family == Family::kLogarithmic &&
             info.logarithmic.fraction_bits > 0) {
    codec.kind = CodecKind::kLogarithmic;
    codec.logarithmic = info.logarithmic;
    codec.table.values = codec_internal::MakeValues(format);
    codec.octave = codec_internal::MakeLogarithmicTable(format);
  } else {
    codec.kind = CodecKind::kTable;
    codec.table = codec_internal::MakeTable(format);
  }
  return codec;
}

// The same, made once per format.
inline const Codec& CodecOf(FormatId format) {
  static const auto all = [] {
    std::array<Codec, registry_internal::kFormatCount> codecs;
    for (const FormatInfo& info : AllFormats()) {
      if (info.family == Family::kBlock || info.family == Family::kScale) {
        continue;
      }
      codecs[static_cast<std::size_t>(info.id)] = MakeCodec(info.id);
    }
    return codecs;
  }();
  return all[static_cast<std::size_t>(format)];
}

// The code of x / scale, as it is stored: signed integers sign-extended.
constexpr std::uint32_t EncodeScaled(float x, const QuantParams& params,
                                     const Codec& codec,
                                     std::uint32_t random = 0) {
  if (codec.kind == CodecKind::kInteger) {
    return static_cast<std::uint8_t>(
        QuantizeInteger(x, params, codec.integer, random) +
        codec.integer.offset);
  }
  const float y = codec.divides ? x / params.scale : x * params.Inverse();
  const std::uint32_t code =
      Encode(codec.format, y, {.rounding = codec.rounding}, random);
  const bool drop = !codec.table.signed_zero && code == codec.table.sign_code;
  return drop ? 0 : code;
}

// The factor before the scale: the code's value less the zero point.
constexpr float ValueOfCode(std::uint32_t code, std::int32_t zero_point,
                            const Codec& codec) {
  if (codec.kind != CodecKind::kInteger) return Decode(codec.format, code);
  const IntegerGrid& grid = codec.integer;
  const std::int32_t k = grid.low + grid.offset < 0
                             ? static_cast<std::int8_t>(code)
                             : static_cast<std::int32_t>(code);
  return DequantizeInteger(k - grid.offset, {.zero_point = zero_point}, grid);
}

// x of a code.
constexpr float DecodeScaled(std::uint32_t code, const QuantParams& params,
                             const Codec& codec) {
  return ValueOfCode(code, params.zero_point, codec) * params.scale;
}

}  // namespace nibble
