// The table behind registry.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "nibble/format/codebook.hpp"
#include "nibble/format/e8m0.hpp"
#include "nibble/format/format_info.hpp"
#include "nibble/format/ternary.hpp"

namespace nibble::registry_internal {

constexpr FormatInfo Element(FormatId id, std::string_view name, Family family,
                             int bits, float min, float max) {
  FormatInfo info;
  info.id = info.element = info.scale = id;
  info.name = name;
  info.family = family;
  info.bits = bits;
  info.codes = 1u << bits;
  info.is_signed = min < 0;
  info.bits_per_element = bits;
  info.min = min;
  info.max = max;
  return info;
}

constexpr FormatInfo IntegerInfo(int first, int bits, bool is_signed,
                                 bool half_shift) {
  const IntegerParams params{bits, is_signed, half_shift};
  const float shift = half_shift ? 0.5f : 0.0f;
  const bool sign = is_signed && bits == 1 && !half_shift;
  FormatInfo info = Element(
      static_cast<FormatId>(first + bits - 1),
      integer_internal::kNames[half_shift ? 2 : (is_signed ? 0 : 1)][bits - 1],
      Family::kInteger, bits, static_cast<float>(params.lowest(false)) + shift,
      sign ? 1.0f : static_cast<float>(params.highest()) + shift);
  info.integer = params;
  return info;
}

template <class Format>
constexpr FormatInfo MinifloatInfo(FormatId id) {
  const float max = Format::Decode(Format::kParams.max_code());
  FormatInfo info =
      Element(id, Format::kName, Family::kMinifloat, Format::kBits, -max, max);
  info.minifloat = Format::kParams;
  return info;
}

template <class Format>
constexpr FormatInfo PositInfo(FormatId id) {
  const float max = Format::Decode(Format::kParams.nar() - 1);
  FormatInfo info =
      Element(id, Format::kName, Family::kPosit, Format::kBits, -max, max);
  info.posit = Format::kParams;
  return info;
}

template <class Format>
constexpr FormatInfo LogarithmicInfo(FormatId id) {
  const float max = Format::Decode(Format::kParams.sign_code() - 1);
  FormatInfo info = Element(id, Format::kName, Family::kLogarithmic,
                            Format::kBits, -max, max);
  info.logarithmic = Format::kParams;
  return info;
}

constexpr FormatInfo TernaryInfo() {
  FormatInfo info = Element(FormatId::kTernary, Ternary::kName,
                            Family::kTernary, Ternary::kBits, -1, 1);
  info.codes = Ternary::kCodes;
  info.bits_per_element = 1.6;
  return info;
}

// A block of `size` elements like `element` with one scale.
constexpr FormatInfo Block(FormatId id, std::string_view name,
                           const FormatInfo& element, FormatId scale,
                           std::size_t size, double bits_per_element,
                           float element_step = 1) {
  FormatInfo info = element;
  info.id = id;
  info.name = name;
  info.family = Family::kBlock;
  info.bits_per_element = bits_per_element;
  info.min *= element_step;
  info.max *= element_step;
  info.block = size;
  info.element = element.id;
  info.scale = scale;
  info.element_step = element_step;
  return info;
}

// A GGUF block: `bytes` bytes for `size` elements.
constexpr FormatInfo Gguf(FormatId id, std::string_view name,
                          const FormatInfo& element, FormatId scale,
                          std::size_t size, std::size_t bytes,
                          bool decode_only) {
  FormatInfo info =
      Block(id, name, element, scale, size,
            8.0 * static_cast<double>(bytes) / static_cast<double>(size));
  info.block_bytes = bytes;
  info.decode_only = decode_only;
  return info;
}

inline constexpr std::size_t kFormatCount =
    static_cast<std::size_t>(FormatId::kIq4Nl) + 1;

constexpr std::array<FormatInfo, kFormatCount> MakeTable() {
  using enum FormatId;
  std::array<FormatInfo, kFormatCount> table{};
  const auto put = [&table](const FormatInfo& info) {
    table[static_cast<std::size_t>(info.id)] = info;
  };
  const auto at = [&table](FormatId id) -> const FormatInfo& {
    return table[static_cast<std::size_t>(id)];
  };
  for (int bits = 1; bits <= 8; ++bits) {
    put(IntegerInfo(static_cast<int>(kInt1), bits, true, false));
    put(IntegerInfo(static_cast<int>(kUint1), bits, false, false));
    put(IntegerInfo(static_cast<int>(kHint1), bits, true, true));
  }
  put(TernaryInfo());
  put(MinifloatInfo<Bf16>(kBf16));
  put(MinifloatInfo<Fp16>(kFp16));
  put(MinifloatInfo<Fp8E4m3>(kFp8E4m3));
  put(MinifloatInfo<Fp8E5m2>(kFp8E5m2));
  put(MinifloatInfo<Fp8E3m4>(kFp8E3m4));
  put(MinifloatInfo<Fp8E4m3Ieee>(kFp8E4m3Ieee));
  put(MinifloatInfo<Fp8E4m3Fnuz>(kFp8E4m3Fnuz));
  put(MinifloatInfo<Fp8E5m2Fnuz>(kFp8E5m2Fnuz));
  put(MinifloatInfo<Fp6E3m2>(kFp6E3m2));
  put(MinifloatInfo<Fp6E2m3>(kFp6E2m3));
  put(MinifloatInfo<Fp4E2m1>(kFp4E2m1));
  put(Element(kE8m0, E8m0::kName, Family::kScale, E8m0::kBits, E8m0::Decode(0),
              E8m0::Decode(254)));
  put(Element(kNf4, Nf4::kName, Family::kCodebook, Nf4::kBits, -1, 1));
  put(PositInfo<Posit8Es0>(kPosit8Es0));
  put(PositInfo<Posit8Es1>(kPosit8Es1));
  put(PositInfo<Posit8Es2>(kPosit8Es2));
  put(PositInfo<Posit16Es0>(kPosit16Es0));
  put(PositInfo<Posit16Es1>(kPosit16Es1));
  put(PositInfo<Posit16Es2>(kPosit16Es2));
  put(LogarithmicInfo<Log4F0>(kLog4F0));
  put(LogarithmicInfo<Log4F1>(kLog4F1));
  put(LogarithmicInfo<Log6F2>(kLog6F2));
  put(LogarithmicInfo<Log8F3>(kLog8F3));
  put(LogarithmicInfo<Log8F4>(kLog8F4));

  put(Block(kMxfp8E4m3, "mxfp8_e4m3", at(kFp8E4m3), kE8m0, 32, 8.25));
  put(Block(kMxfp8E5m2, "mxfp8_e5m2", at(kFp8E5m2), kE8m0, 32, 8.25));
  put(Block(kMxfp6E3m2, "mxfp6_e3m2", at(kFp6E3m2), kE8m0, 32, 6.25));
  put(Block(kMxfp6E2m3, "mxfp6_e2m3", at(kFp6E2m3), kE8m0, 32, 6.25));
  put(Block(kMxfp4, "mxfp4", at(kFp4E2m1), kE8m0, 32, 4.25));
  put(Block(kMxint8, "mxint8", at(kInt8), kE8m0, 32, 8.25, 0.015625f));
  put(Block(kNvfp4, "nvfp4", at(kFp4E2m1), kFp8E4m3, 16, 4.5));

  put(Gguf(kQ4_0, "q4_0", at(kInt4), kFp16, 32, 18, false));
  put(Gguf(kQ8_0, "q8_0", at(kInt8), kFp16, 32, 34, false));
  put(Gguf(kTq1_0, "tq1_0", at(kTernary), kFp16, 256, 54, false));
  put(Gguf(kTq2_0, "tq2_0", at(kTernary), kFp16, 256, 66, false));
  put(Gguf(kGgufMxfp4, "gguf_mxfp4", at(kFp4E2m1), kE8m0, 32, 17, false));
  put(Gguf(kQ4_1, "q4_1", at(kUint4), kFp16, 32, 20, false));
  put(Gguf(kQ5_0, "q5_0", at(kInt5), kFp16, 32, 22, false));
  put(Gguf(kQ2K, "q2_k", at(kUint2), kFp16, 256, 84, true));
  put(Gguf(kQ4K, "q4_k", at(kUint4), kFp16, 256, 144, true));
  put(Gguf(kQ6K, "q6_k", at(kInt6), kFp16, 256, 210, true));
  FormatInfo levels = at(kUint4);
  levels.id = kIq4Nl;
  levels.integer = {};
  levels.is_signed = true;
  levels.min = Iq4Levels::kValues.front();
  levels.max = Iq4Levels::kValues.back();
  put(Gguf(kIq4Nl, Iq4Levels::kName, levels, kFp16, 32, 18, true));
  return table;
}

inline constexpr std::array<FormatInfo, kFormatCount> kFormats = MakeTable();

}  // namespace nibble::registry_internal
