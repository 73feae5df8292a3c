// Accuracy against cost as an SVG picture.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nibble::sweep {

struct PlotPoint {
  double x = 0, y = 0;
  std::string label;  // written beside points of the front
  std::string group;  // gives the colour
  bool hollow = false;  // a ring in place of a disc
  bool front = false;
};

struct Plot {
  std::string title, subtitle;
  std::string x_label, y_label;
  std::string x_unit;
  bool y_percent = false;  // y in [0, 1] is written as per cent
  bool y_grows = true;     // better is more
  std::string hollow_meaning;  // legend entries of ring and disc, or ""
  std::string solid_meaning;
  std::optional<double> baseline;  // a horizontal line
  std::string baseline_label;
  std::vector<PlotPoint> points;  // finite; others are left out
};

// The picture, 960 by 600, with its own white background. x is logarithmic if
// all are positive and span more than a decade. y in per cent that spans a wide
// range of errors is drawn by the logarithm of the error, 1 - y.
std::string ToSvg(const Plot& plot);

// An axis: where its values lie in [0, 1], and its marks.
struct Scale {
  double lo = 0, hi = 1;
  enum class Kind { kLinear, kLog, kLogError } kind = Kind::kLinear;
  std::vector<double> ticks;

  double At(double value) const;  // 0 at lo, 1 at hi
};

// Round ends and round marks (1, 2, 5 times a power of ten) around the values.
Scale LinearScale(double lo, double hi, int marks);
Scale LogScale(double lo, double hi);
Scale LogErrorScale(double lo, double hi);

// "1.2 G", "350 k", "0.05": three digits and an SI prefix.
std::string ShortNumber(double value);

// Escapes & < > " ' for text and attributes of HTML and SVG; control characters
// that XML cannot hold become U+FFFD.
std::string EscapeXml(std::string_view text);

// The colour of the i-th group: Okabe and Ito's palette, safe for the common
// colour blindnesses, adjusted for contrast on white.
std::string_view GroupColor(std::size_t index);

}  // namespace nibble::sweep
