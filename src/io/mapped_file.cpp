#include "nibble/io/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "nibble/core/check.hpp"

namespace nibble::io {
namespace {

[[noreturn]] void Fail(const std::filesystem::path& path, const char* step,
                       const char* found) {
  throw InputError(path.string(), step, found,
                   "a regular file that can be read");
}

Bytes Map(int file, const std::filesystem::path& path) {
  struct stat info;
  if (::fstat(file, &info) != 0) Fail(path, "open", std::strerror(errno));
  if (!S_ISREG(info.st_mode)) Fail(path, "open", "a folder or a device");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return {};  // An empty map is not allowed.
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (data == MAP_FAILED) Fail(path, "map", std::strerror(errno));
  return {static_cast<const std::byte*>(data), size};
}

}  // namespace

MappedFile MappedFile::Open(const std::filesystem::path& path) {
  // Without O_NONBLOCK a named pipe would keep us waiting for its writer.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) Fail(path, "open", std::strerror(errno));
  try {
    const Bytes bytes = Map(file, path);
    ::close(file);  // The map stays.
    return MappedFile(bytes);
  } catch (...) {
    ::close(file);
    throw;
  }
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (bytes_.empty()) return;
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace nibble::io
