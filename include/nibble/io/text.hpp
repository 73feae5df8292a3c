// Text files, and the stories in them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nibble::io {

// What stands between two texts of one file.
inline constexpr std::string_view kEndOfText = "<|endoftext|>";

// Errors   InputError with the path where the file cannot be read.
std::string ReadText(const std::filesystem::path& path);

// The texts between separators, without blanks (space, tab, new line) at their
// ends; those of which nothing is left are dropped.
std::vector<std::string_view> SplitTexts(
    std::string_view text, std::string_view separator = kEndOfText);

}  // namespace nibble::io
