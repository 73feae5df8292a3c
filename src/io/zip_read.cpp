#include <zlib.h>

#include <algorithm>
#include <new>
#include <utility>

#include "nibble/core/check.hpp"
#include "src/io/bytes.hpp"
#include "src/io/zip.hpp"
#include "src/io/zip_format.hpp"

namespace nibble::io {
namespace {

// Deflate packs at most 258 bytes into 2 bits.
constexpr std::size_t kHighestRatio = 1032;

struct Entry {
  std::string name;
  std::uint16_t packing;
  std::uint32_t crc, packed_size, size, offset;  // offset of the local header
};

struct End {
  std::size_t entries, size, offset;  // of the directory
};

End FindEnd(Bytes bytes, const std::string& file) {
  constexpr std::size_t kLongestComment = 0xFFFF;
  const std::size_t most =
      std::min(bytes.size(), kZipEndSize + kLongestComment);
  for (std::size_t back = kZipEndSize; back <= most; ++back) {
    const Bytes end = bytes.last(back);
    if (LoadLittle<std::uint32_t>(end, 0) != kZipEndMagic) continue;
    if (LoadLittle<std::uint16_t>(end, 20) != back - kZipEndSize) continue;
    if (LoadLittle<std::uint32_t>(end, 4) != 0) {
      throw InputError(file, "disk numbers", "several disks", "one");
    }
    const auto here = LoadLittle<std::uint16_t>(end, 8);
    const auto entries = LoadLittle<std::uint16_t>(end, 10);
    if (here != entries || entries == 0xFFFF) {
      throw InputError(file, "entries",
                       std::to_string(here) + " of " + std::to_string(entries),
                       "the same number twice, below 65535");
    }
    const std::size_t size = LoadLittle<std::uint32_t>(end, 12);
    const std::size_t offset = LoadLittle<std::uint32_t>(end, 16);
    if (size + offset != bytes.size() - back) {
      throw InputError(
          file, "directory",
          std::to_string(size) + " bytes at " + std::to_string(offset),
          "to end where its end record begins, at " +
              std::to_string(bytes.size() - back));
    }
    return {entries, size, offset};
  }
  throw InputError(file, "end record",
                   "none in " + std::to_string(bytes.size()) + " bytes",
                   "a zip archive");
}

// The directory's next entry; `rest` is what remains of the directory.
Entry TakeEntry(Bytes& rest, const std::string& file) {
  if (rest.size() < kZipDirectorySize ||
      LoadLittle<std::uint32_t>(rest, 0) != kZipDirectoryMagic) {
    throw InputError(file, "directory", "damage or its end", "another entry");
  }
  const std::size_t name_size = LoadLittle<std::uint16_t>(rest, 28);
  const std::size_t size = kZipDirectorySize + name_size +
                           LoadLittle<std::uint16_t>(rest, 30) +
                           LoadLittle<std::uint16_t>(rest, 32);
  if (size > rest.size()) {
    throw InputError(file, "directory", "an entry of " + std::to_string(size),
                     "at most " + std::to_string(rest.size()) + " bytes");
  }
  Entry out{std::string(AsText(rest.subspan(kZipDirectorySize, name_size))),
            LoadLittle<std::uint16_t>(rest, 10),
            LoadLittle<std::uint32_t>(rest, 16),
            LoadLittle<std::uint32_t>(rest, 20),
            LoadLittle<std::uint32_t>(rest, 24),
            LoadLittle<std::uint32_t>(rest, 42)};
  const auto flags = LoadLittle<std::uint16_t>(rest, 8);
  const std::string field = "entry " + Quoted(out.name);
  if (flags & 1) throw InputError(file, field, "encryption", "none");
  if (out.packing != kZipStored && out.packing != kZipDeflated) {
    throw InputError(file, field + ", packing", std::to_string(out.packing),
                     "0 (stored) or 8 (deflated)");
  }
  if (std::max({out.packed_size, out.size, out.offset}) == 0xFFFFFFFF) {
    throw InputError(file, field, "64-bit sizes", "sizes below 4 GiB");
  }
  rest = rest.subspan(size);
  return out;
}

std::vector<Entry> ReadDirectory(Bytes bytes, const std::string& file) {
  const End end = FindEnd(bytes, file);
  Bytes rest = bytes.subspan(end.offset, end.size);
  std::vector<Entry> out;
  for (std::size_t i = 0; i < end.entries; ++i) {
    out.push_back(TakeEntry(rest, file));
  }
  if (!rest.empty()) {
    throw InputError(file, "directory",
                     std::to_string(rest.size()) + " bytes after the last of " +
                         std::to_string(end.entries) + " entries",
                     "none");
  }
  return out;
}

// The packed data of an entry. `bytes` ends where the next one begins, so that
// no byte serves two entries: that is how a small archive unpacks to a huge
// one.
Bytes PackedData(Bytes bytes, const Entry& entry, const std::string& file) {
  const std::string field = "entry " + Quoted(entry.name);
  if (bytes.size() < kZipLocalSize ||
      LoadLittle<std::uint32_t>(bytes, 0) != kZipLocalMagic) {
    throw InputError(file, field,
                     "no local header at " + std::to_string(entry.offset),
                     "one");
  }
  const std::size_t name_size = LoadLittle<std::uint16_t>(bytes, 26);
  const std::size_t begin =
      kZipLocalSize + name_size + LoadLittle<std::uint16_t>(bytes, 28);
  if (begin > bytes.size() || entry.packed_size > bytes.size() - begin) {
    throw InputError(file, field + ", packed size",
                     std::to_string(entry.packed_size),
                     "to end before the next entry or the directory");
  }
  if (AsText(bytes.subspan(kZipLocalSize, name_size)) != entry.name ||
      LoadLittle<std::uint16_t>(bytes, 8) != entry.packing) {
    throw InputError(file, field, "another name or packing in its header",
                     "those of the directory");
  }
  return bytes.subspan(begin, entry.packed_size);
}

// Whether deflated data gives exactly `out`, and ends there.
bool InflateExactly(Bytes packed, std::span<std::byte> out) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  // Sizes are below 2^32 here. zlib wants an address even for no bytes.
  Bytef nothing = 0;
  stream.next_in =
      reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out =
      out.empty() ? &nothing : reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool exact =
      result == Z_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
  inflateEnd(&stream);
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  return exact;
}

std::vector<std::byte> Unpack(Bytes packed, const Entry& entry,
                              const std::string& file) {
  const std::string field = "entry " + Quoted(entry.name);
  const std::size_t most = entry.packing == kZipStored
                               ? packed.size()
                               : packed.size() * kHighestRatio;
  if (entry.size > most ||
      (entry.packing == kZipStored && entry.size != packed.size())) {
    throw InputError(
        file, field + ", size", std::to_string(entry.size),
        "what " + std::to_string(packed.size()) + " packed bytes can hold");
  }
  std::vector<std::byte> out(entry.size);
  if (entry.packing == kZipStored) {
    std::copy(packed.begin(), packed.end(), out.begin());
  } else if (!InflateExactly(packed, out)) {
    throw InputError(file, field, "damaged data or another size",
                     std::to_string(entry.size) + " bytes unpacked");
  }
  const auto crc = static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), out.size()));
  if (crc != entry.crc) {
    throw InputError(file, field + ", CRC-32", std::to_string(crc),
                     std::to_string(entry.crc));
  }
  return out;
}

}  // namespace

ZipContents ReadZip(Bytes bytes, const std::string& file, std::size_t limit) {
  std::vector<Entry> entries = ReadDirectory(bytes, file);
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::size_t next = FindEnd(bytes, file).offset;
  std::size_t total = 0;
  ZipContents out;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->offset > next) {
      throw InputError(file, "entry " + Quoted(entry->name) + ", offset",
                       std::to_string(entry->offset),
                       "at most " + std::to_string(next));
    }
    total += entry->size;
    if (total > limit) {
      throw InputError(file, "unpacked size", std::to_string(total),
                       "at most " + std::to_string(limit) + " bytes");
    }
    const Bytes own = bytes.subspan(entry->offset, next - entry->offset);
    auto data = Unpack(PackedData(own, *entry, file), *entry, file);
    if (!out.emplace(entry->name, std::move(data)).second) {
      throw InputError(file, "directory", Quoted(entry->name) + " twice",
                       "every entry once");
    }
    next = entry->offset;
  }
  return out;
}

}  // namespace nibble::io
