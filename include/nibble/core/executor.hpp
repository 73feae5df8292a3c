// How work is spread over threads. Whoever has many independent tasks takes an
// Executor; the result never depends on which one it is.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace nibble {

// Runs body(0), ..., body(tasks - 1), in any order and on any threads, and
// returns when all have ended. Wrap your own pool in one of these:
//
//     Executor mine = [&](std::size_t tasks, const Executor::Body& body) {
//       for (std::size_t i = 0; i < tasks; ++i) pool.submit([&, i] { body(i); });
//       pool.wait();
//     };
class Executor {
 public:
  using Body = std::function<void(std::size_t task)>;
  using Run = std::function<void(std::size_t tasks, const Body& body)>;

  // The calling thread does everything, in order.
  Executor()
      : run_([](std::size_t tasks, const Body& body) {
          for (std::size_t i = 0; i < tasks; ++i) body(i);
        }),
        threads_(1) {}

  // threads: how many work at once, for those who cut the work; 0 if unknown.
  template <class F>
    requires std::is_invocable_v<F&, std::size_t, const Body&>
  Executor(F run, std::size_t threads = 0)  // NOLINT: conversion intended
      : run_(std::move(run)), threads_(threads) {}

  std::size_t threads() const { return threads_; }

  void operator()(std::size_t tasks, const Body& body) const {
    if (tasks != 0) run_(tasks, body);
  }

 private:
  Run run_;
  std::size_t threads_;
};

// A fixed set of threads that take tasks from a common counter. The calling
// thread works too, so ThreadPool(1) starts none.
//
// Errors   the first exception thrown by a task is rethrown by operator(), after
//          all tasks that had begun have ended; tasks not begun are dropped.
// Not reentrant: a task must not call the pool that runs it.
class ThreadPool {
 public:
  explicit ThreadPool(std::size_t threads = std::thread::hardware_concurrency()) {
    for (std::size_t i = 1; i < threads; ++i) {
      workers_.emplace_back([this](std::stop_token stop) { Work(stop); });
    }
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  ~ThreadPool() {
    for (auto& worker : workers_) worker.request_stop();
    wake_.notify_all();
  }

  std::size_t threads() const { return workers_.size() + 1; }

  void operator()(std::size_t tasks, const Executor::Body& body) {
    std::unique_lock lock(mutex_);
    body_ = &body;
    next_ = 0;
    tasks_ = tasks;
    error_ = nullptr;
    if (tasks > 1) wake_.notify_all();
    TakeTasks(lock);
    done_.wait(lock, [this] { return running_ == 0; });
    body_ = nullptr;
    tasks_ = 0;
    if (error_) std::rethrow_exception(error_);
  }

  // The pool as an Executor; the pool must outlive it.
  Executor executor() {
    return Executor(
        [this](std::size_t tasks, const Executor::Body& body) {
          (*this)(tasks, body);
        },
        threads());
  }

 private:
  void Work(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (wake_.wait(lock, stop, [this] { return next_ < tasks_; })) {
      TakeTasks(lock);
    }
  }

  void TakeTasks(std::unique_lock<std::mutex>& lock) {
    while (next_ < tasks_) {
      const std::size_t task = next_++;
      ++running_;
      lock.unlock();
      std::exception_ptr error;
      try {
        (*body_)(task);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      if (error) {
        if (!error_) error_ = error;
        next_ = tasks_;
      }
      --running_;
    }
    if (running_ == 0) done_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::condition_variable done_;
  const Executor::Body* body_ = nullptr;
  std::size_t next_ = 0;
  std::size_t tasks_ = 0;
  std::size_t running_ = 0;
  std::exception_ptr error_;
  std::vector<std::jthread> workers_;  // Last: joined before the rest goes.
};

}  // namespace nibble
