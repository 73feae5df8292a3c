// What metrics and schemes are called in reports.
#include <algorithm>

#include "nibble/format/registry.hpp"
#include "nibble/sweep/report.hpp"

namespace nibble::sweep {

const std::vector<MetricInfo>& KnownMetrics() {
  using enum pareto::Goal;
  static const std::vector<MetricInfo> known = {
      {"accuracy", "Top-1 accuracy", "", kMaximize, true},
      {"linear", "Linear compute cost", "MAC × bits", kMinimize, false},
      {"quadratic", "Quadratic compute cost", "MAC × bits²", kMinimize, false},
      {"memory_bits", "Weight memory", "bits", kMinimize, false},
      {"bytes", "Weights with scales", "bytes", kMinimize, false},
      {"ace", "ACE", "MAC × bits²", kMinimize, false},
      {"macs", "Multiply-accumulates", "", kMinimize, false},
      {"weights", "Weights", "", kMinimize, false},
      {"correct", "Correct", "images", kMaximize, false},
      {"total", "Images", "", kMaximize, false},
      {"mean_logit_error", "Mean logit error", "", kMinimize, false},
      {"perplexity", "Perplexity", "", kMinimize, false},
      {"nll", "Loss", "nats per token", kMinimize, false},
      {"bits_per_byte", "Loss", "bits per byte", kMinimize, false},
      {"top1", "Right tokens", "", kMaximize, true},
      {"tokens", "Predicted tokens", "", kMaximize, false},
      {"seconds", "Evaluation time", "s", kMinimize, false},
  };
  return known;
}

const std::vector<std::string>& FormatFamilies() {
  static const std::vector<std::string> families = {
      "Float", "Integer",     "Minifloat", "Block", "Code book",
      "Posit", "Logarithmic", "Ternary",   "Other"};
  return families;
}

std::string FormatFamily(std::string_view scheme) {
  if (IsFloat(scheme)) return "Float";
  const auto colon = scheme.find(':');
  if (colon != std::string_view::npos) scheme.remove_prefix(colon + 1);
  const auto format = FindFormat(scheme.substr(0, scheme.find('/')));
  if (!format) return "Other";
  switch (Info(*format).family) {
    case Family::kInteger:
      return "Integer";
    case Family::kTernary:
      return "Ternary";
    case Family::kMinifloat:
      return "Minifloat";
    case Family::kCodebook:
      return "Code book";
    case Family::kPosit:
      return "Posit";
    case Family::kLogarithmic:
      return "Logarithmic";
    case Family::kBlock:
      return "Block";
    case Family::kScale:
      break;
  }
  return "Other";
}

PointStyle SchemeStyle(const Point& point,
                       const std::vector<std::string>& axes) {
  const auto named = [&](const char* axis) {
    return std::find(axes.begin(), axes.end(), axis) != axes.end();
  };
  const std::string weights = Text(point, "weight-scheme");
  const std::string acts = Text(point, "act-scheme");
  const std::string ends = Text(point, "ends-scheme");
  const std::string calibration = Text(point, "calibration");
  const bool ends_are_float = ends.empty() || IsFloat(ends);

  PointStyle style;
  style.label = weights;
  if (named("act-scheme") && !acts.empty() && !IsFloat(acts)) {
    style.label += " × " + acts;
  }
  if (named("ends-scheme") && !ends.empty()) {
    style.label += " [" + ends + " ends]";
  }
  if (named("calibration") && !calibration.empty() && calibration != "absmax") {
    style.label += " (" + calibration + ")";
  }
  style.hollow = !IsFloat(weights) && IsFloat(acts);
  style.baseline = IsFloat(weights) && IsFloat(acts) && ends_are_float;
  style.group =
      FormatFamily(!IsFloat(weights) ? weights
                   : !IsFloat(acts)  ? acts
                                     : (ends_are_float ? "float" : ends));
  return style;
}

}  // namespace nibble::sweep
