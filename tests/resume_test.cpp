// A sweep killed by SIGKILL at any moment loses no finished point and repeats
// none: at every write that SQLite makes, in its middle, and at random times.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>

#include "nibble/sweep/runner.hpp"

namespace nibble::sweep {
namespace {

namespace fs = std::filesystem;

std::vector<Point> Numbers(int n) {
  std::vector<Point> points;
  for (int i = 0; i < n; ++i) points.push_back({{"i", double(i)}});
  return points;
}

int Index(const Point& point) { return std::stoi(Text(point, "i")); }

// ---- SQLite's system calls, the n-th of which kills

int calls_left = 0;    // 0: never
std::size_t torn = 0;  // bytes that the last write still gets out

bool IsLast() { return calls_left > 0 && --calls_left == 0; }

void Die() { ::kill(::getpid(), SIGKILL); }

ssize_t Pwrite(int file, const void* data, std::size_t size, off_t offset) {
  if (IsLast()) {
    [[maybe_unused]] const auto half =
        ::pwrite(file, data, std::min(size, torn), offset);
    Die();
  }
  return ::pwrite(file, data, size, offset);
}

ssize_t Write(int file, const void* data, std::size_t size) {
  if (IsLast()) {
    [[maybe_unused]] const auto half =
        ::write(file, data, std::min(size, torn));
    Die();
  }
  return ::write(file, data, size);
}

int Unlink(const char* path) {
  if (IsLast()) Die();
  return ::unlink(path);
}

int Truncate(int file, off_t size) {
  if (IsLast()) Die();
  return ::ftruncate(file, size);
}

void HookSystemCalls(int kill_at) {
  calls_left = kill_at;
  sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
  const auto hook = [&](const char* name, auto* function) {
    vfs->xSetSystemCall(vfs, name,
                        reinterpret_cast<sqlite3_syscall_ptr>(function));
  };
  hook("pwrite", Pwrite);
  hook("pwrite64", Pwrite);
  hook("write", Write);
  hook("unlink", Unlink);
  hook("ftruncate", Truncate);
}

// ---- a child that sweeps

// Runs the sweep and logs "b i" when point i begins and "d i" once the store
// has returned from adding it; both outlive the child.
[[noreturn]] void RunChild(const fs::path& folder, int points, int kill_at) {
  const int log =
      ::open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  const auto write = [&](char kind, int i) {
    const std::string line =
        std::string(1, kind) + " " + std::to_string(i) + "\n";
    if (::write(log, line.data(), line.size()) < 0) ::_exit(9);
  };
  int last = -1;
  RunOptions options{.quiet = true};
  options.stop = [&] {
    if (last >= 0) write('d', last);
    last = -1;
    return false;
  };
  HookSystemCalls(kill_at);
  try {
    Store store = Store::Open(folder / "points.sqlite", "id", Here("c", "x"));
    RunSweep(
        Numbers(points), store,
        [&](const Point& point) {
          write('b', Index(point));
          last = Index(point);
          std::this_thread::sleep_for(std::chrono::microseconds(200));
          return Metrics{{"value", Index(point) * 1.5}};
        },
        options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child: %s\n", error.what());
    ::_exit(1);
  }
  ::_exit(0);
}

// Waits; true if the child was killed, else it must have ended well.
bool WasKilled(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) {
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    return true;
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
  return false;
}

// After the last run: every point once, with its value; none run again that the
// store had taken; no more begun twice than there were kills.
void CheckResults(const fs::path& folder, int points, int kills) {
  std::map<int, int> begun, done;
  std::ifstream log(folder / "log");
  char kind = 0;
  for (int i = 0; log >> kind >> i;) {
    if (kind == 'b') {
      EXPECT_EQ(done[i], 0) << "point " << i << " was repeated";
      ++begun[i];
    } else {
      ++done[i];
    }
  }
  Store store = Store::Open(folder / "points.sqlite", "id", Here("c", "x"));
  const auto results = store.Results(Numbers(points));
  ASSERT_EQ(results.size(), static_cast<std::size_t>(points));
  int repeated = 0;
  for (int i = 0; i < points; ++i) {
    const auto& result = results[static_cast<std::size_t>(i)];
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(result.attempts, 1);
    EXPECT_EQ(result.metrics, (Metrics{{"value", i * 1.5}}));
    repeated += begun[i] - 1;
  }
  EXPECT_LE(repeated, kills);
}

fs::path NewFolder(const std::string& name) {
  // In memory where that can be had: these tests wait for nothing but the disk.
  const fs::path base = ::access("/dev/shm", W_OK) == 0
                            ? "/dev/shm"
                            : fs::path(::testing::TempDir());
  const fs::path folder =
      base / ("nibble_" + std::to_string(::getpid()) + name);
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

TEST(Resume, AfterAKillAtEveryWrite) {
  constexpr int kPoints = 2;
  for (const std::size_t bytes : {0u, 8u, 2048u}) {
    torn = bytes;
    bool killed = true;
    int kill_at = 0;
    while (killed) {
      ++kill_at;
      const fs::path folder = NewFolder("resume_every_write");
      pid_t child = ::fork();
      if (child == 0) RunChild(folder, kPoints, kill_at);
      killed = WasKilled(child);
      child = ::fork();
      if (child == 0) RunChild(folder, kPoints, 0);
      ASSERT_FALSE(WasKilled(child));
      CheckResults(folder, kPoints, killed ? 1 : 0);
      fs::remove_all(folder);
      ASSERT_FALSE(::testing::Test::HasFailure())
          << "killed in write " << kill_at << " after " << bytes << " bytes";
    }
    EXPECT_GT(kill_at, 20) << "the hooks must see SQLite's writes";
  }
}

TEST(Resume, AfterKillsAtRandomTimes) {
  constexpr int kPoints = 200, kKills = 20;  // then it may end in peace
  const fs::path folder = NewFolder("resume_random");
  std::mt19937 rng(7);
  std::uniform_int_distribution<int> microseconds(500, 8'000);
  int kills = 0;
  for (bool killed = true; killed; kills += killed) {
    const pid_t child = ::fork();
    if (child == 0) RunChild(folder, kPoints, 0);
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds(rng)));
    if (kills < kKills) ::kill(child, SIGKILL);
    killed = WasKilled(child);
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
  EXPECT_GE(kills, 3) << "the test must kill to mean something";
  CheckResults(folder, kPoints, kills);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace nibble::sweep
