// What the fuzz targets share. A target hands the fuzzer's bytes to a reader,
// which must take them or refuse them with an InputError; any other exception,
// and any finding of the sanitizers, is a bug.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "nibble/core/check.hpp"

namespace nibble::fuzz {

// Stops the fuzzer, with the input kept, where something that was read is not
// what was promised.
inline void Require(bool condition) {
  if (!condition) std::abort();
}

// Whether `read` took the bytes.
template <class Read>
bool Accepts(const std::uint8_t* data, std::size_t size, Read read) {
  try {
    read(std::as_bytes(std::span(data, size)));
    return true;
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace nibble::fuzz
