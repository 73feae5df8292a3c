// IDX, the file format of MNIST: arrays of bytes with their dimensions.
//
//     byte 0, 1   zero
//     byte 2      element type; 8 = unsigned byte, the only one read here
//     byte 3      number of dimensions
//     then        each dimension, 32 bits, big-endian
//     the rest    the elements, row-major
//
// Source   yann.lecun.com/exdb/mnist, "The IDX file format".
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nibble/io/file.hpp"

namespace nibble::io {

struct IdxArray {
  std::vector<std::size_t> shape;
  std::vector<std::uint8_t> data;
};

// Errors   InputError naming the file, the field, what was found and what was
//          expected: magic, type, dimensions that are not the file's size, or
//          more than `limit` bytes unpacked.
IdxArray LoadIdx(const std::filesystem::path& path,
                 std::size_t limit = kDefaultLimit);

// The same for bytes in memory, plain or gzipped.
IdxArray ParseIdx(Bytes bytes, const std::string& name,
                  std::size_t limit = kDefaultLimit);

}  // namespace nibble::io
