#include <charconv>
#include <string_view>

#include "nibble/core/check.hpp"
#include "nibble/io/gzip.hpp"
#include "nibble/io/images.hpp"
#include "nibble/io/mapped_file.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {
namespace {

constexpr std::size_t kPixels = 64;
constexpr int kBrightest = 16;

// The integer at the front of `line`, which loses it and the comma after it.
std::uint8_t TakeField(std::string_view& line, std::size_t column,
                       const std::string& where) {
  const bool last = column == kPixels;
  const int most = last ? 9 : kBrightest;
  const std::size_t comma = line.find(',');
  const std::string_view text = line.substr(0, comma);
  int value = -1;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 ||
      value > most) {
    throw InputError(where, "column " + std::to_string(column + 1),
                     Quoted(text),
                     "an integer of 0 to " + std::to_string(most));
  }
  if (last != (comma == line.npos)) {
    throw InputError(where, "columns",
                     last ? "more" : std::to_string(column + 1), "65");
  }
  line.remove_prefix(last ? line.size() : comma + 1);
  return static_cast<std::uint8_t>(value);
}

void AppendLine(std::string_view line, const std::string& where, Images& out) {
  for (std::size_t column = 0; column < kPixels; ++column) {
    out.pixels.push_back(TakeField(line, column, where));
  }
  out.labels.push_back(TakeField(line, kPixels, where));
  ++out.count;
}

Images ParseLines(Bytes bytes, const std::string& name) {
  Images out{.height = 8,
             .width = 8,
             .channels = 1,
             .pixels = {},
             .labels = {},
             .max_value = kBrightest};
  std::string_view text = AsText(bytes);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    AppendLine(line, name + ": line " + std::to_string(number), out);
  }
  if (out.count == 0) {
    throw InputError(name, "lines", "none", "at least one");
  }
  return out;
}

}  // namespace

Images LoadDigits(Bytes bytes, const std::string& name) {
  // Unpacked once: what is gzipped inside of gzip is no text.
  if (IsGzip(bytes)) return ParseLines(Gunzip(bytes, name), name);
  return ParseLines(bytes, name);
}

Images LoadDigits(const std::filesystem::path& path) {
  return LoadDigits(MappedFile::Open(path).bytes(), path.string());
}

}  // namespace nibble::io
