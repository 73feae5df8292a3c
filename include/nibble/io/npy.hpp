// NumPy's arrays: npy, one array behind a header that is a Python dictionary,
// and npz, a zip archive of such files.
//
//     bytes 0..5  \x93NUMPY
//     byte 6, 7   version 1.0, 2.0 or 3.0
//     then        length of the header: 16 bits in version 1, else 32 bits
//     then        {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
//     the rest    the elements
//
// Read are f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1 of either byte order, C or
// Fortran order; written is version 1.0, little-endian, C order.
//
// Source   numpy.org, "NEP 1" and numpy.lib.format.
#pragma once

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nibble/core/check.hpp"
#include "nibble/io/file.hpp"

namespace nibble::io {

struct NpyArray {
  std::string dtype;               // "f4", "i8", "b1", ...: no byte order
  std::vector<std::size_t> shape;  // empty for a scalar
  std::vector<std::byte> data;     // little-endian, C order, whatever the file
  bool fortran_order = false;      // what the file said

  // Elements: the product of the shape, 1 for a scalar.
  std::size_t count() const;

  // The elements as they lie there.
  //
  // Domain   T is an arithmetic type; take "b1" from `data`, a byte each.
  // Errors   std::invalid_argument if T is not of the array's dtype.
  template <class T>
  std::vector<T> values() const;
};

using Npz = std::map<std::string, NpyArray>;  // names without .npy

// The dtype that holds a T: "f4" for float, "b1" for bool.
template <class T>
std::string NpyDtypeOf() {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8);
  const char kind = std::is_same_v<T, bool>       ? 'b'
                    : std::is_floating_point_v<T> ? 'f'
                    : std::is_signed_v<T>         ? 'i'
                                                  : 'u';
  return kind + std::to_string(sizeof(T));
}

// Errors   InputError naming the file, the field, what was found and what was
//          expected.
NpyArray LoadNpy(const std::filesystem::path& path);
NpyArray ParseNpy(Bytes bytes, const std::string& name);

// Entries stored or deflated. Errors also for a wrong checksum, entries that
// overlap, and more than `limit` bytes unpacked in all.
Npz LoadNpz(const std::filesystem::path& path,
            std::size_t limit = kDefaultLimit);
Npz ParseNpz(Bytes bytes, const std::string& name,
             std::size_t limit = kDefaultLimit);

// The elements as floats, in C order, rounded to the nearest (ties to even).
std::vector<float> ToFloat(const NpyArray& array);

enum class Packing { kStored, kDeflated };

// Written atomically (see WriteFileAtomically); the same input gives the same
// bytes. An entry or an archive of 4 GiB or more is refused.
//
// Errors   std::invalid_argument for an unknown dtype or a size that is not
//          that of shape and dtype; InputError if the file cannot be written.
void SaveNpy(const std::filesystem::path& path, const NpyArray& array);
void SaveNpz(const std::filesystem::path& path, const Npz& arrays,
             Packing packing = Packing::kDeflated);
std::vector<std::byte> SerializeNpy(const NpyArray& array);
std::vector<std::byte> SerializeNpz(const Npz& arrays,
                                    Packing packing = Packing::kDeflated);

// An array of the caller's values, to be saved.
template <class T>
NpyArray MakeNpy(std::vector<std::size_t> shape, std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {NpyDtypeOf<T>(), std::move(shape), {bytes.begin(), bytes.end()}};
}

template <class T>
std::vector<T> NpyArray::values() const {
  static_assert(!std::is_same_v<T, bool>);
  NIBBLE_CHECK("NpyArray::values", dtype == NpyDtypeOf<T>());
  NIBBLE_CHECK("NpyArray::values", data.size() == count() * sizeof(T));
  std::vector<T> out(count());
  if (!out.empty()) std::memcpy(out.data(), data.data(), data.size());
  return out;
}

}  // namespace nibble::io
