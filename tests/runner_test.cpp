#include "nibble/sweep/runner.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "nibble/core/check.hpp"

namespace nibble::sweep {
namespace {

namespace fs = std::filesystem;

std::vector<Point> Numbers(int n) {
  std::vector<Point> points;
  for (int i = 0; i < n; ++i) points.push_back({{"i", double(i)}});
  return points;
}

int Index(const Point& point) { return std::stoi(Text(point, "i")); }

class RunnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(::testing::TempDir()) /
        ("runner_" +
         std::string(
             ::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  Store Open() {
    return Store::Open(folder_ / "points.sqlite", "id", Here("c", "x"));
  }

  fs::path folder_;
  RunOptions quiet_ = {.quiet = true};
};

TEST_F(RunnerTest, RunsInOrderAndOnlyWhatIsMissing) {
  Store store = Open();
  std::vector<int> ran;
  const Evaluate evaluate = [&](const Point& point) {
    ran.push_back(Index(point));
    return Metrics{{"accuracy", Index(point) / 10.0}};
  };
  RunSummary first = RunSweep(Numbers(3), store, evaluate, quiet_);
  EXPECT_EQ(first.total, 3u);
  EXPECT_EQ(first.earlier, 0u);
  EXPECT_EQ(first.finished, 3u);
  EXPECT_FALSE(first.stopped);
  RunSummary second = RunSweep(Numbers(5), store, evaluate, quiet_);
  EXPECT_EQ(second.total, 5u);
  EXPECT_EQ(second.earlier, 3u);
  EXPECT_EQ(second.finished, 2u);
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2, 3, 4}));
  const auto results = store.Results(Numbers(5));
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(results[4].metrics.at("accuracy"), 0.4);
  EXPECT_EQ(results[4].started.size(), 20u);
  EXPECT_GE(results[4].seconds, 0);
}

TEST_F(RunnerTest, FailuresAreKeptAndTriedAgain) {
  Store store = Open();
  bool broken = true;
  int runs = 0;
  const Evaluate evaluate = [&](const Point& point) -> Metrics {
    ++runs;
    if (broken && Index(point) == 1) throw InputError("weights are missing");
    if (broken && Index(point) == 2) throw std::runtime_error("");
    return {};
  };
  RunSummary summary = RunSweep(Numbers(4), store, evaluate, quiet_);
  EXPECT_EQ(summary.finished, 2u);
  EXPECT_EQ(summary.failed, 2u);
  EXPECT_EQ(store.Results(Numbers(4))[1].error, "weights are missing");
  EXPECT_EQ(store.Results(Numbers(4))[2].error, "failed without a message");
  broken = false;
  summary = RunSweep(Numbers(4), store, evaluate, quiet_);
  EXPECT_EQ(summary.earlier, 2u);
  EXPECT_EQ(summary.finished, 2u);
  EXPECT_EQ(summary.failed, 0u);
  EXPECT_EQ(runs, 6);
  EXPECT_EQ(store.Results(Numbers(4))[1].attempts, 2);
}

TEST_F(RunnerTest, StopsBetweenPoints) {
  Store store = Open();
  int runs = 0;
  RunOptions options = quiet_;
  options.stop = [&] { return runs == 2; };
  const RunSummary summary = RunSweep(
      Numbers(5), store, [&](const Point&) { return ++runs, Metrics{}; },
      options);
  EXPECT_TRUE(summary.stopped);
  EXPECT_EQ(summary.finished, 2u);
  EXPECT_EQ(store.Results(Numbers(5)).size(), 2u);
}

TEST_F(RunnerTest, CtrlCLetsTheRunningPointEnd) {
  Store store = Open();
  {
    const StopOnInterrupt guard;
    EXPECT_FALSE(StopOnInterrupt::Requested());
    RunOptions options = quiet_;
    options.stop = StopOnInterrupt::Requested;
    const RunSummary summary = RunSweep(
        Numbers(5), store,
        [&](const Point& point) {
          if (Index(point) == 1) ::raise(SIGINT);
          return Metrics{};
        },
        options);
    EXPECT_TRUE(summary.stopped);
    EXPECT_EQ(summary.finished, 2u);
  }
  struct sigaction after = {};
  ::sigaction(SIGINT, nullptr, &after);
  EXPECT_EQ(after.sa_handler, SIG_DFL) << "the earlier action is back";
}

TEST(StopOnInterrupt, TheSecondCtrlCKills) {
  const pid_t child = ::fork();
  if (child == 0) {
    const StopOnInterrupt guard;
    ::raise(SIGINT);
    if (!StopOnInterrupt::Requested()) ::_exit(1);
    ::raise(SIGINT);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

// ---- progress

TEST(ProgressLine, SaysHowFarAndHowLong) {
  ProgressState state{.total = 10, .done = 0, .last = ""};
  EXPECT_EQ(ProgressLine(state, 80, false), "[--------------------] 0/10");
  state.done = 6;
  state.earlier = 4;
  state.seconds = 60;  // two points of 30 s each, four to go
  state.last = "int8  91.73 %";
  EXPECT_EQ(ProgressLine(state, 80, false),
            "[############--------] 6/10  int8  91.73 %  2 min 00 s left");
  state.failed = 1;
  EXPECT_EQ(ProgressLine(state, 80, true),
            "[\033[32m############\033[0m--------] 6/10\033[31m  1 failed"
            "\033[0m  int8  91.73 %  2 min 00 s left");
  state.done = 10;
  EXPECT_EQ(ProgressLine(state, 80, false),
            "[####################] 10/10  1 failed  int8  91.73 %");
}

TEST(ProgressLine, FitsItsWidth) {
  ProgressState state{.total = 1000, .done = 500, .failed = 3, .seconds = 1e4};
  state.last = "\xC3\xA9\xC3\xA9\xC3\xA9 a long name\nwith a line feed " +
               std::string(100, 'x');
  for (std::size_t width = 0; width < 120; ++width) {
    const std::string line = ProgressLine(state, width, false);
    std::size_t columns = 0;
    for (const char c : line) {
      EXPECT_GE(static_cast<unsigned char>(c), 0x20);
      columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }
    EXPECT_LE(columns, width);
  }
}

TEST(Duration, IsShort) {
  EXPECT_EQ(Duration(0.0124), "12 ms");
  EXPECT_EQ(Duration(12.34), "12.3 s");
  EXPECT_EQ(Duration(59.96), "1 min 00 s");
  EXPECT_EQ(Duration(245), "4 min 05 s");
  EXPECT_EQ(Duration(7810), "2 h 10 min");
}

// What a run writes to stderr where that is no terminal.
TEST_F(RunnerTest, LogsALineForEachPointUnlessQuiet) {
  for (const bool quiet : {false, true}) {
    fs::remove_all(folder_);
    Store store = Open();
    ::testing::internal::CaptureStderr();
    RunOptions options{.quiet = quiet, .axes = {"i", "other"}};
    RunSweep(
        Numbers(2), store,
        [](const Point& point) -> Metrics {
          if (Index(point) == 1) throw std::runtime_error("broken");
          return {{"accuracy", 0.5}};
        },
        options);
    EXPECT_EQ(::testing::internal::GetCapturedStderr(),
              quiet ? "" : "1/2  0  50.00 %\n2/2  1  failed: broken\n");
  }
}

}  // namespace
}  // namespace nibble::sweep
