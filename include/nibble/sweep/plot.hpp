// Accuracy against cost as an SVG picture.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nibble::sweep {

struct PlotPoint {
  double x = 0, y = 0;
  std::string label = {};  // written beside points of the front
  std::string group = {};  // gives the colour
  bool hollow = false;     // a ring in place of a disc
  bool front = false;
};

struct Plot {
  std::string title, subtitle;
  std::string x_label, y_label;
  bool y_percent = false;           // y in [0, 1] is written as per cent
  bool y_grows = true;              // more is better
  std::vector<std::string> groups;  // order of colours and legend
  std::string hollow_meaning;       // what the legend says of a ring
  std::optional<double> baseline;   // a horizontal line
  std::string baseline_label;
  std::vector<PlotPoint> points;  // those that are not finite are left out
};

// The picture, 960 by 600, with its own white background. x is logarithmic if
// all are positive and span more than a decade. Shares, y_percent, whose errors
// 1 - y span more than a factor of 2.5 are drawn by the logarithm of the error.
// Where the worst tenth of the points would squeeze the others, it is drawn as
// triangles at the edge, and the legend says how many.
std::string ToSvg(const Plot& plot);

// An axis: where values lie between its ends, and its marks.
struct Scale {
  enum class Kind { kLinear, kLog, kLogError };
  Kind kind = Kind::kLinear;
  double lo = 0, hi = 1;
  std::vector<double> ticks;

  double At(double value) const;  // 0 at lo, 1 at hi
};

// Scales that hold all of [lo, hi], with round marks: 1, 2, 2.5 or 5 times a
// power of ten apart; at 1, 2 and 5 times powers of ten; at such errors 1 - y.
//
// Domain   finite, lo <= hi; 0 < lo for LogScale; 0 <= lo, hi < 1 for
//          LogErrorScale.
Scale LinearScale(double lo, double hi);
Scale LogScale(double lo, double hi);
Scale LogErrorScale(double lo, double hi);

// Three digits and an SI prefix: "1.2 G", "350 k", "0.05".
std::string ShortNumber(double value);

// `digits` decimals at most, without closing zeros, the same in every locale.
std::string Decimal(double value, int digits);

// Escapes & < > " ' for text and attributes of HTML and SVG; control characters
// that XML cannot hold become U+FFFD.
std::string EscapeXml(std::string_view text);

// The colour of the i-th group: Okabe and Ito's palette, safe for the common
// colour blindnesses, adjusted for contrast on white.
std::string_view GroupColor(std::size_t index);

}  // namespace nibble::sweep
