// What the writer and the reader of quantized files agree on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "nibble/format/registry.hpp"
#include "nibble/nn/quantized_file.hpp"
#include "nibble/quant/pack.hpp"

namespace nibble::nn {

inline constexpr std::string_view kKey = "nibble:";

inline bool IsTernary(const Scheme& scheme) {
  return Info(Info(scheme.format).element).family == Family::kTernary;
}
inline bool IsWide(const Scheme& scheme) {
  return Info(scheme.format).bits == 16;
}

inline std::size_t CodeBytes(const Scheme& scheme, std::size_t count) {
  if (IsTernary(scheme)) return PackedBytesBase3(count);
  return IsWide(scheme) ? 2 * count
                        : PackedBytes(count, Info(scheme.format).bits);
}

// How scales are written: as codes of `format` times `factor`.
struct ScaleForm {
  std::string dtype = "F32";
  FormatId format = FormatId::kBf16;  // unused for F32
  float factor = 1;
};

inline ScaleForm FormOf(const Scheme& scheme, float tensor_scale) {
  const FormatInfo& info = Info(scheme.format);
  if (scheme.granularity != Granularity::kBlock) return {};
  if (scheme.format == FormatId::kNvfp4) {
    return {"F8_E4M3", FormatId::kFp8E4m3, tensor_scale};
  }
  if (info.scale == FormatId::kE8m0) return {"F8_E8M0", FormatId::kE8m0, 1};
  if (info.scale == FormatId::kFp16) return {"F16", FormatId::kFp16, 1};
  return {};
}

inline float DecodeScale(const ScaleForm& form, std::uint32_t code) {
  return Decode(form.format, code) * form.factor;
}

}  // namespace nibble::nn
