// Where the real data sets and the golden files lie, for tests that need them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace nibble::testing {

// NIBBLE_DATA if it is set, else ../shared/data beside the checkout.
inline std::filesystem::path DataDir() {
  const char* dir = std::getenv("NIBBLE_DATA");
  return dir != nullptr && *dir != '\0'
             ? std::filesystem::path(dir)
             : std::filesystem::path(NIBBLE_SOURCE_DIR) / "../shared/data";
}

// Elements of a raw little-endian file below DataDir().
template <class T>
std::vector<T> ReadRaw(const std::string& name) {
  const auto path = DataDir() / name;
  std::ifstream file(path, std::ios::binary);
  std::vector<T> out(std::filesystem::file_size(path) / sizeof(T));
  file.read(reinterpret_cast<char*>(out.data()),
            static_cast<std::streamsize>(out.size() * sizeof(T)));
  return out;
}

}  // namespace nibble::testing

// Skips the test, with a plain message, where a data file is absent.
#define NIBBLE_NEED_DATA(name)                                       \
  if (!std::filesystem::exists(nibble::testing::DataDir() / (name))) \
  GTEST_SKIP() << "no " << (name) << " below NIBBLE_DATA ("          \
               << nibble::testing::DataDir().string() << ")"
