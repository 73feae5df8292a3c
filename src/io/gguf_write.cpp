#include <algorithm>
#include <set>
#include <span>
#include <type_traits>

#include "nibble/io/gguf.hpp"
#include "src/io/gguf_types.hpp"

namespace nibble::io {
namespace {

class GgufWriter {
 public:
  void Text(std::string_view text) {
    Number(std::uint64_t{text.size()});
    Append(AsBytes(text));
  }

  template <class T>
  void Number(T value) {
    Append(std::as_bytes(std::span(&value, 1)));
  }

  template <class T>
  void One(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      Number(static_cast<std::uint8_t>(value));
    } else if constexpr (std::is_same_v<T, std::string>) {
      Text(value);
    } else if constexpr (std::is_same_v<T, GgufArray>) {
      Array(value);
    } else {
      Number(value);
    }
  }

  void Array(const GgufArray& array) {
    Number(static_cast<std::uint32_t>(array.items.index()));
    std::visit(
        [&]<class T>(const std::vector<T>& items) {
          Number(std::uint64_t{items.size()});
          for (std::size_t i = 0; i < items.size(); ++i) One<T>(items[i]);
        },
        array.items);
  }

  void Entry(const GgufEntry& entry) {
    Text(entry.key);
    Number(static_cast<std::uint32_t>(entry.value.index()));
    std::visit([&](const auto& value) { One(value); }, entry.value);
  }

  void Tensor(const TensorView& tensor, std::uint64_t offset) {
    Text(tensor.name);
    Number(static_cast<std::uint32_t>(tensor.shape.size()));
    for (std::size_t i = tensor.shape.size(); i-- > 0;) {
      Number(std::uint64_t{tensor.shape[i]});
    }
    Number(FindGgufType(tensor.dtype)->id);
    Number(offset);
  }

  void Append(Bytes bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  void Pad(std::size_t alignment) {
    out_.resize(*PaddedTo(out_.size(), alignment));
  }

  std::vector<std::byte> Take() && { return std::move(out_); }

 private:
  std::vector<std::byte> out_;
};

// How deep arrays lie within the value.
std::size_t DepthOf(const GgufArray& array) {
  const auto* inner = std::get_if<std::vector<GgufArray>>(&array.items);
  std::size_t deepest = 0;
  if (inner != nullptr) {
    for (const GgufArray& one : *inner) {
      deepest = std::max(deepest, DepthOf(one));
    }
  }
  return deepest + 1;
}

void CheckMetadata(std::span<const GgufEntry> metadata) {
  std::set<std::string_view> keys;
  for (const GgufEntry& entry : metadata) {
    NIBBLE_CHECK("WriteGguf", !entry.key.empty());
    NIBBLE_CHECK("WriteGguf", entry.key.size() <= kGgufLongestKey);
    NIBBLE_CHECK("WriteGguf", keys.insert(entry.key).second);
    if (const auto* array = std::get_if<GgufArray>(&entry.value)) {
      NIBBLE_CHECK("WriteGguf", DepthOf(*array) <= kGgufDeepest);
    }
  }
}

void CheckTensors(std::span<const TensorView> tensors) {
  std::set<std::string_view> names;
  for (const TensorView& tensor : tensors) {
    const GgufTensorType* type = FindGgufType(tensor.dtype);
    NIBBLE_CHECK("WriteGguf", type != nullptr);
    NIBBLE_CHECK("WriteGguf", tensor.name.size() <= kGgufLongestName);
    NIBBLE_CHECK("WriteGguf", names.insert(tensor.name).second);
    NIBBLE_CHECK("WriteGguf", tensor.shape.size() <= kGgufMostDimensions);
    NIBBLE_CHECK("WriteGguf",
                 GgufBytes(*type, tensor.shape) == tensor.data.size());
  }
}

std::uint32_t AlignmentOf(std::span<const GgufEntry> metadata) {
  for (const GgufEntry& entry : metadata) {
    if (entry.key != kGgufAlignmentKey) continue;
    const auto* alignment = std::get_if<std::uint32_t>(&entry.value);
    NIBBLE_CHECK("WriteGguf", alignment && IsGgufAlignment(*alignment));
    return *alignment;
  }
  return kGgufAlignment;
}

// All that stands before the data.
std::vector<std::byte> Head(std::span<const GgufEntry> metadata,
                            std::span<const TensorView> tensors) {
  CheckMetadata(metadata);
  CheckTensors(tensors);
  const std::uint32_t alignment = AlignmentOf(metadata);
  GgufWriter out;
  out.Append(AsBytes(kGgufMagic));
  out.Number(kGgufVersion);
  out.Number(std::uint64_t{tensors.size()});
  out.Number(std::uint64_t{metadata.size()});
  for (const GgufEntry& entry : metadata) out.Entry(entry);
  std::size_t offset = 0;
  for (const TensorView& tensor : tensors) {
    out.Tensor(tensor, offset);
    offset = *PaddedTo(offset + tensor.data.size(), alignment);
  }
  if (!tensors.empty()) out.Pad(alignment);
  return std::move(out).Take();
}

// The whole file as pieces; head and zeros stay the caller's.
std::vector<Bytes> Pieces(Bytes head, Bytes zeros,
                          std::span<const TensorView> tensors) {
  std::vector<Bytes> pieces{head};
  for (const TensorView& tensor : tensors) {
    pieces.push_back(tensor.data);
    const std::size_t over = tensor.data.size() % zeros.size();
    pieces.push_back(zeros.first(over == 0 ? 0 : zeros.size() - over));
  }
  return pieces;
}

}  // namespace

void WriteGguf(const std::filesystem::path& path,
               std::span<const GgufEntry> metadata,
               std::span<const TensorView> tensors) {
  const auto head = Head(metadata, tensors);
  const std::vector<std::byte> zeros(AlignmentOf(metadata));
  WriteFileAtomically(path, Pieces(head, zeros, tensors));
}

std::vector<std::byte> SerializeGguf(std::span<const GgufEntry> metadata,
                                     std::span<const TensorView> tensors) {
  const auto head = Head(metadata, tensors);
  const std::vector<std::byte> zeros(AlignmentOf(metadata));
  std::vector<std::byte> out;
  for (const Bytes piece : Pieces(head, zeros, tensors)) {
    out.insert(out.end(), piece.begin(), piece.end());
  }
  return out;
}

}  // namespace nibble::io
