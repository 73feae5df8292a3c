#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "nibble/core/check.hpp"
#include "src/io/bytes.hpp"
#include "src/io/zip.hpp"
#include "src/io/zip_format.hpp"

namespace nibble::io {
namespace {

constexpr std::uint16_t kVersion = 20;          // 2.0: deflate
constexpr std::uint16_t kUtf8Names = 1u << 11;  // a flag
// Midnight of 1 January 1980, the earliest date there is: the same contents
// give the same bytes.
constexpr std::uint16_t kTime = 0, kDate = 1u << 5 | 1u;

class Writer {
 public:
  void U16(std::uint16_t n) { Append(&n, sizeof(n)); }
  void U32(std::uint32_t n) { Append(&n, sizeof(n)); }
  void Append(const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
  }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

std::uint32_t Below4GiB(std::size_t size, const std::string& what) {
  if (size >= std::numeric_limits<std::uint32_t>::max()) {
    throw InputError(what, "size", std::to_string(size), "below 4 GiB");
  }
  return static_cast<std::uint32_t>(size);
}

// Data below 4 GiB, deflated; not much longer at worst, by deflateBound.
std::vector<std::byte> Deflate(Bytes data, const std::string& name) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  const auto bound = deflateBound(&stream, static_cast<uLong>(data.size()));
  std::vector<std::byte> out(std::min<std::size_t>(bound, 0xFFFFFFFF));
  stream.next_in =
      reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  deflateEnd(&stream);
  Below4GiB(whole ? stream.total_out : bound, name);
  out.resize(stream.total_out);
  return out;
}

// What local header and directory have in common.
struct Entry {
  std::uint16_t packing;
  std::uint32_t crc, packed_size, size;
  std::uint16_t name_size;

  void AppendTo(Writer& out) const {
    out.U16(kVersion);
    out.U16(kUtf8Names);
    out.U16(packing);
    out.U16(kTime);
    out.U16(kDate);
    out.U32(crc);
    out.U32(packed_size);
    out.U32(size);
    out.U16(name_size);
    out.U16(0);  // No extra field.
  }
};

// Appends header, name and data to `out`, and the entry to the directory.
void AppendEntry(const std::string& name, Bytes data, Packing packing,
                 Writer& out, Writer& directory) {
  const auto size = Below4GiB(data.size(), name);
  const auto offset = Below4GiB(out.bytes().size(), name);
  if (name.size() > 0xFFFF) {
    throw InputError(Quoted(name), "name", std::to_string(name.size()),
                     "at most 65535 bytes");
  }
  std::vector<std::byte> deflated;
  if (packing == Packing::kDeflated) deflated = Deflate(data, name);
  const Bytes packed = packing == Packing::kDeflated ? Bytes(deflated) : data;
  const Entry entry{
      packing == Packing::kDeflated ? kZipDeflated : kZipStored,
      static_cast<std::uint32_t>(
          crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size())),
      Below4GiB(packed.size(), name), size,
      static_cast<std::uint16_t>(name.size())};
  out.U32(kZipLocalMagic);
  entry.AppendTo(out);
  out.Append(name.data(), name.size());
  out.Append(packed.data(), packed.size());

  directory.U32(kZipDirectoryMagic);
  directory.U16(kVersion);  // made by
  entry.AppendTo(directory);
  directory.U16(0);  // no comment
  directory.U16(0);  // disk
  directory.U16(0);  // attributes: binary,
  directory.U32(0);  //   and none of a file system
  directory.U32(offset);
  directory.Append(name.data(), name.size());
}

}  // namespace

std::vector<std::byte> WriteZip(const ZipContents& contents, Packing packing) {
  if (contents.size() >= 0xFFFF) {
    throw InputError("zip", "entries", std::to_string(contents.size()),
                     "below 65535");
  }
  Writer out, directory;
  for (const auto& [name, data] : contents) {
    AppendEntry(name, data, packing, out, directory);
  }
  const auto offset = Below4GiB(out.bytes().size(), "zip");
  const auto entries = static_cast<std::uint16_t>(contents.size());
  out.Append(directory.bytes().data(), directory.bytes().size());
  out.U32(kZipEndMagic);
  out.U32(0);  // disks
  out.U16(entries);
  out.U16(entries);
  out.U32(Below4GiB(directory.bytes().size(), "zip"));
  out.U32(offset);
  out.U16(0);  // no comment
  return std::move(out.bytes());
}

}  // namespace nibble::io
