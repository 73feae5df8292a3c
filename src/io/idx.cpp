#include "nibble/io/idx.hpp"

#include "nibble/core/check.hpp"
#include "nibble/io/gzip.hpp"
#include "nibble/io/mapped_file.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {
namespace {

IdxArray ParsePlain(Bytes bytes, const std::string& file) {
  if (bytes.size() < 4) {
    throw InputError(file, "size", std::to_string(bytes.size()),
                     "at least 4 bytes");
  }
  if (LoadLittle<std::uint16_t>(bytes, 0) != 0) {
    throw InputError(file, "magic", Quoted(AsText(bytes.first(2))),
                     "two zero bytes");
  }
  const auto type = std::to_integer<int>(bytes[2]);
  if (type != 8) {
    throw InputError(file, "element type", std::to_string(type),
                     "8 (unsigned byte)");
  }
  const auto rank = std::to_integer<std::size_t>(bytes[3]);
  const std::size_t header = 4 + 4 * rank;
  if (rank == 0 || header > bytes.size()) {
    throw InputError(file, "dimensions", std::to_string(rank),
                     rank == 0
                         ? "at least 1"
                         : "at most " + std::to_string((bytes.size() - 4) / 4));
  }
  IdxArray out;
  for (std::size_t d = 0; d < rank; ++d) {
    out.shape.push_back(LoadBig32(bytes, 4 + 4 * d));
  }
  const Bytes data = bytes.subspan(header);
  if (CheckedCount(out.shape) != data.size()) {
    throw InputError(file, "size of the data", std::to_string(data.size()),
                     "the product of the dimensions " + ShapeText(out.shape));
  }
  out.data.resize(data.size());
  if (!data.empty()) std::memcpy(out.data.data(), data.data(), data.size());
  return out;
}

}  // namespace

IdxArray ParseIdx(Bytes bytes, const std::string& name, std::size_t limit) {
  if (IsGzip(bytes)) return ParsePlain(Gunzip(bytes, name, limit), name);
  return ParsePlain(bytes, name);
}

IdxArray LoadIdx(const std::filesystem::path& path, std::size_t limit) {
  return ParseIdx(MappedFile::Open(path).bytes(), path.string(), limit);
}

}  // namespace nibble::io
