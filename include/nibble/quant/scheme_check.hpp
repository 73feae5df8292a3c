// The bodies of scheme_type.hpp: what goes together, and what it takes to
// store.
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>

#include "nibble/quant/scheme_type.hpp"

namespace nibble {

namespace scheme_internal {

// In the recipe gguf "mxfp4" is GGUF's block of that name.
inline std::string FormatName(FormatId format) {
  return format == FormatId::kGgufMxfp4 ? "mxfp4"
                                        : std::string(Info(format).name);
}

inline bool IsGguf(FormatId format) { return Info(format).block_bytes != 0; }

// Why recipe and format do not go together; "" if they do.
inline std::string FormatProblem(Recipe recipe, FormatId format) {
  const FormatInfo& info = Info(format);
  const bool integer = info.family == Family::kInteger;
  const bool is_half = integer && info.integer.half_shift;
  if (info.family == Family::kScale) return "is the format of scales";
  if (IsGguf(format) != (recipe == Recipe::kGguf)) {
    return IsGguf(format) ? "is of the recipe gguf" : "is no GGUF format";
  }
  if (info.decode_only) return "can be read, not written";
  if (format == FormatId::kQ4_1) {
    return "has a minimum beside its scale, which schemes lack";
  }
  switch (recipe) {
    case Recipe::kPlain:
    case Recipe::kGguf:
      return "";
    case Recipe::kAqt:
      return integer && format != FormatId::kInt1 ? ""
                                                  : "is not one of this recipe";
    case Recipe::kAqt2:
    case Recipe::kTorch:
    case Recipe::kAsym: {
      const bool is_signed_only = recipe == Recipe::kAqt2;
      return integer && !is_half && info.bits > 1 &&
                     (info.is_signed || !is_signed_only)
                 ? ""
                 : "is not one of this recipe";
    }
    case Recipe::kAbsmean:
      return info.family == Family::kTernary || format == FormatId::kInt1 ||
                     (integer && !is_half && info.is_signed)
                 ? ""
                 : "is not one of this recipe";
  }
  return "";
}

// The same for the granularity.
inline std::string GranularityProblem(const Scheme& scheme) {
  const FormatInfo& info = Info(scheme.format);
  const bool block = info.family == Family::kBlock;
  if (block != (scheme.granularity == Granularity::kBlock)) {
    return block ? "the format has its own blocks" : "the format has no blocks";
  }
  if ((scheme.granularity == Granularity::kGroup) != (scheme.group != 0)) {
    return "a group has a size, and nothing else has one";
  }
  if (scheme.recipe == Recipe::kAbsmean) {
    const bool activations =
        info.family == Family::kInteger && scheme.format != FormatId::kInt1;
    if (activations != (scheme.granularity == Granularity::kToken)) {
      return activations ? "absmean scales integers per token"
                         : "absmean scales weights, which have no tokens";
    }
  }
  return "";
}

inline Granularity DefaultGranularity(FormatId format) {
  return Info(format).family == Family::kBlock ? Granularity::kBlock
                                               : Granularity::kTensor;
}

inline Recipe DefaultRecipe(FormatId format) {
  return IsGguf(format) ? Recipe::kGguf : Recipe::kPlain;
}

}  // namespace scheme_internal

inline std::string ToString(const Scheme& scheme) {
  using namespace scheme_internal;  // NOLINT
  std::string name;
  if (scheme.recipe != Recipe::kPlain) {
    name = kRecipeNames[static_cast<std::size_t>(scheme.recipe)];
    name += ':';
  }
  name += FormatName(scheme.format);
  if (scheme.granularity != DefaultGranularity(scheme.format)) {
    name += '/';
    name += kGranularityNames[static_cast<std::size_t>(scheme.granularity)];
    if (scheme.group != 0) name += std::to_string(scheme.group);
  }
  return name;
}

inline void CheckScheme(const Scheme& scheme) {
  std::string problem =
      scheme_internal::FormatProblem(scheme.recipe, scheme.format);
  if (!problem.empty()) {
    problem = "'" + scheme_internal::FormatName(scheme.format) + "' " + problem;
  } else {
    problem = scheme_internal::GranularityProblem(scheme);
  }
  if (!problem.empty()) {
    throw std::invalid_argument("scheme " + ToString(scheme) + ": " + problem);
  }
}

// Elements that share a scale, in a row of `cols` if they share a row.
inline std::size_t GroupSize(const Scheme& scheme, std::size_t rows,
                             std::size_t cols) {
  switch (scheme.granularity) {
    case Granularity::kTensor:
      return rows * cols;
    case Granularity::kGroup:
      return scheme.group;
    case Granularity::kBlock:
      return Info(scheme.format).block;
    default:
      return cols;
  }
}

inline double BitsPerElement(const Scheme& scheme, std::size_t rows,
                             std::size_t cols) {
  const FormatInfo& info = Info(scheme.format);
  if (rows * cols == 0) return info.bits_per_element;
  const auto elements = static_cast<double>(rows * cols);
  const std::size_t size =
      std::max<std::size_t>(GroupSize(scheme, rows, cols), 1);
  const auto groups =
      scheme.granularity == Granularity::kTensor
          ? 1.0
          : static_cast<double>(rows * ((cols + size - 1) / size));
  if (scheme.granularity == Granularity::kBlock) {  // tails are padded
    const double tensor = scheme.format == FormatId::kNvfp4 ? 32 : 0;
    return (groups * static_cast<double>(size) * info.bits_per_element +
            tensor) /
           elements;
  }
  // bf16 and fp16 are cast, not scaled.
  const bool scaled = info.family != Family::kMinifloat || info.bits <= 8;
  const bool affine = scheme.recipe == Recipe::kAsym ||
                      (scheme.recipe == Recipe::kTorch && !info.is_signed);
  const double per_group = (scaled ? 32 : 0) + (affine ? info.bits : 0);
  return info.bits_per_element + groups * per_group / elements;
}

}  // namespace nibble
