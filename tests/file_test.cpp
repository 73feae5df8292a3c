#include "nibble/io/file.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "io_test.hpp"
#include "nibble/io/mapped_file.hpp"

namespace nibble::io {
namespace {

namespace fs = std::filesystem;

std::string Contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t FilesIn(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(WriteFileAtomically, WritesAndReplaces) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "file";
  WriteFileAtomically(path, "first");
  EXPECT_EQ(Contents(path), "first");
  fs::permissions(path, fs::perms(0640));
  const auto a = testing::Bytes("a"), bc = testing::Bytes("bc");
  const Bytes pieces[] = {a, {}, bc};
  WriteFileAtomically(path, pieces);
  EXPECT_EQ(Contents(path), "abc");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0640));
  WriteFileAtomically(path, Bytes{});
  EXPECT_EQ(Contents(path), "");
  EXPECT_EQ(FilesIn(folder.path()), 1u);
}

TEST(WriteFileAtomically, KeepsSymbolicLinks) {
  const testing::TemporaryFolder folder;
  WriteFileAtomically(folder.path() / "target", "old");
  fs::create_symlink("target", folder.path() / "link");
  WriteFileAtomically(folder.path() / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder.path() / "link"));
  EXPECT_EQ(Contents(folder.path() / "target"), "new");
  EXPECT_EQ(FilesIn(folder.path()), 2u);
}

TEST(WriteFileAtomically, RefusesPlacesWithoutAFile) {
  const testing::TemporaryFolder folder;
  const fs::path nowhere = folder.path() / "no" / "such";
  EXPECT_REFUSED(WriteFileAtomically(nowhere, "x"),
                 nowhere.string() +
                     ": create: found No such file or directory, expected a "
                     "file that can be written");
  const std::string words =
      ": write: found a folder or a device, expected a regular file or none";
  EXPECT_REFUSED(WriteFileAtomically(folder.path(), "x"),
                 folder.path().string() + words);
  // A rename over it would take the device away from everybody.
  EXPECT_REFUSED(WriteFileAtomically("/dev/null", "x"), "/dev/null" + words);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_EQ(FilesIn(folder.path()), 0u);
}

// A file size limit stands in for a full disk: write fails half-way.
TEST(WriteFileAtomically, AFailedWriteLeavesTheOldFile) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "file";
  WriteFileAtomically(path, "precious");
  struct rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit low = old;
  low.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
  const std::string found = testing::Refusal(
      [&] { WriteFileAtomically(path, std::string(100'000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(found, path.string() +
                       ": write: found File too large, expected a file that "
                       "can be written");
  EXPECT_EQ(Contents(path), "precious");
  EXPECT_EQ(FilesIn(folder.path()), 1u);
}

TEST(MappedFile, HoldsTheBytesOfTheFile) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "file";
  WriteFileAtomically(path, "some bytes");
  MappedFile map = MappedFile::Open(path);
  // A file replaced by rename stays whole under the map.
  WriteFileAtomically(path, "");
  MappedFile moved = std::move(map);
  EXPECT_EQ(testing::ByteVector(moved.bytes().begin(), moved.bytes().end()),
            testing::Bytes("some bytes"));
  EXPECT_TRUE(MappedFile::Open(path).bytes().empty());
  moved = MappedFile::Open(path);
  EXPECT_TRUE(moved.bytes().empty());
}

TEST(MappedFile, RefusesWhatIsNoFile) {
  const testing::TemporaryFolder folder;
  const std::string words = ", expected a regular file that can be read";
  EXPECT_REFUSED(
      MappedFile::Open(folder.path()),
      folder.path().string() + ": open: found a folder or a device" + words);
  const fs::path pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_REFUSED(MappedFile::Open(pipe),
                 pipe.string() + ": open: found a folder or a device" + words);
  EXPECT_REFUSED(MappedFile::Open(folder.path() / "none"),
                 (folder.path() / "none").string() +
                     ": open: found No such file or directory" + words);
}

}  // namespace
}  // namespace nibble::io
