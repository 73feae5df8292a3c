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
};

struct Codec {
  CodecKind kind = CodecKind::kInteger;
  FormatId format = FormatId::kInt8;  // of an element
  bool wide = false;                  // codes of 16 bits
  // y = x / scale and not x * (1 / scale).
  bool divides = false;

  IntegerGrid integer{};
  MinifloatParams minifloat{};
  PositParams posit{};
  LogarithmicParams logarithmic{};
  // kTable: the format. kLogarithmic: mantissas of the levels of one octave,
  // [1, 2), and `last` for the one that belongs to the next octave.
  ThresholdTable table{};
  float last = 0;
  float zero_below = 0;  // kLogarithmic: |y| below this is zero

  // y outside [low, high] is counted as saturated.
  float low = 0;
  float high = 0;
};

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

// Thresholds where Encode steps from one code to the next, found from Encode
// itself, so that ties fall as it says.
inline ThresholdTable MakeTable(FormatId format) {
  const FormatInfo& info = Info(format);
  ThresholdTable table;
  table.thresholds.fill(std::numeric_limits<float>::quiet_NaN());
  for (std::uint32_t c = 0; c < info.codes && c < 16; ++c) {
    table.values[c] = Decode(format, c);
  }
  table.nan_code = Encode(format, std::numeric_limits<float>::quiet_NaN());
  const bool sign = info.family == Family::kLogarithmic;
  table.sign_code = sign ? info.logarithmic.sign_code() : 0;
  table.flip = format == FormatId::kInt1 ? 1 : 0;
  const std::uint32_t indices = sign ? table.sign_code : info.codes;
  const float top = info.max;
  for (std::uint32_t i = 1; i < indices; ++i) {
    table.thresholds[i - 1] = FirstTrue(sign ? 0.0f : -top, top, [&](float y) {
      return (Encode(format, y) ^ table.flip) >= i;
    });
  }
  return table;
}

inline void FillLogarithmic(Codec& codec) {
  const LogarithmicParams& p = codec.logarithmic;
  const auto encode = [&](float y) { return Encode(codec.format, y); };
  const std::uint32_t levels = 1u << p.fraction_bits;
  const auto bias = static_cast<std::uint32_t>(p.bias());
  codec.table.thresholds.fill(std::numeric_limits<float>::quiet_NaN());
  for (std::uint32_t i = 1; i <= levels; ++i) {
    const float t =
        FirstTrue(1.0f, 2.0f, [&](float y) { return encode(y) >= bias + i; });
    (i == levels ? codec.last : codec.table.thresholds[i - 1]) = t;
  }
  for (std::uint32_t i = 0; i < levels; ++i) {
    codec.table.values[i] = Decode(codec.format, bias + i);
  }
  codec.zero_below = FirstTrue(0.0f, Decode(codec.format, 1),
                               [&](float y) { return encode(y) >= 1; });
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
  } else if (info.family == Family::kInteger && format != FormatId::kInt1) {
    codec.integer = {.low = info.integer.lowest(true),
                     .high = info.integer.highest(),
                     .half_shift = info.integer.half_shift};
  } else if (info.family == Family::kMinifloat) {
    codec.kind = CodecKind::kMinifloat;
    codec.minifloat = info.minifloat;
  } else if (info.family == Family::kPosit) {
    codec.kind = CodecKind::kPosit;
    codec.posit = info.posit;
  } else if (info.family == Family::kLogarithmic &&
             info.logarithmic.fraction_bits > 0) {
    codec.kind = CodecKind::kLogarithmic;
    codec.logarithmic = info.logarithmic;
    codec_internal::FillLogarithmic(codec);
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
  return Encode(codec.format, y, {.rounding = codec.integer.rounding}, random);
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
