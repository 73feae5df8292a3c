#include "tools/multiplier_style.hpp"

#include <algorithm>
#include <filesystem>

#include "nibble/arith/multiplier.hpp"
#include "nibble/core/check.hpp"

namespace nibble::tools {
namespace {

std::string FamilyOf(MultiplierKind kind) {
  using enum MultiplierKind;
  switch (kind) {
    case kExact:
      return "Exact";
    case kLMul:
    case kLMulFormula:
      return "L-Mul";
    case kMitchell:
    case kPam:
      return "Mitchell";
    case kDrum:
      return "Drum";
    case kPowerOfTwo:
    case kApot:
      return "Powers of two";
    case kLns:
      return "Logarithmic";
    case kTruncated:
      return "Truncated";
    case kTable:
      return "Circuit";
  }
  return "Other";
}

// "mul8u_1JFF" for "table:evoapprox8/mul8u_1JFF.bin".
std::string ShortName(const std::string& multiplier) {
  const auto colon = multiplier.find(':');
  if (!multiplier.starts_with("table") || colon == std::string::npos) {
    return multiplier;
  }
  return std::filesystem::path(multiplier.substr(colon + 1)).stem().string();
}

}  // namespace

std::string MultiplierFamily(std::string_view multiplier) {
  try {
    return FamilyOf(ParseMultiplierName(multiplier).kind);
  } catch (const InputError&) {
    return "Other";
  }
}

const std::vector<std::string>& MultiplierFamilies() {
  static const std::vector<std::string> families = {
      "Exact",       "L-Mul",     "Mitchell", "Drum", "Powers of two",
      "Logarithmic", "Truncated", "Circuit",  "Other"};
  return families;
}

sweep::PointStyle MultiplierStyle(const sweep::Point& point,
                                  const std::vector<std::string>& axes) {
  const auto varies = [&](const char* axis) {
    return std::ranges::find(axes, axis) != axes.end();
  };
  sweep::PointStyle style = sweep::SchemeStyle(point, axes);
  const std::string multiplier = sweep::Text(point, "multiplier");
  style.group = MultiplierFamily(multiplier);
  if (style.group == "Exact") return style;
  style.baseline = false;
  style.hollow = false;
  const bool schemes = varies("weight-scheme") || varies("act-scheme") ||
                       varies("ends-scheme") || varies("calibration");
  style.label = (schemes ? style.label + " · " : "") + ShortName(multiplier);
  if (varies("where")) style.label += " in " + sweep::Text(point, "where");
  return style;
}

}  // namespace nibble::tools
