// What a sweep leaves for people and for programs: points.csv, front.json,
// plot.svg, plot.png and report.html.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/pareto/front.hpp"
#include "nibble/sweep/spec.hpp"
#include "nibble/sweep/store.hpp"

namespace nibble::sweep {

// How a metric is named and which way is better.
struct MetricInfo {
  std::string name;   // in Metrics
  std::string label;  // "Linear compute cost"
  std::string unit;   // "" for a plain number
  pareto::Goal goal = pareto::Goal::kMinimize;
  bool percent = false;  // a share, written as per cent
};

// The metrics of the nibble command: accuracy, the costs, times and errors.
const std::vector<MetricInfo>& KnownMetrics();

// How a point is drawn.
struct PointStyle {
  std::string label;      // "int4/channel × int8 [int8 ends]"
  std::string group;      // format family: gives the colour
  bool hollow = false;    // weights only
  bool baseline = false;  // everything in float
};

// Reads the axes weight-scheme, act-scheme, ends-scheme ("" is: as the rest)
// and calibration. The label names weights × activations, and calibrations
// other than absmax; it has no part for axes outside `axes`.
PointStyle SchemeStyle(const Point& point,
                       const std::vector<std::string>& axes);

// "Integer" for "aqt:int4/channel", "Minifloat" for "fp8_e4m3", "Float" for
// "float", "Other" for what is no format.
std::string FormatFamily(std::string_view scheme);

// All that FormatFamily returns, in the order of colours and legend.
const std::vector<std::string>& FormatFamilies();

struct ReportOptions {
  std::vector<std::string> costs =
      {};  // metrics offered as cost, the spec's first
  std::vector<MetricInfo> metrics = KnownMetrics();
  std::function<PointStyle(const Point&, const std::vector<std::string>& axes)>
      style = SchemeStyle;  // called with the axes that vary in the sweep
  std::vector<std::string> groups = FormatFamilies();
  std::string command = {};  // what makes the results again
};

// The front of one cost and the accuracy, over all results that have both.
struct FrontReport {
  std::string cost;
  std::vector<std::size_t> members;  // of the results, cheapest first
  double reference_cost = 0, reference_accuracy = 0;
  double hypervolume = 0;
};

// The hypervolume's reference point is the specification's where it has one;
// otherwise the largest cost of any result, and accuracy 0 (for a metric that
// is minimized, the largest).
FrontReport FindFront(const Spec& spec, const std::vector<Result>& results,
                      const std::string& cost, const ReportOptions& options);

// One line per result, RFC 4180's quoting with bare line feeds: every axis,
// `state` (ok or failed), `front` (1 for members under the spec's cost), every
// metric, then elapsed_s, started, commit, machine and error. Numbers are the
// shortest that read back as the same double; NaN is an empty field.
std::string PointsCsv(const Spec& spec, const std::vector<Result>& results,
                      const ReportOptions& options);

// The front under each cost with its hypervolume and the reference point.
std::string FrontJson(const Spec& spec, const std::vector<Result>& results,
                      const ReportOptions& options);

// Accuracy against the spec's cost; see plot.hpp.
std::string PlotSvg(const Spec& spec, const std::vector<Result>& results,
                    const ReportOptions& options);

// One page without any reference to the network: plot, table, origin.
std::string ReportHtml(const Spec& spec, const std::vector<Result>& results,
                       const ReportOptions& options);

struct Written {
  std::vector<std::filesystem::path> files;
  std::string note;  // why there is no plot.png, or ""
};

// Writes all five into `out`, each to a temporary name first and then renamed.
// plot.png is made by rsvg-convert (Debian: librsvg2-bin) and left out, with a
// note, where there is none.
//
// Errors   std::runtime_error, naming the file, if one cannot be written.
Written WriteReport(const std::filesystem::path& out, const Spec& spec,
                    const std::vector<Result>& results,
                    const ReportOptions& options);

}  // namespace nibble::sweep
