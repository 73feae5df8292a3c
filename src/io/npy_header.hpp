// The header of npy: a Python dictionary with three keys.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/io/npy.hpp"

namespace nibble::io {

struct NpyHeader {
  std::string dtype;  // kind and size
  std::size_t item_size = 0;
  bool big_endian = false;
  bool fortran_order = false;
  std::vector<std::size_t> shape;
};

// Whether the dtype (kind and size, no byte order) is one we hold.
bool IsNpyDtype(std::string_view dtype);

// Bytes of an element of such a dtype.
std::size_t NpyItemSize(std::string_view dtype);

// Errors   InputError naming `file` and the field.
NpyHeader ParseNpyHeader(std::string_view text, const std::string& file);

// Magic, version, length and dictionary, padded so that the data begins at a
// multiple of 64 bytes.
std::string WriteNpyHeader(const NpyArray& array);

}  // namespace nibble::io
