// What the tests of files share: bytes on the heap, where the address sanitizer
// sees a read past their end, and refusals with the words they must contain.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/core/check.hpp"

namespace nibble::testing {

using ByteVector = std::vector<std::byte>;

inline ByteVector Bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

// "1f8b" -> two bytes; blanks are skipped.
inline ByteVector FromHex(std::string_view hex) {
  ByteVector out;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ' || c == '\n') continue;
    digits += c;
    if (digits.size() < 2) continue;
    out.push_back(static_cast<std::byte>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return out;
}

template <class T>
void Append(ByteVector& out, T value) {
  for (const std::byte b : std::as_bytes(std::span(&value, 1)))
    out.push_back(b);
}

// The message of the InputError that `call` throws, "" if it throws none.
inline std::string Refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

#define EXPECT_REFUSED(call, words) \
  EXPECT_EQ(nibble::testing::Refusal([&] { (void)(call); }), words)

// `parse` refuses every proper prefix of `whole`, read from exactly that many
// bytes, and takes the whole.
template <class Parse>
void ExpectEveryPrefixRefused(const ByteVector& whole, Parse parse) {
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const ByteVector part(whole.begin(),
                          whole.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_NE(Refusal([&] { parse(part); }), "") << "of " << n << " bytes";
  }
  EXPECT_EQ(Refusal([&] { parse(whole); }), "");
}

// `parse` takes or refuses `whole` with any one byte changed, in a few ways; it
// neither crashes nor throws anything else.
template <class Parse>
void ExpectNoDamageEscapes(const ByteVector& whole, Parse parse) {
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int change : {0x01, 0x10, 0x7F, 0x80, 0xFF}) {
      ByteVector damaged = whole;
      damaged[i] ^= static_cast<std::byte>(change);
      EXPECT_NO_THROW(Refusal([&] { parse(damaged); }))
          << "byte " << i << " xor " << change;
    }
  }
}

// An empty folder that goes with its contents when the test ends.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "nibble-test-XXXXXX")
            .string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error(name);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace nibble::testing
