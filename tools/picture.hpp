// A picture of coloured dots, with text, as PNG.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nibble::tools {

using Color = std::array<std::uint8_t, 3>;  // red, green, blue

inline constexpr Color kBlack = {0, 0, 0};
inline constexpr Color kWhite = {255, 255, 255};

// Origin at the upper left. Dots outside are dropped.
class Picture {
 public:
  Picture(int width, int height)
      : width_(width),
        height_(height),
        dots_(static_cast<std::size_t>(width * height), kWhite) {}

  void Set(int x, int y, const Color& color) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
    dots_[static_cast<std::size_t>(y * width_ + x)] = color;
  }
  void Fill(int x, int y, int width, int height, const Color& color);
  // The outline of a rectangle.
  void Frame(int x, int y, int width, int height, const Color& color);
  // Letters of 5 x 7 dots, `scale` times as large, from their upper left; small
  // letters, digits and . , : + - % _ only, others are left blank.
  void Text(int x, int y, std::string_view text, int scale = 2);
  static int TextWidth(std::string_view text, int scale = 2) {
    return static_cast<int>(text.size()) * 6 * scale;
  }

  // Errors   InputError if the file cannot be written; it is then as before.
  void WritePng(const std::string& path) const;

 private:
  int width_, height_;
  std::vector<Color> dots_;
};

}  // namespace nibble::tools
