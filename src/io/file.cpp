#include "nibble/io/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>

#include "nibble/core/check.hpp"

namespace nibble::io {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const fs::path& path, const char* step, int error) {
  throw InputError(path.string(), step, std::strerror(error),
                   "a file that can be written");
}

// The file that a symbolic link leads to. Anything but a regular file (a
// device, a folder) would be destroyed by the rename, and is refused.
fs::path Target(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return path;
  if (error) Fail(path, "write", error.value());
  if (status.type() != fs::file_type::regular) {
    throw InputError(path.string(), "write", "a folder or a device",
                     "a regular file or none");
  }
  const fs::path target = fs::canonical(path, error);
  if (error) Fail(path, "write", error.value());
  return target;
}

// An open file that is closed, and removed unless it was kept.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) {
    // Unique among processes by its number, within this one by the counter.
    static std::atomic<unsigned> counter{0};
    path_ = target;
    path_ +=
        ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter++);
    file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                   static_cast<mode_t>(0666));
    if (file_ < 0) Fail(target, "create", errno);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (file_ >= 0) ::close(file_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  bool Append(Bytes bytes) {
    constexpr std::size_t kMost = std::size_t{1} << 30;  // of one call on Linux
    while (!bytes.empty()) {
      const auto n =
          ::write(file_, bytes.data(), std::min(bytes.size(), kMost));
      if (n < 0 && errno != EINTR) return false;
      if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return true;
  }

  // Whether the bytes reached the disk; some errors show only here.
  bool Finish() {
    if (::fsync(file_) != 0) return false;
    const int file = file_;
    file_ = -1;
    return ::close(file) == 0;
  }

  bool CopyPermissions(const fs::path& from) {
    struct stat old;
    if (::stat(from.c_str(), &old) != 0) return errno == ENOENT;
    return ::fchmod(file_, old.st_mode & 07777) == 0;
  }

  bool RenameTo(const fs::path& target) {
    if (::rename(path_.c_str(), target.c_str()) != 0) return false;
    path_.clear();
    return true;
  }

 private:
  fs::path path_;
  int file_ = -1;
};

// Makes the new name itself durable. A file system that cannot do so for a
// folder is no reason to report a failure: the file is whole either way.
void SyncFolder(const fs::path& target) {
  const fs::path folder = target.has_parent_path() ? target.parent_path() : ".";
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
}

}  // namespace

void WriteFileAtomically(const fs::path& path, std::span<const Bytes> pieces) {
  const fs::path target = Target(path);
  TemporaryFile file(target);
  if (!file.CopyPermissions(target)) Fail(path, "set permissions", errno);
  for (const Bytes piece : pieces) {
    if (!file.Append(piece)) Fail(path, "write", errno);
  }
  if (!file.Finish()) Fail(path, "write", errno);
  if (!file.RenameTo(target)) Fail(path, "rename", errno);
  SyncFolder(target);
}

void WriteFileAtomically(const fs::path& path, Bytes bytes) {
  WriteFileAtomically(path, std::span(&bytes, 1));
}

void WriteFileAtomically(const fs::path& path, std::string_view text) {
  WriteFileAtomically(path, AsBytes(text));
}

}  // namespace nibble::io
