#include "nibble/sweep/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "src/sweep/labels.hpp"

namespace nibble::sweep {
namespace {

constexpr double kWidth = 960, kHeight = 600;
constexpr double kLeft = 78, kRight = kWidth - 28;
constexpr double kBottom = kHeight - 68;

std::string N(double v) { return Decimal(v, 2); }

std::string Attributes(
    std::initializer_list<std::pair<const char*, std::string>> attributes) {
  std::string out;
  for (const auto& [name, value] : attributes) {
    out += std::string(" ") + name + "=\"" + value + "\"";
  }
  return out;
}

std::string Line(double x1, double y1, double x2, double y2,
                 const std::string& css) {
  return "<line" +
         Attributes({{"x1", N(x1)},
                     {"y1", N(y1)},
                     {"x2", N(x2)},
                     {"y2", N(y2)},
                     {"class", css}}) +
         "/>\n";
}

std::string TextAt(double x, double y, const std::string& css,
                   const std::string& anchor, const std::string& text) {
  return "<text" +
         Attributes({{"x", N(x)},
                     {"y", N(y)},
                     {"class", css},
                     {"text-anchor", anchor}}) +
         ">" + EscapeXml(text) + "</text>\n";
}

constexpr const char* kStyle = R"(<style>
text { font-family: "DejaVu Sans", Verdana, Helvetica, Arial, sans-serif; fill: #24292f; }
.title { font-size: 19px; font-weight: bold; }
.sub { font-size: 13px; fill: #57606a; }
.tick { font-size: 12.5px; fill: #57606a; }
.axis { font-size: 14px; }
.key { font-size: 12.5px; }
.name { font-size: 12px; paint-order: stroke; stroke: #ffffff; stroke-width: 3.5px; stroke-linejoin: round; }
.grid { stroke: #e4e7eb; stroke-width: 1; }
.frame { stroke: #8c959f; stroke-width: 1; }
.lead { stroke: #8c959f; stroke-width: 0.8; }
.base { stroke: #57606a; stroke-width: 1.3; stroke-dasharray: 6 4; }
.front { fill: none; stroke: #24292f; stroke-width: 1.8; stroke-linejoin: round; }
.under { fill: #24292f; fill-opacity: 0.035; }
</style>
)";

// The colour of a dominated point: mostly grey, its group still to be seen.
std::string Pale(const std::string& hex) {
  std::string out = "#";
  for (const std::size_t i : {1u, 3u, 5u}) {
    const int own = std::stoi(hex.substr(i, 2), nullptr, 16);
    const int mixed = (3 * own + 7 * 0xD6) / 10;
    constexpr const char* kDigits = "0123456789abcdef";
    out += kDigits[mixed / 16];
    out += kDigits[mixed % 16];
  }
  return out;
}

// The picture of one plot, drawn part by part.
class Drawing {
 public:
  explicit Drawing(const Plot& plot) : plot_(plot) {
    for (const PlotPoint& p : plot.points) {
      if (std::isfinite(p.x) && std::isfinite(p.y)) points_.push_back(p);
    }
    std::stable_sort(points_.begin(), points_.end(),
                     [](const auto& a, const auto& b) {
                       if (a.front != b.front) return b.front;
                       return a.front && a.x < b.x;
                     });
    for (const PlotPoint& p : points_) {
      if (std::find(groups_.begin(), groups_.end(), p.group) == groups_.end()) {
        groups_.push_back(p.group);
      }
    }
    std::stable_sort(
        groups_.begin(), groups_.end(),
        [this](const auto& a, const auto& b) { return Place(a) < Place(b); });
    ChooseScales();
  }

  std::string Svg() {
    out_ =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"960\" "
        "height=\"600\" viewBox=\"0 0 960 600\" role=\"img\">\n<title>" +
        EscapeXml(plot_.title) + "</title>\n";
    out_ += kStyle;
    out_ += "<rect width=\"960\" height=\"600\" fill=\"#ffffff\"/>\n";
    out_ += TextAt(24, 36, "title", "start", plot_.title);
    out_ += TextAt(24, 58, "sub", "start", plot_.subtitle);
    DrawLegend();
    DrawAxes();
    if (points_.empty()) {
      out_ += TextAt((kLeft + kRight) / 2, (top_ + kBottom) / 2, "axis",
                     "middle", "no finished point has both numbers");
    } else {
      DrawBaseline();
      DrawFront();
      for (const PlotPoint& p : points_) DrawMarker(p);
      DrawLabels();
    }
    return out_ + "</svg>\n";
  }

 private:
  // A group's place in the caller's order; unknown ones come after.
  std::size_t Place(const std::string& group) const {
    const auto found =
        std::find(plot_.groups.begin(), plot_.groups.end(), group);
    return static_cast<std::size_t>(found - plot_.groups.begin());
  }

  void ChooseScales() {
    if (points_.empty()) return;
    double x_lo = points_[0].x, x_hi = x_lo;
    for (const PlotPoint& p : points_) {
      x_lo = std::min(x_lo, p.x);
      x_hi = std::max(x_hi, p.x);
    }
    x_ = x_lo > 0 && x_hi > 10 * x_lo
             ? LogScale(x_lo, x_hi)
             : LinearScale(std::min(x_lo, x_lo > 0 ? 0.0 : x_lo), x_hi);
    auto [y_lo, y_hi] = RangeOfY();
    const bool wide =
        plot_.y_percent && y_lo >= 0 && y_hi < 1 && 1 - y_lo > 2.5 * (1 - y_hi);
    // Names stand on the good side of the front: leave them room there.
    constexpr double kRoom = 0.26;
    if (wide) {
      y_hi = 1 - (1 - y_hi) * std::pow((1 - y_hi) / (1 - y_lo), kRoom);
    } else if (plot_.y_grows) {
      const bool share = plot_.y_percent && y_hi <= 1;
      y_hi = std::min(y_hi + kRoom * (y_hi - y_lo), share ? 1.0 : HUGE_VAL);
    } else {
      y_lo -= kRoom * (y_hi - y_lo);
    }
    y_ = wide ? LogErrorScale(y_lo, y_hi) : LinearScale(y_lo, y_hi);
  }

  // From best to worst, but for the worst tenth of the points where these would
  // squeeze the others: they are drawn as triangles at the edge. Never a point
  // of the front, nor the baseline.
  std::pair<double, double> RangeOfY() {
    const double sign = plot_.y_grows ? 1 : -1;
    std::vector<double> goodness;
    for (const PlotPoint& p : points_) goodness.push_back(sign * p.y);
    std::sort(goodness.begin(), goodness.end());
    double kept = goodness[goodness.size() / 10], best = goodness.back();
    const auto keep = [&](double y) {
      kept = std::min(kept, sign * y);
      best = std::max(best, sign * y);
    };
    for (const PlotPoint& p : points_) {
      if (p.front) keep(p.y);
    }
    if (plot_.baseline && std::isfinite(*plot_.baseline)) keep(*plot_.baseline);
    const auto span = [&](double worst) {
      return plot_.y_percent && plot_.y_grows && best < 1
                 ? std::log((1 - worst) / (1 - best))
                 : best - worst;
    };
    if (goodness[0] < kept && span(kept) > 0.75 * span(goodness[0])) {
      kept = goodness[0];
    }
    return plot_.y_grows ? std::pair(kept, best) : std::pair(-best, -kept);
  }

  bool IsBeyond(const PlotPoint& p) const {
    return plot_.y_grows ? p.y < y_.lo : p.y > y_.hi;
  }

  double X(double v) const { return kLeft + (kRight - kLeft) * x_.At(v); }
  double Y(double v) const { return kBottom - (kBottom - top_) * y_.At(v); }

  std::string Color(const std::string& group) const {
    const std::size_t place = Place(group);
    if (place < plot_.groups.size()) return std::string(GroupColor(place));
    const auto own = std::find(groups_.begin(), groups_.end(), group);
    return std::string(
        GroupColor(place + static_cast<std::size_t>(own - groups_.begin())));
  }

  std::string YText(double v) const {
    return plot_.y_percent ? Decimal(100 * v, 2) + " %" : ShortNumber(v);
  }

  std::string Marker(double x, double y, const std::string& fill,
                     const std::string& stroke, double radius,
                     double width) const {
    return "<circle" +
           Attributes({{"cx", N(x)},
                       {"cy", N(y)},
                       {"r", N(radius)},
                       {"fill", fill},
                       {"stroke", stroke},
                       {"stroke-width", N(width)}}) +
           "/>\n";
  }

  void DrawLegend() {
    double x = 30, y = 84;
    const auto entry = [&](const std::string& fill, const std::string& stroke,
                           const std::string& text) {
      const double width = 10 + TextWidth(text, 12.5);
      if (x + width > kRight && x > 30) {
        x = 30;
        y += 19;
        top_ += 19;
      }
      out_ += Marker(x, y, fill, stroke, 4.6, 1.8);
      out_ += TextAt(x + 10, y + 4.5, "key", "start", text);
      x += width + 14;
    };
    for (const std::string& group : groups_) {
      entry(Color(group), Color(group), group);
    }
    const auto any = [&](auto what) {
      return std::any_of(points_.begin(), points_.end(), what);
    };
    if (any([](const auto& p) { return p.hollow; })) {
      entry("#ffffff", "#57606a", plot_.hollow_meaning);
    }
    if (any([](const auto& p) { return !p.front; })) {
      entry("#ccd1d7", "#ccd1d7", "dominated");
    }
    const auto beyond =
        std::count_if(points_.begin(), points_.end(),
                      [this](const auto& p) { return IsBeyond(p); });
    if (beyond > 0) {
      const std::string text = std::to_string(beyond) + " worse";
      out_ += Triangle(x, y, "#a8afb7");
      out_ += TextAt(x + 10, y + 4.5, "key", "start", text);
    }
  }

  void DrawAxes() {
    for (const double tick : y_.ticks) {
      out_ += Line(kLeft, Y(tick), kRight, Y(tick), "grid");
      out_ += TextAt(kLeft - 9, Y(tick) + 4.5, "tick", "end", YText(tick));
    }
    for (const double tick : x_.ticks) {
      out_ += Line(X(tick), top_, X(tick), kBottom, "grid");
      out_ +=
          TextAt(X(tick), kBottom + 20, "tick", "middle", ShortNumber(tick));
    }
    out_ += Line(kLeft, kBottom, kRight, kBottom, "frame");
    out_ += Line(kLeft, top_, kLeft, kBottom, "frame");
    const bool log_x = x_.kind == Scale::Kind::kLog;
    out_ += TextAt((kLeft + kRight) / 2, kHeight - 22, "axis", "middle",
                   plot_.x_label + (log_x ? ", log scale" : ""));
    const bool log_y = y_.kind == Scale::Kind::kLogError;
    out_ += TextAt(24, top_ - 14, "axis", "start",
                   plot_.y_label + (log_y ? ", error on a log scale" : ""));
  }

  void DrawBaseline() {
    if (!plot_.baseline || !std::isfinite(*plot_.baseline)) return;
    const double y = Y(*plot_.baseline);
    out_ += Line(kLeft, y, kRight, y, "base");
    labels_.Avoid({kLeft, y - 1, kRight, y + 1}, 2);
    const double width = TextWidth(plot_.baseline_label, 12);
    const bool below = plot_.y_grows ? y - 16 < top_ : y + 20 < kBottom;
    const double at = below ? y + 16 : y - 7;
    const double x = kLeft + 8;
    out_ += TextAt(x, at + (below && at < top_ + 30 ? 22 : 0), "name", "start",
                   plot_.baseline_label);
    labels_.Block({x, at - 11, x + width, at + 4});
  }

  void DrawFront() {
    std::vector<PlotPoint> front;
    for (const PlotPoint& p : points_) {
      if (p.front) front.push_back(p);
    }
    if (front.empty()) return;
    const double floor = plot_.y_grows ? kBottom : top_;
    std::string path = "M" + N(X(front[0].x)) + " " + N(floor);
    double x = X(front[0].x), y = floor;
    const auto to = [&](double next_x, double next_y) {
      path += "H" + N(next_x) + "V" + N(next_y);
      labels_.Avoid({x, y - 1, next_x, y + 1}, 3);
      labels_.Avoid(
          {next_x - 1, std::min(y, next_y), next_x + 1, std::max(y, next_y)},
          3);
      x = next_x;
      y = next_y;
    };
    for (const PlotPoint& p : front) to(X(p.x), Y(p.y));
    to(kRight, y);
    out_ += "<path class=\"under\" d=\"" + path + "V" + N(floor) + "Z\"/>\n";
    out_ += "<path class=\"front\" d=\"" + path + "\"/>\n";
  }

  // Points away from the front: towards the side on which a point lies.
  std::string Triangle(double x, double y, const std::string& fill) const {
    const double tip = plot_.y_grows ? 4 : -4;
    return "<path fill=\"" + fill + "\" d=\"M" + N(x - 4.5) + " " + N(y - tip) +
           "H" + N(x + 4.5) + "L" + N(x) + " " + N(y + tip) + "Z\"/>\n";
  }

  void DrawMarker(const PlotPoint& p) {
    if (IsBeyond(p)) {
      const double edge = plot_.y_grows ? kBottom - 5 : top_ + 5;
      out_ += Triangle(X(p.x), edge, Pale(Color(p.group)));
      return;
    }
    const double x = X(p.x), y = Y(p.y);
    const std::string color = p.front ? Color(p.group) : Pale(Color(p.group));
    if (p.front) {
      out_ += Marker(x, y, "#ffffff", "#ffffff", 7.5, 1);
      out_ += Marker(x, y, p.hollow ? "#ffffff" : color, color, 5.2, 2.2);
      labels_.Block({x - 7, y - 7, x + 7, y + 7});
    } else {
      out_ += Marker(x, y, p.hollow ? "#ffffff" : color, color, 3.6, 1.6);
      labels_.Avoid({x - 4, y - 4, x + 4, y + 4});
    }
  }

  void DrawLabels() {
    std::set<std::string> named;
    for (const PlotPoint& p : points_) {
      if (!p.front || p.label.empty()) continue;
      const double x = X(p.x), y = Y(p.y);
      const std::string here = N(x) + " " + N(y);
      if (!named.insert(here).second) continue;  // one name for equal points
      const auto place = labels_.Place(x, y, TextWidth(p.label, 12),
                                       {kLeft, top_, kRight, kBottom});
      if (!place) continue;
      if (place->far) {
        out_ += Line(x, y, place->lead_x, place->lead_y, "lead");
        DrawMarker(p);  // over the line's end
      }
      out_ += TextAt(place->anchor_x, place->box.bottom - 4, "name",
                     place->anchor, p.label);
    }
  }

  const Plot& plot_;
  std::vector<PlotPoint> points_;  // dominated ones, then the front by x
  std::vector<std::string> groups_;
  Scale x_, y_;
  double top_ = 128;  // of the frame; lower under a legend of two rows
  Labels labels_;
  std::string out_;
};

}  // namespace

std::string_view GroupColor(std::size_t index) {
  constexpr std::array<std::string_view, 9> kColors = {
      "#444b53", "#0072b2", "#d55e00", "#009e73", "#b8579a",
      "#c98a00", "#3a9bdc", "#7a4b12", "#8a8f00"};
  return kColors[index % kColors.size()];
}

std::string ToSvg(const Plot& plot) { return Drawing(plot).Svg(); }

}  // namespace nibble::sweep
