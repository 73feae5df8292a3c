#include <utility>

#include "nibble/core/check.hpp"
#include "nibble/io/mapped_file.hpp"
#include "nibble/io/npy.hpp"
#include "src/io/bytes.hpp"
#include "src/io/zip.hpp"

namespace nibble::io {
namespace {

constexpr std::string_view kSuffix = ".npy";

}  // namespace

Npz ParseNpz(Bytes bytes, const std::string& name, std::size_t limit) {
  Npz out;
  for (const auto& [entry, data] : ReadZip(bytes, name, limit)) {
    if (!entry.ends_with(kSuffix)) {
      throw InputError(name, "entry", Quoted(entry),
                       "a name that ends in .npy");
    }
    out.emplace(entry.substr(0, entry.size() - kSuffix.size()),
                ParseNpy(data, name + ", entry " + Quoted(entry)));
  }
  return out;
}

Npz LoadNpz(const std::filesystem::path& path, std::size_t limit) {
  return ParseNpz(MappedFile::Open(path).bytes(), path.string(), limit);
}

std::vector<std::byte> SerializeNpz(const Npz& arrays, Packing packing) {
  ZipContents contents;
  for (const auto& [name, array] : arrays) {
    contents.emplace(name + std::string(kSuffix), SerializeNpy(array));
  }
  return WriteZip(contents, packing);
}

void SaveNpz(const std::filesystem::path& path, const Npz& arrays,
             Packing packing) {
  WriteFileAtomically(path, SerializeNpz(arrays, packing));
}

}  // namespace nibble::io
