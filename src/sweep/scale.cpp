// Scales, numbers and escapes of plot.hpp.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "nibble/sweep/plot.hpp"

namespace nibble::sweep {
namespace {

// 1, 2 and 5 (or only 1) times every power of ten in [lo, hi].
std::vector<double> RoundMarks(double lo, double hi, bool only_powers) {
  std::vector<double> marks;
  for (int power = static_cast<int>(std::floor(std::log10(lo)));
       power <= static_cast<int>(std::ceil(std::log10(hi))); ++power) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double mark = digit * std::pow(10.0, power);
      const bool wanted = digit == 1 || !only_powers;
      if (wanted && mark >= lo && mark <= hi) marks.push_back(mark);
    }
  }
  return marks;
}

}  // namespace

double Scale::At(double value) const {
  switch (kind) {
    case Kind::kLog:
      return std::log(value / lo) / std::log(hi / lo);
    case Kind::kLogError:
      return std::log((1 - lo) / (1 - value)) / std::log((1 - lo) / (1 - hi));
    case Kind::kLinear:
      break;
  }
  return (value - lo) / (hi - lo);
}

Scale LinearScale(double lo, double hi) {
  if (lo == hi) {
    const double margin = lo == 0 ? 1 : std::abs(lo) / 10;
    lo -= margin;
    hi += margin;
  }
  const double raw = (hi - lo) / 6;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double digit : {5.0, 2.5, 2.0, 1.0}) {
    if (digit * power >= raw) step = digit * power;
  }
  Scale scale;
  const double first = std::floor(lo / step), last = std::ceil(hi / step);
  scale.lo = first * step;
  scale.hi = last * step;
  for (double i = first; i <= last; ++i) scale.ticks.push_back(i * step);
  return scale;
}

Scale LogScale(double lo, double hi) {
  Scale scale;
  scale.kind = Scale::Kind::kLog;
  const double margin = std::max(std::pow(hi / lo, 0.04), 1.01);
  scale.lo = lo / margin;
  scale.hi = hi * margin;
  scale.ticks = RoundMarks(scale.lo, scale.hi, scale.hi / scale.lo > 2e3);
  return scale;
}

Scale LogErrorScale(double lo, double hi) {
  Scale scale;
  scale.kind = Scale::Kind::kLogError;
  const double least = 1 - hi, most = 1 - lo;
  const double margin = std::max(std::pow(most / least, 0.04), 1.01);
  scale.lo = 1 - std::min(most * margin, 1.0);
  scale.hi = 1 - least / margin;
  for (const double error :
       RoundMarks(1 - scale.hi, 1 - scale.lo, most / least > 2e3)) {
    scale.ticks.push_back(1 - error);
  }
  if (scale.ticks.size() < 5) {  // a narrow range: more marks between
    for (const double error : {0.3, 0.15, 0.07, 0.03, 0.015, 0.007, 0.003}) {
      if (error > 1 - scale.hi && error < 1 - scale.lo) {
        scale.ticks.push_back(1 - error);
      }
    }
  }
  std::sort(scale.ticks.begin(), scale.ticks.end());
  return scale;
}

std::string Decimal(double value, int digits) {
  std::array<char, 400> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                 value, std::chars_format::fixed, digits);
  std::string text(buffer.data(), end.ptr);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string ShortNumber(double value) {
  constexpr std::array<std::pair<double, std::string_view>, 5> kPrefixes = {
      {{1e15, " P"}, {1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"}}};
  const double size = std::abs(value);
  if (!std::isfinite(value)) return "no number";
  for (const auto& [factor, prefix] : kPrefixes) {
    if (size < 0.9995 * factor) continue;
    const double scaled = value / factor;
    const int digits =
        std::abs(scaled) >= 99.95 ? 0 : (std::abs(scaled) >= 9.995 ? 1 : 2);
    return Decimal(scaled, digits) + std::string(prefix);
  }
  if (size == 0) return "0";
  const int digits = 2 - static_cast<int>(std::floor(std::log10(size)));
  return Decimal(value, std::clamp(digits, 0, 300));
}

std::string EscapeXml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') {
          out += "\xEF\xBF\xBD";  // U+FFFD
        } else {
          out += c;
        }
    }
  }
  return out;
}

}  // namespace nibble::sweep
