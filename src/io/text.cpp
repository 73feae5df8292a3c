#include "nibble/io/text.hpp"

#include <algorithm>

#include "nibble/io/mapped_file.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {

std::string ReadText(const std::filesystem::path& path) {
  const MappedFile map = MappedFile::Open(path);
  return std::string(AsText(map.bytes()));
}

std::vector<std::string_view> SplitTexts(std::string_view text,
                                         std::string_view separator) {
  constexpr std::string_view kBlanks = " \t\r\n";
  std::vector<std::string_view> texts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    const std::string_view part = text.substr(at, end - at);
    const std::size_t first = part.find_first_not_of(kBlanks);
    if (first != std::string_view::npos) {
      texts.push_back(
          part.substr(first, part.find_last_not_of(kBlanks) + 1 - first));
    }
    at = end + separator.size();
  }
  return texts;
}

}  // namespace nibble::io
