#include <algorithm>
#include <limits>
#include <utility>

#include "nibble/io/gguf.hpp"
#include "src/io/gguf_types.hpp"

namespace nibble::io {

// Walks through the bytes; every step is checked against what is left.
class GgufReader {
 public:
  GgufReader(Bytes bytes, const std::string& file)
      : bytes_(bytes), file_(file) {}

  Gguf Read();

 private:
  [[noreturn]] void Refuse(const std::string& field, const std::string& found,
                           const std::string& expected) const {
    throw InputError(file_, field, found, expected);
  }

  std::size_t left() const { return bytes_.size() - at_; }

  // The next n bytes.
  Bytes Take(std::size_t n, const std::string& field) {
    if (n > left()) {
      Refuse(field, std::to_string(left()) + " bytes left",
             std::to_string(n) + " bytes");
    }
    const Bytes out = bytes_.subspan(at_, n);
    at_ += n;
    return out;
  }

  template <class T>
  T Number(const std::string& field) {
    return LoadLittle<T>(Take(sizeof(T), field), 0);
  }

  std::string Text(const std::string& field, std::size_t longest) {
    const auto length = Number<std::uint64_t>(field + ", length");
    if (length > longest) {
      Refuse(field + ", length", std::to_string(length),
             "at most " + std::to_string(longest));
    }
    return std::string(AsText(Take(length, field)));
  }

  // A number of things that take at least `least` bytes each.
  std::size_t Count(const std::string& field, std::size_t least) {
    const auto count = Number<std::uint64_t>(field);
    if (count > left() / least) {
      Refuse(field, std::to_string(count),
             "at most " + std::to_string(left() / least) + " in " +
                 std::to_string(left()) + " bytes");
    }
    return count;
  }

  bool Bool(const std::string& field) {
    const auto byte = Number<std::uint8_t>(field);
    if (byte > 1) Refuse(field, std::to_string(byte), "0 or 1");
    return byte != 0;
  }

  std::size_t ValueType(const std::string& field) {
    const auto type = Number<std::uint32_t>(field + ", type");
    if (type >= std::variant_size_v<GgufValue>) {
      Refuse(field + ", type", std::to_string(type), "at most 12");
    }
    return type;
  }

  // One value of alternative T.
  template <class T>
  T One(const std::string& field, std::size_t depth) {
    if constexpr (std::is_same_v<T, bool>) {
      return Bool(field);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return Text(field, std::numeric_limits<std::size_t>::max());
    } else if constexpr (std::is_same_v<T, GgufArray>) {
      return Array(field, depth);
    } else {
      return Number<T>(field);
    }
  }

  // Bytes that a value of alternative T takes at least.
  template <class T>
  static constexpr std::size_t Least() {
    if constexpr (std::is_same_v<T, std::string>) return 8;
    if constexpr (std::is_same_v<T, GgufArray>) return 12;
    return std::is_arithmetic_v<T> ? sizeof(T) : 8;
  }

  // Calls body with the alternative number i of GgufValue as a template
  // argument.
  template <std::size_t i = 0, class Body>
  static void WithType(std::size_t type, const Body& body) {
    if constexpr (i < std::variant_size_v<GgufValue>) {
      if (type != i) return WithType<i + 1>(type, body);
      body.template operator()<std::variant_alternative_t<i, GgufValue>>();
    }
  }

  GgufArray Array(const std::string& field, std::size_t depth) {
    if (depth == kGgufDeepest) {
      Refuse(field, "arrays nested deeper", std::to_string(kGgufDeepest));
    }
    const std::size_t type = ValueType(field);
    GgufArray out;
    WithType(type, [&]<class T>() {
      auto& items = out.items.emplace<std::vector<T>>();
      const std::size_t count = Count(field + ", elements", Least<T>());
      for (std::size_t i = 0; i < count; ++i) {
        items.push_back(One<T>(field, depth + 1));
      }
    });
    return out;
  }

  void ReadEntry(Gguf& out);
  void ReadTensor(Gguf& out, std::vector<std::uint64_t>& offsets);
  void PlaceTensors(Gguf& out, std::span<const std::uint64_t> offsets);
  std::uint32_t Alignment(const Gguf& out) const;

  Bytes bytes_;
  std::string file_;
  std::size_t at_ = 0;
};

void GgufReader::ReadEntry(Gguf& out) {
  std::string key =
      Text("key " + std::to_string(out.metadata_.size() + 1), kGgufLongestKey);
  const std::string field = "key " + Quoted(key);
  if (key.empty()) Refuse(field, "nothing", "a name");
  if (!out.keys_.emplace(key, out.metadata_.size()).second) {
    Refuse(field, "it twice", "every key once");
  }
  GgufValue value;
  WithType(ValueType(field),
           [&]<class T>() { value.emplace<T>(One<T>(field, 0)); });
  out.metadata_.push_back({std::move(key), std::move(value)});
}

void GgufReader::ReadTensor(Gguf& out, std::vector<std::uint64_t>& offsets) {
  TensorView tensor;
  tensor.name = Text("tensor " + std::to_string(out.tensors_.size() + 1),
                     kGgufLongestName);
  const std::string field = "tensor " + Quoted(tensor.name);
  if (!out.names_.emplace(tensor.name, out.tensors_.size()).second) {
    Refuse(field, "it twice", "every name once");
  }
  const auto dimensions = Number<std::uint32_t>(field + ", dimensions");
  if (dimensions > kGgufMostDimensions) {
    Refuse(field + ", dimensions", std::to_string(dimensions),
           "at most " + std::to_string(kGgufMostDimensions));
  }
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    tensor.shape.push_back(Number<std::uint64_t>(field + ", shape"));
  }
  std::ranges::reverse(tensor.shape);
  const auto id = Number<std::uint32_t>(field + ", type");
  const GgufTensorType* type = FindGgufType(id);
  if (type == nullptr) {
    Refuse(field + ", type", std::to_string(id),
           "a type of this program, such as 0 (F32) or 35 (TQ2_0)");
  }
  tensor.dtype = type->name;
  if (!GgufBytes(*type, tensor.shape)) {
    Refuse(field + ", shape", ShapeText(tensor.shape),
           "rows of whole blocks of " + std::to_string(type->block) +
               ", and fewer than 2^64 bytes, of " + tensor.dtype);
  }
  offsets.push_back(Number<std::uint64_t>(field + ", offset"));
  out.tensors_.push_back(std::move(tensor));
}

std::uint32_t GgufReader::Alignment(const Gguf& out) const {
  if (out.Find(kGgufAlignmentKey) == nullptr) return kGgufAlignment;
  const auto alignment = out.Get<std::uint32_t>(kGgufAlignmentKey);
  if (!IsGgufAlignment(alignment)) {
    Refuse("key " + Quoted(kGgufAlignmentKey), std::to_string(alignment),
           "a power of two from 8 to 2^20");
  }
  return alignment;
}

// Gives the tensors their data, one behind the other.
void GgufReader::PlaceTensors(Gguf& out,
                              std::span<const std::uint64_t> offsets) {
  const std::uint32_t alignment = Alignment(out);
  if (!out.tensors_.empty()) {
    Take((alignment - at_ % alignment) % alignment, "padding");
  }
  const Bytes data = bytes_.subspan(at_);
  std::size_t end = 0, padded = 0;  // of the tensors so far
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    TensorView& tensor = out.tensors_[i];
    const std::string field = "tensor " + Quoted(tensor.name);
    if (offsets[i] != padded) {
      Refuse(field + ", offset", std::to_string(offsets[i]),
             std::to_string(padded));
    }
    const std::size_t size =
        *GgufBytes(*FindGgufType(tensor.dtype), tensor.shape);
    if (padded > data.size() || size > data.size() - padded) {
      Refuse(field + ", data",
             std::to_string(data.size() - std::min(padded, data.size())) +
                 " bytes",
             std::to_string(size));
    }
    tensor.data = data.subspan(padded, size);
    end = padded + size;
    padded = *PaddedTo(end, alignment);  // fits: end is within the file
  }
  // The last tensor's padding may be missing.
  if (data.size() > std::max(end, padded)) {
    Refuse("size", std::to_string(bytes_.size()) + " bytes",
           std::to_string(at_ + padded) + " as the tensors need");
  }
}

Gguf GgufReader::Read() {
  Gguf out;
  out.file_ = file_;
  const auto magic = AsText(Take(kGgufMagic.size(), "magic"));
  if (magic != kGgufMagic) Refuse("magic", Quoted(magic), "\"GGUF\"");
  const auto version = Number<std::uint32_t>("version");
  if (version != kGgufVersion) {
    Refuse("version", std::to_string(version), "3, little-endian");
  }
  // A tensor takes 24 bytes at least, an entry 13; of both counts, the bytes
  // that follow are the limit.
  const std::size_t tensors = Count("number of tensors", 24);
  const std::size_t entries = Count("number of metadata", 13);
  for (std::size_t i = 0; i < entries; ++i) ReadEntry(out);
  std::vector<std::uint64_t> offsets;
  for (std::size_t i = 0; i < tensors; ++i) ReadTensor(out, offsets);
  PlaceTensors(out, offsets);
  return out;
}

Gguf Gguf::Parse(Bytes bytes, const std::string& name) {
  return GgufReader(bytes, name).Read();
}

Gguf Gguf::Open(const std::filesystem::path& path) {
  auto map = std::make_shared<const MappedFile>(MappedFile::Open(path));
  Gguf out = Parse(map->bytes(), path.string());
  out.map_ = std::move(map);
  return out;
}

}  // namespace nibble::io
