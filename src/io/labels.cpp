#include "nibble/io/labels.hpp"

#include <charconv>

#include "nibble/core/check.hpp"
#include "nibble/io/mapped_file.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {
namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

std::vector<std::uint8_t> ParseLabels(Bytes bytes, const std::string& name) {
  std::string_view text = AsText(bytes);
  std::vector<std::uint8_t> labels;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) break;
    const std::string_view last = Trimmed(line.substr(line.rfind(',') + 1));
    std::uint8_t label = 0;
    const auto [rest, error] =
        std::from_chars(last.data(), last.data() + last.size(), label);
    if (error != std::errc() || rest != last.data() + last.size()) {
      throw InputError(name, "line " + std::to_string(labels.size() + 1),
                       Quoted(last), "a label of 0 to 255 in the last column");
    }
    labels.push_back(label);
  }
  if (labels.empty()) throw InputError(name, "lines", "0", "at least 1");
  return labels;
}

std::vector<std::uint8_t> LoadLabels(const std::filesystem::path& path) {
  return ParseLabels(MappedFile::Open(path).bytes(), path.string());
}

}  // namespace nibble::io
