// safetensors: named tensors behind a JSON header.
//
//     bytes 0..7      N, the length of the header, little-endian
//     bytes 8..8+N-1  {"__metadata__": {"key": "value"},
//                      "name": {"dtype": "F32", "shape": [2, 3],
//                               "data_offsets": [begin, end]}, ...}
//     the rest        the data; offsets count from its first byte
//
// The reader accepts exactly the files that the format's README allows: the
// header starts with '{', no key occurs twice, shape and dtype give the span's
// size, and the spans cover the data without a hole or an overlap. Tensors may
// begin at any byte: read values through std::memcpy or ToFloat.
//
// Numbers are little-endian. A shape counts elements, in the dtypes of less
// than a byte too. Those are packed from the lowest bit up, which the format
// leaves open and PyTorch's float4_e2m1fn_x2 does:
//
//     F4   byte 0  [1111|0000]                       element 0 in the low half
//     F6   bytes   [11|000000] [2222|1111] [333333|22]  element i: bits
//     6i..6i+5
//
// Source   github.com/huggingface/safetensors, README.md and tensor.rs, 0.8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "nibble/io/mapped_file.hpp"

namespace nibble::io {

// Bits of one element of BOOL, F4, F6_E2M3, F6_E3M2, U8, I8, F8_E5M2, F8_E4M3,
// F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ, I16, U16, F16, BF16, I32, U32, F32, C64,
// F64, I64 or U64; nothing for another name.
std::optional<int> DtypeBits(std::string_view dtype);

struct TensorView {
  std::string name;
  std::string dtype;
  std::vector<std::size_t> shape;  // empty for a scalar
  Bytes data;                      // of any alignment

  // Elements: the product of the shape, 1 for a scalar.
  std::size_t count() const;
};

using Metadata = std::map<std::string, std::string>;

class SafeTensors {
 public:
  // Maps the file and checks its whole header. The views hold as long as this
  // object or a copy of it.
  //
  // Errors   InputError naming the file, the field, what was found and what
  //          was expected.
  static SafeTensors Open(const std::filesystem::path& path);

  // The same for bytes in memory, which must outlive the views. `name` stands
  // for the file in messages.
  static SafeTensors Parse(Bytes bytes, const std::string& name);

  // In the order of their data.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  const Metadata& metadata() const { return metadata_; }

  // nullptr where there is no tensor of that name.
  const TensorView* Find(std::string_view name) const;

  // Errors   InputError naming the file, where there is no such tensor.
  const TensorView& Get(std::string_view name) const;

 private:
  std::string file_;
  std::shared_ptr<const MappedFile> map_;
  std::vector<TensorView> tensors_;
  Metadata metadata_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

// The tensor's values as floats, in row-major order.
//
// Error    exact for every dtype but I32, U32, I64, U64 and F64, which are
//          rounded to the nearest float (ties to even; infinity beyond).
// Errors   InputError for C64; std::invalid_argument if the size of `data` is
//          not that of shape and dtype.
std::vector<float> ToFloat(const TensorView& tensor);

// Writes the tensors in the given order, atomically (see WriteFileAtomically).
// The header is padded with spaces, so that the data begins at a multiple of 8.
//
// Errors   std::invalid_argument for an unknown dtype, data whose size is not
//          that of shape and dtype, a name given twice, or "__metadata__" as
//          a name; InputError if the file cannot be written.
void Write(const std::filesystem::path& path,
           std::span<const TensorView> tensors, const Metadata& metadata = {});

// The bytes that Write would put into the file.
std::vector<std::byte> Serialize(std::span<const TensorView> tensors,
                                 const Metadata& metadata = {});

// The dtype that holds a T.
template <class T>
constexpr std::string_view DtypeOf() {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8);
  if constexpr (std::is_same_v<T, bool>) return "BOOL";
  if constexpr (std::is_floating_point_v<T>) {
    return sizeof(T) == 4 ? "F32" : "F64";
  }
  constexpr std::string_view kSigned[] = {"I8", "I16", "", "I32",
                                          "",   "",    "", "I64"};
  constexpr std::string_view kUnsigned[] = {"U8", "U16", "", "U32",
                                            "",   "",    "", "U64"};
  return std::is_signed_v<T> ? kSigned[sizeof(T) - 1]
                             : kUnsigned[sizeof(T) - 1];
}

// A view of the caller's values, for Write.
template <class T>
TensorView ViewOf(std::string name, std::vector<std::size_t> shape,
                  std::span<const T> values) {
  return {std::move(name), std::string(DtypeOf<T>()), std::move(shape),
          std::as_bytes(values)};
}

}  // namespace nibble::io
