// Labels of a data set, one a line, as MLPerf Tiny's kits write them:
//
//     tst_000000_Stop_7.bin,12,7     name, number of classes, label
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nibble/io/file.hpp"

namespace nibble::io {

// The last column of every line, 0 to 255; other columns and the spaces around
// the number are passed over. An empty line ends the file.
//
// Errors   InputError naming the file, the line (from 1), what was found and
//          expected; or if there is no line.
std::vector<std::uint8_t> LoadLabels(const std::filesystem::path& path);
std::vector<std::uint8_t> ParseLabels(Bytes bytes, const std::string& name);

}  // namespace nibble::io
