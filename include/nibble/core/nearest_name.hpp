// "Did you mean": the known name nearest to one that is not known.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nibble {

// Fewest insertions, deletions and replacements of characters that turn one
// string into the other.
inline std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

// The first of `names` at the least distance from `name`; "" if there are none.
inline std::string NearestName(std::string_view name,
                               std::span<const std::string> names) {
  const auto nearest = std::ranges::min_element(
      names, {}, [&](const std::string& n) { return EditDistance(name, n); });
  return nearest == names.end() ? std::string() : *nearest;
}

// How many characters of `name` are right: the longest beginning that it shares
// with one of `names`.
inline std::size_t RightCharacters(std::string_view name,
                                   std::span<const std::string> names) {
  std::size_t right = 0;
  for (const std::string& n : names) {
    const auto ends = std::ranges::mismatch(name, n);
    right = std::max(right, static_cast<std::size_t>(ends.in1 - name.begin()));
  }
  return right;
}

}  // namespace nibble
