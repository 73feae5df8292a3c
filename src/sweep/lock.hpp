// One writer per file: a lock file beside it, which the system lets go when its
// owner ends in any way.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include "nibble/core/check.hpp"

namespace nibble::sweep {

class FileLock {
 public:
  // Locks `guarded` by the file `guarded`.lock, which holds the owner's process
  // id while it is locked.
  //
  // Errors   InputError if another owner has it, or it cannot be made.
  explicit FileLock(const std::filesystem::path& guarded)
      : path_(guarded.string() + ".lock") {
    while (true) {
      fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
      if (fd_ < 0) {
        throw InputError(path_, "lock file", std::strerror(errno),
                         "a folder that can be written");
      }
      if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) RefuseSecond(guarded.string());
      if (IsStillThere()) break;
      ::close(fd_);  // its last owner has just removed it
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd_, 0) == 0) {
      [[maybe_unused]] const auto n = ::write(fd_, pid.data(), pid.size());
    }
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  ~FileLock() {
    ::unlink(path_.c_str());
    ::close(fd_);
  }

 private:
  bool IsStillThere() const {
    struct stat ours, named;
    return ::fstat(fd_, &ours) == 0 && ::stat(path_.c_str(), &named) == 0 &&
           ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
  }

  [[noreturn]] void RefuseSecond(const std::string& guarded) const {
    std::array<char, 32> text{};
    const auto n = ::read(fd_, text.data(), text.size() - 1);
    std::string owner(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!owner.empty() && owner.back() == '\n') owner.pop_back();
    ::close(fd_);
    throw InputError(
        guarded, "store", "in use by process " + (owner.empty() ? "?" : owner),
        "one sweep at a time: wait for it, or name another folder");
  }

  std::string path_;
  int fd_ = -1;
};

}  // namespace nibble::sweep
