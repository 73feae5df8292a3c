#include "nibble/io/safetensors.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "nibble/core/check.hpp"
#include "src/io/bytes.hpp"
#include "src/io/safetensors_header.hpp"

namespace nibble::io {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kLongestHeader = 100'000'000;  // as upstream

struct Dtype {
  std::string_view name;
  int bits;
};
constexpr Dtype kDtypes[] = {
    {"BOOL", 8},    {"F4", 4},          {"F6_E2M3", 6},     {"F6_E3M2", 6},
    {"U8", 8},      {"I8", 8},          {"F8_E5M2", 8},     {"F8_E4M3", 8},
    {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},        {"BF16", 16},       {"I32", 32},
    {"U32", 32},    {"F32", 32},        {"C64", 64},        {"F64", 64},
    {"I64", 64},    {"U64", 64},
};

// The text of the header, whose length has been checked against the file's.
std::string_view HeaderText(Bytes bytes, const std::string& file) {
  if (bytes.size() < kLengthBytes) {
    throw InputError(file, "size", std::to_string(bytes.size()),
                     "at least 8 bytes");
  }
  const auto length = LoadLittle<std::uint64_t>(bytes, 0);
  const std::size_t most =
      std::min(bytes.size() - kLengthBytes, kLongestHeader);
  if (length > most) {
    throw InputError(file, "header length", std::to_string(length),
                     "at most " + std::to_string(most));
  }
  const auto text = AsText(bytes.subspan(kLengthBytes, length));
  if (!text.starts_with('{')) {
    throw InputError(file, "header", Quoted(text.substr(0, 1)), "\"{\" first");
  }
  // The JSON parser would take a zero byte for the end.
  if (const auto zero = text.find('\0'); zero != text.npos) {
    throw InputError(file, "header, byte " + std::to_string(zero + 1),
                     "a zero byte", "JSON");
  }
  return text;
}

// Whether the span of the tensor has the size of its dtype and shape.
void CheckSize(const HeaderEntry& entry, const std::string& file) {
  const std::string field = "tensor " + Quoted(entry.name);
  const auto bits = DtypeBits(entry.dtype);
  if (!bits) {
    throw InputError(file, field + ", dtype", Quoted(entry.dtype),
                     "a dtype of safetensors, such as F32");
  }
  const auto size = CheckedBytes(entry.shape, static_cast<std::size_t>(*bits));
  if (!size) {
    throw InputError(file, field + ", shape", ShapeText(entry.shape),
                     "a whole number of bytes, below 2^61, of " + entry.dtype);
  }
  const auto [begin, end] = entry.offsets;
  if (begin > end || end - begin != *size) {
    throw InputError(file, field + ", data_offsets", ShapeText(entry.offsets),
                     std::to_string(*size) + " bytes for " + entry.dtype + " " +
                         ShapeText(entry.shape));
  }
}

// Whether the spans, in the order of their data, cover `size` bytes exactly.
void CheckCover(std::span<const HeaderEntry> entries, std::size_t size,
                const std::string& file) {
  std::size_t covered = 0;
  for (const HeaderEntry& entry : entries) {
    const auto [begin, end] = entry.offsets;
    const std::string field = "tensor " + Quoted(entry.name) + ", data_offsets";
    if (begin != covered) {
      throw InputError(file, field, ShapeText(entry.offsets),
                       "to begin at " + std::to_string(covered) +
                           (begin < covered ? " (an overlap)" : " (a hole)"));
    }
    if (end > size) {
      throw InputError(
          file, field, ShapeText(entry.offsets),
          "to end within the " + std::to_string(size) + " bytes of data");
    }
    covered = end;
  }
  if (covered != size) {
    throw InputError(file, "size of the data", std::to_string(size),
                     std::to_string(covered) + " bytes, as in the header");
  }
}

}  // namespace

std::optional<int> DtypeBits(std::string_view dtype) {
  for (const Dtype& known : kDtypes) {
    if (known.name == dtype) return known.bits;
  }
  return std::nullopt;
}

std::size_t TensorView::count() const {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1},
                         std::multiplies<>());
}

SafeTensors SafeTensors::Parse(Bytes bytes, const std::string& name) {
  const std::string_view text = HeaderText(bytes, name);
  const Bytes data = bytes.subspan(kLengthBytes + text.size());
  Header header = ParseHeader(text, name);
  // Tensors without elements come first among those that begin together.
  std::stable_sort(
      header.entries.begin(), header.entries.end(),
      [](const auto& a, const auto& b) { return a.offsets < b.offsets; });
  for (const HeaderEntry& entry : header.entries) CheckSize(entry, name);
  CheckCover(header.entries, data.size(), name);

  SafeTensors out;
  out.file_ = name;
  out.metadata_ = std::move(header.metadata);
  for (HeaderEntry& entry : header.entries) {
    const auto [begin, end] = entry.offsets;
    out.index_.emplace(entry.name, out.tensors_.size());
    out.tensors_.push_back({std::move(entry.name), std::move(entry.dtype),
                            std::move(entry.shape),
                            data.subspan(begin, end - begin)});
  }
  return out;
}

SafeTensors SafeTensors::Open(const std::filesystem::path& path) {
  auto map = std::make_shared<const MappedFile>(MappedFile::Open(path));
  SafeTensors out = Parse(map->bytes(), path.string());
  out.map_ = std::move(map);
  return out;
}

const TensorView* SafeTensors::Find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

const TensorView& SafeTensors::Get(std::string_view name) const {
  if (const TensorView* tensor = Find(name)) return *tensor;
  throw InputError(file_, "tensor " + Quoted(name),
                   "none among " + std::to_string(tensors_.size()),
                   "a tensor of that name");
}

namespace {

// The whole file as pieces; `length` and `header` stay the caller's.
std::vector<Bytes> Pieces(std::span<const TensorView> tensors,
                          const std::array<std::uint64_t, 1>& length,
                          const std::string& header) {
  std::vector<Bytes> pieces{std::as_bytes(std::span(length)), AsBytes(header)};
  for (const TensorView& tensor : tensors) pieces.push_back(tensor.data);
  return pieces;
}

void CheckTensors(std::span<const TensorView> tensors) {
  for (const TensorView& tensor : tensors) {
    const auto bits = DtypeBits(tensor.dtype);
    NIBBLE_CHECK("Write", bits.has_value());
    const auto size =
        CheckedBytes(tensor.shape, static_cast<std::size_t>(*bits));
    NIBBLE_CHECK("Write", size == tensor.data.size());
  }
}

}  // namespace

void Write(const std::filesystem::path& path,
           std::span<const TensorView> tensors, const Metadata& metadata) {
  CheckTensors(tensors);
  const std::string header = WriteHeader(tensors, metadata);
  const std::array<std::uint64_t, 1> length{header.size()};
  WriteFileAtomically(path, Pieces(tensors, length, header));
}

std::vector<std::byte> Serialize(std::span<const TensorView> tensors,
                                 const Metadata& metadata) {
  CheckTensors(tensors);
  const std::string header = WriteHeader(tensors, metadata);
  const std::array<std::uint64_t, 1> length{header.size()};
  std::vector<std::byte> out;
  for (const Bytes piece : Pieces(tensors, length, header)) {
    out.insert(out.end(), piece.begin(), piece.end());
  }
  return out;
}

}  // namespace nibble::io
