// A kernel, the machine's limit and a peer by turns, so that what disturbs one
// disturbs all: medians of many short rounds.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace nibble::bench {

inline double SecondsOf(const std::function<void()>& run) {
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
      .count();
}

inline double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Times `ours` (the benchmark's own time), asks `limit` for what the machine does
// in about as many seconds, and times `peer` (which may be empty), by turns.
// Reports
//
//     rate          work / second of ours
//     limit         the limit's, and share = rate / limit
//     peer          work / second of the peer, and ratio = rate / peer
inline void Alternate(benchmark::State& state, double work,
                      const std::function<void()>& ours,
                      const std::function<double(double seconds)>& limit,
                      const std::function<void()>& peer) {
  std::vector<double> ours_times, limits, peer_times;
  double seconds = SecondsOf(ours);  // caches, pages
  if (peer) peer();
  for (auto _ : state) {
    limits.push_back(limit(seconds));
    seconds = SecondsOf(ours);
    ours_times.push_back(seconds);
    if (peer) peer_times.push_back(SecondsOf(peer));
    state.SetIterationTime(seconds);
  }
  const double rate = work / Median(ours_times);
  const double most = Median(limits);
  state.counters["rate"] = rate;
  state.counters["limit"] = most;
  state.counters["share"] = rate / most;
  if (peer) {
    state.counters["peer"] = work / Median(peer_times);
    state.counters["ratio"] = Median(peer_times) / Median(ours_times);
  }
}

}  // namespace nibble::bench
