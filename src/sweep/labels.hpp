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
  void Avoid(const Box& box) { avoided_.push_back(box); }  // better not

  std::optional<LabelPlace> Place(double x, double y, double width,
                                  const Box& area) {
    constexpr double kHigh = 16;
    std::optional<LabelPlace> best;
    double least = std::numeric_limits<double>::infinity();
    for (const double gap : {9.0, 22.0, 38.0, 56.0, 76.0}) {
      for (const double side : {-1.0, 1.0, 0.0}) {     // left, right, middle
        for (const double level : {-1.0, 0.0, 1.0}) {  // above, beside, below
          if (side == 0 && level == 0) continue;
          if (level == 0 && gap > 30) continue;
          const double near_x = x + side * (level == 0 ? gap : gap * 0.7);
          const double left = side < 0   ? near_x - width
                              : side > 0 ? near_x
                                         : x - width / 2;
          const double middle =
              y + level * (side == 0 ? gap + kHigh / 2 : gap * 0.9 + 2);
          const Box box = {left, middle - kHigh / 2, left + width,
                           middle + kHigh / 2};
          if (!area.Holds(box) || Any(blocked_, box)) continue;
          const double cost =
              gap + 14 * Count(avoided_, box) + (side < 0 && level < 0 ? 0 : 3);
          if (cost >= least) continue;
          least = cost;
          best = {box,
                  gap > 12,
                  side == 0 ? x : near_x,
                  level < 0   ? box.bottom
                  : level > 0 ? box.top
                              : middle,
                  side == 0 ? x : near_x,
                  side < 0    ? "end"
                  : side == 0 ? "middle"
                              : "start"};
        }
      }
    }
    if (best) Block(best->box);
    return best;
  }

 private:
  static bool Any(const std::vector<Box>& boxes, const Box& box) {
    return Count(boxes, box) > 0;
  }
  static double Count(const std::vector<Box>& boxes, const Box& box) {
    return static_cast<double>(
        std::count_if(boxes.begin(), boxes.end(),
                      [&](const Box& other) { return other.Meets(box); }));
  }

  std::vector<Box> blocked_, avoided_;
};

}  // namespace nibble::sweep
