// The body of ParseScheme.
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/core/nearest_name.hpp"
#include "nibble/quant/scheme_check.hpp"
#include "nibble/quant/scheme_type.hpp"

namespace nibble {

namespace scheme_internal {

[[noreturn]] inline void Refuse(std::string_view name, std::size_t position,
                                const std::string& reason) {
  throw InputError(std::string(name) + ": position " +
                   std::to_string(position) + ": " + reason);
}

// Whether ParseScheme accepts the name.
inline bool Parses(std::string_view name) {
  try {
    ParseScheme(name);
  } catch (const InputError&) {
    return false;
  }
  return true;
}

// The names of all recipes and formats that go together.
inline std::vector<std::string> AllNames() {
  std::vector<std::string> names;
  for (const FormatInfo& info : AllFormats()) {
    for (std::size_t r = 0; r < kRecipeNames.size(); ++r) {
      Scheme scheme{static_cast<Recipe>(r), info.id,
                    DefaultGranularity(info.id), 0};
      if (!FormatProblem(scheme.recipe, info.id).empty()) continue;
      if (!GranularityProblem(scheme).empty()) continue;
      names.push_back(ToString(scheme));
    }
  }
  return names;
}

// Refuses the part of `name` at `begin`, which is none of `known`. Offers the
// name with that part put right, or else the nearest of all names.
[[noreturn]] inline void RefusePart(std::string_view name, std::size_t begin,
                                    std::size_t length,
                                    const std::string& reason,
                                    const std::vector<std::string>& known,
                                    std::size_t right_characters) {
  const std::string_view part = name.substr(begin, length);
  std::string right = std::string(name.substr(0, begin)) +
                      NearestName(part, known) +
                      std::string(name.substr(begin + length));
  if (!Parses(right)) right = NearestName(name, AllNames());
  Refuse(name, begin + right_characters,
         reason + ", did you mean '" + right + "'?");
}
[[noreturn]] inline void RefuseUnknown(std::string_view name, std::size_t begin,
                                       std::size_t length, const char* what,
                                       const std::vector<std::string>& known) {
  RefusePart(name, begin, length, std::string("no such ") + what, known,
             RightCharacters(name.substr(begin, length), known));
}

// Names that may stand where a recipe or a format was misspelt.
inline std::vector<std::string> FormatNames(bool has_recipe, Recipe recipe) {
  std::vector<std::string> names;
  for (const FormatInfo& info : AllFormats()) {
    const Recipe r = has_recipe ? recipe : DefaultRecipe(info.id);
    if (info.id == FormatId::kGgufMxfp4 && !has_recipe) continue;
    if (FormatProblem(r, info.id).empty()) names.push_back(FormatName(info.id));
  }
  return names;
}

inline FormatId ParseFormat(std::string_view name, std::size_t begin,
                            std::size_t length, bool has_recipe,
                            Recipe recipe) {
  const std::string_view part = name.substr(begin, length);
  const auto format =
      recipe == Recipe::kGguf && part == FormatName(FormatId::kGgufMxfp4)
          ? FormatId::kGgufMxfp4
          : FindFormat(part);
  const bool hidden = part == Info(FormatId::kGgufMxfp4).name;
  if (!format || hidden) {
    RefuseUnknown(name, begin, length, "format",
                  FormatNames(has_recipe, recipe));
  }
  const Recipe used = has_recipe ? recipe : DefaultRecipe(*format);
  const std::string problem = FormatProblem(used, *format);
  if (!problem.empty()) {
    RefusePart(name, begin, length, "'" + std::string(part) + "' " + problem,
               FormatNames(has_recipe, recipe), 0);
  }
  return *format;
}

inline void ParseGranularity(std::string_view name, std::size_t begin,
                             Scheme& scheme) {
  const std::string_view part = name.substr(begin);
  constexpr std::string_view kGroup = "group";
  if (part.starts_with(kGroup)) {
    const std::string_view digits = part.substr(kGroup.size());
    std::size_t size = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), size);
    const auto parsed = static_cast<std::size_t>(end - digits.data());
    if (error != std::errc() || parsed != digits.size() || size == 0) {
      Refuse(name, begin + kGroup.size() + (size == 0 ? 0 : parsed),
             "a group needs its size, did you mean '" +
                 std::string(name.substr(0, begin)) + "group" +
                 std::to_string(size == 0 ? 32 : size) + "'?");
    }
    scheme.granularity = Granularity::kGroup;
    scheme.group = size;
    return;
  }
  for (std::size_t g = 0; g < kGranularityNames.size(); ++g) {
    if (part == kGranularityNames[g]) {
      scheme.granularity = static_cast<Granularity>(g);
      return;
    }
  }
  std::vector<std::string> known(kGranularityNames.begin(),
                                 kGranularityNames.end());
  known[static_cast<std::size_t>(Granularity::kGroup)] = "group32";
  RefuseUnknown(name, begin, part.size(), "granularity", known);
}

}  // namespace scheme_internal

inline Scheme ParseScheme(std::string_view name) {
  using namespace scheme_internal;  // NOLINT
  Scheme scheme;
  const std::size_t colon = name.find(':');
  const bool has_recipe = colon != std::string_view::npos;
  if (has_recipe) {
    const auto recipe = std::ranges::find(kRecipeNames, name.substr(0, colon));
    if (recipe == kRecipeNames.end()) {
      RefuseUnknown(name, 0, colon, "recipe",
                    {kRecipeNames.begin(), kRecipeNames.end()});
    }
    scheme.recipe = static_cast<Recipe>(recipe - kRecipeNames.begin());
  }
  const std::size_t begin = has_recipe ? colon + 1 : 0;
  const std::size_t slash = std::min(name.find('/', begin), name.size());
  scheme.format =
      ParseFormat(name, begin, slash - begin, has_recipe, scheme.recipe);
  if (!has_recipe) scheme.recipe = DefaultRecipe(scheme.format);
  scheme.granularity = DefaultGranularity(scheme.format);
  if (slash < name.size()) ParseGranularity(name, slash + 1, scheme);
  const std::string problem = GranularityProblem(scheme);
  if (!problem.empty()) {
    const bool token = scheme.recipe == Recipe::kAbsmean &&
                       scheme.granularity != Granularity::kToken;
    Refuse(name, std::min(slash + 1, name.size()),
           problem + ", did you mean '" + std::string(name.substr(0, slash)) +
               (token ? "/token" : "") + "'?");
  }
  return scheme;
}

}  // namespace nibble
