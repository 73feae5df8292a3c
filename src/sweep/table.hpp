// What every part of a report asks of the results.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nibble/sweep/report.hpp"

namespace nibble::sweep {

// The metric of a result, NaN where it has none or one that is not finite.
inline double MetricOf(const Result& result, const std::string& metric) {
  const auto found = result.metrics.find(metric);
  const bool usable = result.ok() && found != result.metrics.end() &&
                      std::isfinite(found->second);
  return usable ? found->second : std::numeric_limits<double>::quiet_NaN();
}

inline MetricInfo InfoOf(const std::string& metric,
                         const ReportOptions& options) {
  for (const MetricInfo& info : options.metrics) {
    if (info.name == metric) return info;
  }
  return {.name = metric, .label = metric, .unit = ""};
}

inline std::string LabelWithUnit(const MetricInfo& info) {
  return info.unit.empty() ? info.label : info.label + " (" + info.unit + ")";
}

// Every metric that a result has: accuracy, the costs, then the others.
std::vector<std::string> MetricNames(const Spec& spec,
                                     const std::vector<Result>& results,
                                     const ReportOptions& options);

// The specification's cost first, then the others that a result has.
std::vector<std::string> Costs(const Spec& spec,
                               const std::vector<Result>& results,
                               const ReportOptions& options);

// The style of each result, named by the axes that vary.
std::vector<PointStyle> Styles(const Spec& spec,
                               const std::vector<Result>& results,
                               const ReportOptions& options);

}  // namespace nibble::sweep
