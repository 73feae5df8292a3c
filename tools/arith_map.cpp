#include "tools/arith_map.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "tools/picture.hpp"

namespace nibble::tools {
namespace {

constexpr int kSide = 512;  // dots of the map
constexpr int kLeft = 76, kTop = 72;
constexpr int kBar = kLeft + kSide + 32;  // the scale
constexpr int kBarWidth = 24;

// Relative errors, row by row from w's lowest value up, and their range.
struct Map {
  int cells = 0;  // of each side
  std::vector<double> errors;
  double low = 0, high = 0, mean = 0;
  const char* from;  // the operands' ends, as text
  const char* to;
};

// Bytes: an unsigned circuit's own operands, a signed one's from -128 up.
double CircuitError(const ProductTable& table, int i, int j) {
  const int offset = table.is_signed() ? -128 : 0;
  const int exact = (i + offset) * (j + offset);
  const std::int32_t product =
      table.Circuit(static_cast<std::uint8_t>(i + offset),
                    static_cast<std::uint8_t>(j + offset));
  return (product - exact) / std::max(1.0, std::abs(double(exact))) *
         (exact < 0 ? -1 : 1);
}

Map MakeMap(const Multiplier& multiplier) {
  Map map;
  const bool bytes = multiplier.on_bytes();
  const bool negative = bytes && multiplier.table().is_signed();
  map.cells = bytes ? 256 : kSide;
  map.from = negative ? "-128" : bytes ? "0" : "1";
  map.to = negative ? "127" : bytes ? "255" : "2";
  for (int j = 0; j < map.cells; ++j) {
    for (int i = 0; i < map.cells; ++i) {
      double error = 0;
      if (bytes) {
        error = CircuitError(multiplier.table(), i, j);
      } else {
        const auto x = static_cast<float>(1 + (i + 0.5) / map.cells);
        const auto w = static_cast<float>(1 + (j + 0.5) / map.cells);
        // Powers of two times these leave the picture as it is; 2^-1 keeps
        // apot's weights within +-1.
        error = multiplier(x, w / 2) / (double{x} * w / 2) - 1;
      }
      map.errors.push_back(error);
      map.low = std::min(map.low, error);
      map.high = std::max(map.high, error);
      map.mean += error / map.cells / map.cells;
    }
  }
  return map;
}

// The width of a band, of 1, 2 or 5 times a power of ten: 8 to 20 of them reach
// from zero to the largest error.
double BandWidth(double largest) {
  if (largest == 0) return 0.01;
  const double power = std::pow(10, std::floor(std::log10(largest / 8)));
  const double digit = largest / 8 / power;
  return power * (digit >= 5 ? 5 : digit >= 2 ? 2 : 1);
}

// White at zero; red and blue darken with the band.
Color ColorOf(double error, double band, double largest) {
  const double bands = std::max(1.0, std::ceil(largest / band));
  const double depth =
      std::clamp(std::floor(std::abs(error) / band) + 0.5, 0.0, bands) / bands;
  const auto mix = [depth](int full) {
    return static_cast<std::uint8_t>(255 + (full - 255) * depth);
  };
  if (std::abs(error) < band / 2) return {245, 245, 245};
  return error > 0 ? Color{mix(150), mix(0), mix(20)}
                   : Color{mix(0), mix(40), mix(150)};
}

std::string Percent(double value, int digits = 2) {
  char text[32];
  std::snprintf(text, sizeof(text), "%+.*f%%", digits, 100 * value);
  return text;
}

void DrawScale(Picture& picture, double band, double largest) {
  for (int y = 0; y < kSide; ++y) {
    const double error = largest * (1 - 2.0 * (y + 0.5) / kSide);
    picture.Fill(kBar, kTop + y, kBarWidth, 1, ColorOf(error, band, largest));
  }
  picture.Frame(kBar - 1, kTop - 1, kBarWidth + 2, kSide + 2, kBlack);
  const int digits = largest > 0.2 ? 0 : largest > 0.02 ? 1 : 3;
  for (int i = -4; i <= 4; ++i) {
    const int y = kTop + kSide / 2 - i * kSide / 8;
    picture.Fill(kBar + kBarWidth, y, 6, 1, kBlack);
    picture.Text(kBar + kBarWidth + 10, y - 7,
                 Percent(largest * i / 4, digits));
  }
}

}  // namespace

void WriteErrorMap(const Multiplier& multiplier, const std::string& path) {
  const Map map = MakeMap(multiplier);
  const double largest = std::max(-map.low, map.high);
  const double band = BandWidth(largest);
  Picture picture(kBar + kBarWidth + 110, kTop + kSide + 64);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const int i = x * map.cells / kSide;
      const int j = (kSide - 1 - y) * map.cells / kSide;
      const double error =
          map.errors[static_cast<std::size_t>(j * map.cells + i)];
      picture.Set(kLeft + x, kTop + y, ColorOf(error, band, largest));
    }
  }
  picture.Frame(kLeft - 1, kTop - 1, kSide + 2, kSide + 2, kBlack);
  DrawScale(picture, band, largest == 0 ? band : largest);
  picture.Text(kLeft, 12, ToString(multiplier) + "  relative error");
  picture.Text(kLeft, 38,
               "mean " + Percent(map.mean) + "  from " + Percent(map.low) +
                   " to " + Percent(map.high));
  const int below = kTop + kSide + 10;
  picture.Text(kLeft, below, map.from);
  picture.Text(kLeft + kSide - Picture::TextWidth(map.to), below, map.to);
  picture.Text(kLeft + kSide / 2 - 6, below + 8, "x");
  const int at = kLeft - 10;
  picture.Text(at - Picture::TextWidth(map.from), kTop + kSide - 14, map.from);
  picture.Text(at - Picture::TextWidth(map.to), kTop, map.to);
  picture.Text(at - 20, kTop + kSide / 2 - 7, "w");
  picture.WritePng(path);
}

}  // namespace nibble::tools
