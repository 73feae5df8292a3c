// Finds room for names beside points.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace nibble::sweep {

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;

  bool Meets(const Box& o) const {
    return left < o.right && o.left < right && top < o.bottom && o.top < bottom;
  }
  bool Holds(const Box& o) const {
    return left <= o.left && o.right <= right && top <= o.top &&
           o.bottom <= bottom;
  }
};

// The width in pixels of a text at a font size: the names of schemes measured
// 0.53 of the size per character in DejaVu Sans, the widest font of the list.
inline double TextWidth(const std::string& text, double size) {
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  });
  return 0.56 * size * static_cast<double>(characters);
}

struct LabelPlace {
  Box box;
  bool far = false;  // a line should lead to it, ending at lead_x, lead_y
  double lead_x = 0, lead_y = 0;
  double anchor_x = 0;  // the text's x, at its start, middle or end
  const char* anchor = "start";
};

// Greedy: each name takes the best free place around its point, near before
// far, and keeps others out of it. A name without a free place is dropped.
class Labels {
 public:
  void Block(const Box& box) { blocked_.push_back(box); }  // never covered
  // Better not covered, the less the larger the weight.
  void Avoid(const Box& box, std::size_t weight = 1) {
    avoided_.insert(avoided_.end(), weight, box);
  }

  std::optional<LabelPlace> Place(double x, double y, double width,
                                  const Box& area) {
    std::optional<LabelPlace> best;
    double least = std::numeric_limits<double>::infinity();
    for (const double gap : {9.0, 22.0, 38.0, 56.0, 76.0, 98.0}) {
      for (const double side : {-1.0, 1.0, 0.0}) {     // left, right, middle
        for (const double level : {-1.0, 0.0, 1.0}) {  // above, beside, below
          if (level == 0 && (side == 0 || gap > 30)) continue;
          const LabelPlace place = At(x, y, width, gap, side, level);
          if (!area.Holds(place.box) || Count(blocked_, place.box) > 0) {
            continue;
          }
          const double cost = gap + 14 * Count(avoided_, place.box) +
                              (side < 0 && level < 0 ? 0 : 3) +
                              (level > 0 ? 10 : 0) +  // rather above
                              (place.far ? 14 * Crossings(x, y, place) : 0);
          if (cost >= least) continue;
          least = cost;
          best = place;
        }
      }
    }
    if (best) {
      Block(best->box);
      if (best->far) {
        for (const Box& part : Lead(x, y, *best)) Avoid(part);
      }
    }
    return best;
  }

 private:
  static LabelPlace At(double x, double y, double width, double gap,
                       double side, double level) {
    constexpr double kHigh = 16;
    const double near_x = x + side * (level == 0 ? gap : gap * 0.7);
    const double left = side < 0   ? near_x - width
                        : side > 0 ? near_x
                                   : x - width / 2;
    const double middle =
        y + level * (side == 0 ? gap + kHigh / 2 : gap * 0.9 + 2);
    const Box box = {left, middle - kHigh / 2, left + width,
                     middle + kHigh / 2};
    const double end = level < 0 ? box.bottom : level > 0 ? box.top : middle;
    const double anchor = side == 0 ? x : near_x;
    return {box, gap > 12, anchor,
            end, anchor,   side < 0 ? "end" : (side == 0 ? "middle" : "start")};
  }

  // The line to a far name, from outside the marker, as small boxes.
  static std::vector<Box> Lead(double x, double y, const LabelPlace& place) {
    constexpr int kParts = 16;
    constexpr double kMarker = 10;
    std::vector<Box> parts;
    for (int i = 0; i < kParts; ++i) {
      const double t = static_cast<double>(i) / kParts;
      const double dx = t * (place.lead_x - x), dy = t * (place.lead_y - y);
      if (dx * dx + dy * dy < kMarker * kMarker) continue;
      parts.push_back({x + dx - 2, y + dy - 2, x + dx + 2, y + dy + 2});
    }
    return parts;
  }

  double Crossings(double x, double y, const LabelPlace& place) const {
    const auto parts = Lead(x, y, place);
    const auto crossed = [&](const Box& box) {
      return std::any_of(parts.begin(), parts.end(),
                         [&](const Box& part) { return box.Meets(part); });
    };
    return static_cast<double>(
        2 * std::count_if(blocked_.begin(), blocked_.end(), crossed) +
        std::count_if(avoided_.begin(), avoided_.end(), crossed));
  }

  static double Count(const std::vector<Box>& boxes, const Box& box) {
    return static_cast<double>(
        std::count_if(boxes.begin(), boxes.end(),
                      [&](const Box& other) { return other.Meets(box); }));
  }

  std::vector<Box> blocked_, avoided_;
};

}  // namespace nibble::sweep
