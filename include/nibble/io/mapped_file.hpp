// A file as memory, read only where it is touched.
#pragma once

#include <cstddef>
#include <filesystem>

#include "nibble/io/file.hpp"

namespace nibble::io {

// A read-only, private memory map of a regular file. Moves, does not copy.
//
// The file must not shrink while it is mapped: the system answers a touch
// beyond its end with a signal. Replacing it by rename, as WriteFileAtomically
// does, is safe: the map keeps the old contents.
class MappedFile {
 public:
  // Errors   InputError with the path and the reason: absent, not readable,
  //          not a regular file.
  static MappedFile Open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  Bytes bytes() const { return bytes_; }

 private:
  explicit MappedFile(Bytes bytes) : bytes_(bytes) {}

  Bytes bytes_;
};

}  // namespace nibble::io
