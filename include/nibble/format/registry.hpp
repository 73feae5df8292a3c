// Every format by name: what a command line, a file or a sweep chooses from.
//
//     const FormatInfo& info = Info(*FindFormat("fp8_e4m3"));
//     const std::uint32_t code = Encode(info.id, 3.3f);
//     const float value = Decode(info.id, code);            // 3.25
//
// The types (Fp8E4m3, Int<8>, ...) do the same where the format is known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "nibble/format/codebook.hpp"
#include "nibble/format/e8m0.hpp"
#include "nibble/format/format_info.hpp"
#include "nibble/format/registry_table.hpp"
#include "nibble/format/rounding.hpp"
#include "nibble/format/ternary.hpp"

namespace nibble {

// All formats, in the order of FormatId.
constexpr std::span<const FormatInfo> AllFormats() {
  return registry_internal::kFormats;
}

// The format's description.
constexpr const FormatInfo& Info(FormatId id) {
  return registry_internal::kFormats[static_cast<std::size_t>(id)];
}

// The format with exactly this name.
constexpr std::optional<FormatId> FindFormat(std::string_view name) {
  for (const FormatInfo& info : AllFormats()) {
    if (info.name == name) return info.id;
  }
  return std::nullopt;
}

// The float that an element's code stands for; of a block format before its
// scale.
constexpr float Decode(FormatId id, std::uint32_t code) {
  const FormatInfo& info = Info(id);
  switch (info.family) {
    case Family::kInteger:
      return DecodeInteger(info.integer, code);
    case Family::kTernary:
      return Ternary::Decode(code);
    case Family::kMinifloat:
      return DecodeMinifloat(info.minifloat, code);
    case Family::kScale:
      return E8m0::Decode(code);
    case Family::kCodebook:
      return Nf4::Decode(code);
    case Family::kPosit:
      return DecodePosit(info.posit, code);
    case Family::kLogarithmic:
      return DecodeLogarithmic(info.logarithmic, code);
    case Family::kBlock:
      return id == FormatId::kIq4Nl
                 ? Iq4Levels::Decode(code)
                 : Decode(info.element, code) * info.element_step;
  }
  return std::numeric_limits<float>::quiet_NaN();
}

// The code of x; of a block format for an x already divided by the scale.
constexpr std::uint32_t Encode(FormatId id, float x, const Policy& policy = {},
                               std::uint32_t random = 0) {
  const FormatInfo& info = Info(id);
  switch (info.family) {
    case Family::kInteger:
      return EncodeInteger(info.integer, x, policy, random);
    case Family::kTernary:
      return Ternary::Encode(x, policy, random);
    case Family::kMinifloat:
      return EncodeMinifloat(info.minifloat, x, policy, random);
    case Family::kScale:
      return E8m0::Encode(x, policy, random);
    case Family::kCodebook:
      return Nf4::Encode(x, policy, random);
    case Family::kPosit:
      return EncodePosit(info.posit, x, policy, random);
    case Family::kLogarithmic:
      return EncodeLogarithmic(info.logarithmic, x, policy, random);
    case Family::kBlock:
      return id == FormatId::kIq4Nl
                 ? Iq4Levels::Encode(x, policy, random)
                 : Encode(info.element, x / info.element_step, policy, random);
  }
  return 0;
}

}  // namespace nibble
