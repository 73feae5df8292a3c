// GGUF, version 3: named tensors behind typed metadata, ggml's file format.
//
//     "GGUF", version 3 (32 bits), number of tensors and of metadata (64 bits)
//     metadata   key, type (32 bits), value
//     tensors    name, number of dimensions (32 bits), dimensions (64 bits, the
//                fastest first), type (32 bits), offset (64 bits)
//     padding    to a multiple of the alignment
//     data       each tensor padded so; offsets count from the first byte
//
// A string is its length (64 bits) and its bytes; an array is the type of its
// elements (32 bits), their number (64 bits) and the elements. All numbers are
// little-endian. The alignment is general.alignment, a uint32, or 32.
//
// The reader accepts what ggml's own does, and no more: no key or name twice,
// at most four dimensions, rows of whole blocks, tensors that lie one behind
// the other from offset 0. Shapes here are row-major, the slowest dimension
// first: the weights of a layer are [outputs, inputs].
//
// Source   ggml-org/ggml, docs/gguf.md; I2_S is bitnet.cpp's.
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
#include <variant>
#include <vector>

#include "nibble/core/check.hpp"
#include "nibble/format/registry.hpp"
#include "nibble/io/mapped_file.hpp"
#include "nibble/io/safetensors.hpp"

namespace nibble::io {

// The elements of an array, all of one type; the alternatives are numbered as
// the file's types are.
struct GgufArray {
  std::variant<std::vector<std::uint8_t>, std::vector<std::int8_t>,
               std::vector<std::uint16_t>, std::vector<std::int16_t>,
               std::vector<std::uint32_t>, std::vector<std::int32_t>,
               std::vector<float>, std::vector<bool>, std::vector<std::string>,
               std::vector<GgufArray>, std::vector<std::uint64_t>,
               std::vector<std::int64_t>, std::vector<double>>
      items;
  bool operator==(const GgufArray&) const = default;
};

// A value; the same numbering.
using GgufValue =
    std::variant<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t,
                 std::uint32_t, std::int32_t, float, bool, std::string,
                 GgufArray, std::uint64_t, std::int64_t, double>;

// The names of the alternatives, as messages use them: "uint8", "array", ...
inline constexpr std::string_view kGgufValueNames[] = {
    "uint8", "int8",   "uint16", "int16",  "uint32", "int32",  "float32",
    "bool",  "string", "array",  "uint64", "int64",  "float64"};

struct GgufEntry {
  std::string key;
  GgufValue value;
};

// A type of tensors. Elements come in blocks of `block`, a row in whole ones.
struct GgufTensorType {
  std::uint32_t id;
  std::string_view name;  // "F32", "TQ2_0", ...
  std::size_t block;      // elements
  std::size_t block_bytes;
  std::size_t tail_bytes;  // behind a whole tensor; I2_S has its scale there
  std::optional<FormatId> format;  // how ToFloat reads it
};

// nullptr for a type that is not known here.
const GgufTensorType* FindGgufType(std::string_view name);
const GgufTensorType* FindGgufType(std::uint32_t id);

class Gguf {
 public:
  // Maps the file and checks all of it but the tensors' values. The views hold
  // as long as this object or a copy of it.
  //
  // Errors   InputError naming the file, the key or the tensor, what was found
  //          and what was expected.
  static Gguf Open(const std::filesystem::path& path);

  // The same for bytes in memory, which must outlive the views. `name` stands
  // for the file in messages.
  static Gguf Parse(Bytes bytes, const std::string& name);

  // In the order of the file.
  const std::vector<GgufEntry>& metadata() const { return metadata_; }
  // dtype is the name of a GgufTensorType.
  const std::vector<TensorView>& tensors() const { return tensors_; }

  // nullptr where there is no such key.
  const GgufValue* Find(std::string_view key) const;
  // Errors   InputError where the key is absent or of another type than T, one
  //          of GgufValue's.
  template <class T>
  const T& Get(std::string_view key) const;

  // nullptr where there is no tensor of that name.
  const TensorView* FindTensor(std::string_view name) const;
  // Errors   InputError where there is none.
  const TensorView& Tensor(std::string_view name) const;

  const std::string& file() const { return file_; }

 private:
  friend class GgufReader;
  [[noreturn]] void RefuseValue(std::string_view key,
                                std::size_t expected) const;

  std::string file_;
  std::shared_ptr<const MappedFile> map_;
  std::vector<GgufEntry> metadata_;
  std::vector<TensorView> tensors_;
  std::map<std::string, std::size_t, std::less<>> keys_, names_;
};

// The values of a tensor of GGUF as floats, row-major. I2_S is read as
// bitnet.cpp on x86 writes it.
//
// Errors   InputError for a type that is known by its size alone;
//          std::invalid_argument if the size of `data` is not that of the
//          shape.
std::vector<float> GgufToFloat(const TensorView& tensor);

// Writes metadata and tensors (dtype: the name of a GgufTensorType) in the
// given order, atomically. What was read is written the same, byte for byte, if
// it was written here.
//
// Errors   std::invalid_argument for an unknown type, a shape that has no whole
//          blocks or does not fit the data, a key or name given twice, empty or
//          too long, an alignment that is none; InputError if the file cannot
//          be written.
void WriteGguf(const std::filesystem::path& path,
               std::span<const GgufEntry> metadata,
               std::span<const TensorView> tensors);

// The bytes that WriteGguf would put into the file.
std::vector<std::byte> SerializeGguf(std::span<const GgufEntry> metadata,
                                     std::span<const TensorView> tensors);

template <class T>
const T& Gguf::Get(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value != nullptr && std::holds_alternative<T>(*value)) {
    return std::get<T>(*value);
  }
  RefuseValue(key, GgufValue(std::in_place_type<T>).index());
}

}  // namespace nibble::io
