#include "nibble/io/npy.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string_view>

#include "nibble/io/mapped_file.hpp"
#include "src/io/bytes.hpp"
#include "src/io/npy_header.hpp"

namespace nibble::io {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

// The dictionary's text; it begins at byte 10 or 12.
std::string_view HeaderText(Bytes bytes, const std::string& file) {
  if (bytes.size() < 12) {
    throw InputError(file, "size", std::to_string(bytes.size()),
                     "at least 12 bytes");
  }
  if (!AsText(bytes).starts_with(kMagic)) {
    throw InputError(file, "magic", Quoted(AsText(bytes.first(kMagic.size()))),
                     Quoted(kMagic));
  }
  const auto major = std::to_integer<int>(bytes[6]);
  const auto minor = std::to_integer<int>(bytes[7]);
  if (major < 1 || major > 3 || minor != 0) {
    throw InputError(file, "version",
                     std::to_string(major) + "." + std::to_string(minor),
                     "1.0, 2.0 or 3.0");
  }
  const std::size_t begin = major == 1 ? 10 : 12;
  const std::size_t length = major == 1 ? LoadLittle<std::uint16_t>(bytes, 8)
                                        : LoadLittle<std::uint32_t>(bytes, 8);
  if (length > bytes.size() - begin) {
    throw InputError(file, "header length", std::to_string(length),
                     "at most " + std::to_string(bytes.size() - begin));
  }
  return AsText(bytes.subspan(begin, length));
}

// Calls with the position of each element in C order, along Fortran order.
template <class Visit>
void ForEachInFortranOrder(std::span<const std::size_t> shape,
                           std::size_t count, Visit visit) {
  std::vector<std::size_t> stride(shape.size(), 1), index(shape.size(), 0);
  for (std::size_t d = shape.size(); d-- > 1;) {
    stride[d - 1] = stride[d] * shape[d];
  }
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    visit(at);
    for (std::size_t d = 0; d < shape.size(); ++d) {  // The first runs fastest.
      at += stride[d];
      if (++index[d] < shape[d]) break;
      at -= stride[d] * shape[d];
      index[d] = 0;
    }
  }
}

// The elements of `data`, little-endian and in C order.
std::vector<std::byte> Normalized(Bytes data, const NpyHeader& header,
                                  std::size_t count) {
  const std::size_t size = header.item_size;
  std::vector<std::byte> out(data.begin(), data.end());
  if (header.fortran_order && header.shape.size() > 1) {
    auto from = data.begin();
    ForEachInFortranOrder(header.shape, count, [&](std::size_t at) {
      std::copy_n(from, size, out.data() + at * size);
      from += static_cast<std::ptrdiff_t>(size);
    });
  }
  if (header.big_endian) {
    for (auto it = out.begin(); it != out.end();) {
      const auto end = it + static_cast<std::ptrdiff_t>(size);
      std::reverse(it, end);
      it = end;
    }
  }
  return out;
}

}  // namespace

std::size_t NpyArray::count() const {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1},
                         std::multiplies<>());
}

NpyArray ParseNpy(Bytes bytes, const std::string& name) {
  const std::string_view text = HeaderText(bytes, name);
  NpyHeader header = ParseNpyHeader(text, name);
  const auto begin = static_cast<std::size_t>(text.data() + text.size() -
                                              AsText(bytes).data());
  const Bytes data = bytes.subspan(begin);
  const auto size = CheckedBytes(header.shape, header.item_size * 8);
  if (!size || *size != data.size()) {
    throw InputError(name, "size of the data", std::to_string(data.size()),
                     (size ? std::to_string(*size) : "more than 2^61") +
                         " bytes for " + header.dtype + " " +
                         ShapeText(header.shape));
  }
  NpyArray out;
  out.data = Normalized(data, header, *size / header.item_size);
  out.dtype = std::move(header.dtype);
  out.shape = std::move(header.shape);
  out.fortran_order = header.fortran_order;
  return out;
}

NpyArray LoadNpy(const std::filesystem::path& path) {
  return ParseNpy(MappedFile::Open(path).bytes(), path.string());
}

std::vector<std::byte> SerializeNpy(const NpyArray& array) {
  NIBBLE_CHECK("SerializeNpy", IsNpyDtype(array.dtype));
  const std::size_t item_size = NpyItemSize(array.dtype);
  NIBBLE_CHECK("SerializeNpy",
               CheckedBytes(array.shape, item_size * 8) == array.data.size());
  std::string out = WriteNpyHeader(array);
  out += AsText(array.data);
  const Bytes bytes = AsBytes(out);
  return {bytes.begin(), bytes.end()};
}

void SaveNpy(const std::filesystem::path& path, const NpyArray& array) {
  WriteFileAtomically(path, SerializeNpy(array));
}

}  // namespace nibble::io
