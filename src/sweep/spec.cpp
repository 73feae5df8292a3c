#include "nibble/sweep/spec.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>

#include "nlohmann/json.hpp"

namespace nibble::sweep {
namespace {

std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

std::string JsonText(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr ? Quoted(*text) : Text(value);
}

template <class Map>
std::string CanonicalObject(const Map& values) {
  std::string out = "{";
  for (const auto& [name, value] : values) {
    if (out.size() > 1) out += ',';
    out += Quoted(name) + ":" + JsonText(value);
  }
  return out + "}";
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Key(const Point& point) { return CanonicalObject(point); }

std::string Text(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text != nullptr) return *text;
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 std::get<double>(value));
  return std::string(digits.data(), end.ptr);
}

std::string Text(const Point& point, const std::string& axis) {
  const auto found = point.find(axis);
  return found == point.end() ? "" : Text(found->second);
}

std::string Spec::Setting(const std::string& key,
                          const std::string& fallback) const {
  const auto found = settings.find(key);
  return found == settings.end() ? fallback : Text(found->second);
}

std::string Identity(const Spec& spec) {
  return "{\"name\":" + Quoted(spec.name) +
         ",\"settings\":" + CanonicalObject(spec.settings) + "}";
}

std::vector<std::string> VaryingAxes(const std::vector<Point>& points,
                                     const std::vector<std::string>& axes) {
  std::vector<std::string> varying;
  for (const std::string& axis : axes) {
    const bool agree =
        std::all_of(points.begin(), points.end(), [&](const Point& point) {
          return Text(point, axis) == Text(points.front(), axis);
        });
    if (!agree) varying.push_back(axis);
  }
  return varying;
}

std::string Nearest(std::string_view name,
                    const std::vector<std::string>& candidates) {
  const auto best = std::min_element(
      candidates.begin(), candidates.end(), [&](const auto& a, const auto& b) {
        return EditDistance(name, a) < EditDistance(name, b);
      });
  return best == candidates.end() ? "" : *best;
}

}  // namespace nibble::sweep
