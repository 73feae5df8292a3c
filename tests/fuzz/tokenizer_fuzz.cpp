// The last bytes of the input, as many as its first byte says, are a text;
// what is before them is a tokenizer. Texts survive a round trip.
#include <algorithm>
#include <string_view>

#include "fuzz.hpp"
#include "nibble/io/tokenizer.hpp"

using nibble::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0) return 0;
  const std::size_t length = std::min<std::size_t>(data[0], size - 1);
  const std::string_view text(
      reinterpret_cast<const char*>(data) + size - length, length);
  nibble::fuzz::Accepts(
      data + 1, size - 1 - length, [&](nibble::io::Bytes bytes) {
        const auto tokenizer = nibble::io::Tokenizer::Parse(bytes, "fuzz");
        const auto tokens = tokenizer.Encode(text);
        for (const int token : tokens) {
          Require(token >= nibble::io::Tokenizer::kFirstByte &&
                  static_cast<std::size_t>(token) < tokenizer.size());
        }
        Require(tokenizer.Decode(tokens) == text);
      });
  return 0;
}
