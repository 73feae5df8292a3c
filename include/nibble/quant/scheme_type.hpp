// What scheme.hpp declares.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "nibble/core/check.hpp"
#include "nibble/format/registry.hpp"

namespace nibble {

// How the scale is found and which way values are rounded.
enum class Recipe : std::uint8_t {
  kPlain,  // symmetric, narrow range, absolute maximum, half to even
  kAqt,    // google/aqt, legacy: floor(x·s + 0.5), s = (2^(b-1)-1)/(max+2^-23)
  kAqt2,   // google/aqt v2: absolute maximum over 2^(b-1) - 0.5, half to even
  kTorch,  // PyTorch's observers: full range, affine unless per channel
  kAbsmean,  // BitNet b1.58: ternary by the mean magnitude, int8 per token
  kAsym,     // affine: zero point, minimum and maximum
  kGguf,     // ggml's reference quantizers
};

// Which elements share a scale.
enum class Granularity : std::uint8_t {
  kTensor,   // all
  kChannel,  // weights: a row; activations under fixed scales: a column
  kToken,    // a row, found when the row is seen
  kGroup,  // a row's columns [i·group, (i+1)·group), the last one may be short
  kBlock,  // as the format says
};

struct Scheme {
  Recipe recipe = Recipe::kPlain;
  FormatId format = FormatId::kInt8;
  Granularity granularity = Granularity::kTensor;
  std::size_t group = 0;  // elements; 0 unless granularity is kGroup

  bool operator==(const Scheme&) const = default;
};

inline constexpr std::array<std::string_view, 7> kRecipeNames = {
    "plain", "aqt", "aqt2", "torch", "absmean", "asym", "gguf"};
inline constexpr std::array<std::string_view, 5> kGranularityNames = {
    "tensor", "channel", "token", "group", "block"};

// Returns the scheme that `name` means.
//
// Errors   InputError with the position of the first wrong character and the
//          nearest name that would be right:
//          "int3x: position 4: no such format, did you mean 'int3'?"
Scheme ParseScheme(std::string_view name);

// The scheme's name: ParseScheme(ToString(s)) == s. A recipe or granularity
// that would be assumed anyway is left out.
std::string ToString(const Scheme& scheme);

// Throws std::invalid_argument unless recipe, format and granularity go
// together, with the reason. Schemes from ParseScheme do.
void CheckScheme(const Scheme& scheme);

// Bits of storage per element of a [rows, cols] matrix: codes, scales (32 bits
// each outside block formats) and zero points (as wide as a code).
double BitsPerElement(const Scheme& scheme, std::size_t rows, std::size_t cols);

}  // namespace nibble
