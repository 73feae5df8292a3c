// Files that the command carries with it; see embed.cmake.
#pragma once

#include <string_view>

namespace nibble::tools {

std::string_view digits_csv_gz();  // tools/data/digits.csv.gz
std::string_view digits_json();    // tools/sweeps/digits.json

}  // namespace nibble::tools
