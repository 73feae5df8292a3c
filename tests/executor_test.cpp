#include "nibble/core/executor.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace nibble {
namespace {

// Every task runs exactly once, whatever the number of threads and of tasks.
void ExpectEachTaskOnce(const Executor& executor) {
  for (const std::size_t tasks : {0u, 1u, 2u, 3u, 64u, 1000u}) {
    std::vector<std::atomic<int>> count(tasks);
    executor(tasks, [&](std::size_t i) { ++count[i]; });
    for (const auto& c : count) ASSERT_EQ(c, 1) << tasks << " tasks";
  }
}

TEST(Executor, DefaultRunsInOrder) {
  std::vector<std::size_t> order;
  Executor()(5, [&](std::size_t i) { order.push_back(i); });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

TEST(Executor, RunsEachTaskOnce) {
  ExpectEachTaskOnce(Executor());
  for (const std::size_t threads : {1u, 2u, 3u, 8u}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    ExpectEachTaskOnce(pool.executor());
  }
}

TEST(Executor, TakesAnyFunction) {
  int calls = 0;
  const Executor mine = [&](std::size_t tasks, const Executor::Body& body) {
    ++calls;
    for (std::size_t i = tasks; i-- > 0;) body(i);
  };
  ExpectEachTaskOnce(mine);
  EXPECT_EQ(calls, 5);  // Zero tasks reach no executor.
}

TEST(Executor, RethrowsAndCanBeUsedAgain) {
  for (const std::size_t threads : {1u, 4u}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 100; ++round) {
      std::atomic<int> ran = 0;
      EXPECT_THROW(pool(50,
                        [&](std::size_t i) {
                          if (i == 7) throw std::runtime_error("seven");
                          ++ran;
                        }),
                   std::runtime_error);
      EXPECT_LT(ran, 50);
    }
    ExpectEachTaskOnce(pool.executor());
  }
}

TEST(Executor, ManySmallRounds) {
  ThreadPool pool(4);
  std::atomic<std::size_t> sum = 0;
  for (int round = 0; round < 2000; ++round) {
    pool(3, [&](std::size_t i) { sum += i + 1; });
  }
  EXPECT_EQ(sum, 2000u * 6);
}

}  // namespace
}  // namespace nibble
