// Runs what a store still lacks.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "nibble/sweep/progress.hpp"
#include "nibble/sweep/spec.hpp"
#include "nibble/sweep/store.hpp"

namespace nibble::sweep {

using Evaluate = std::function<Metrics(const Point&)>;

struct RunOptions {
  bool quiet = false;
  std::string accuracy = "accuracy";   // shown beside the last point
  std::vector<std::string> axes = {};  // those that vary name the point
  // Asked between points; true ends the run.
  std::function<bool()> stop = [] { return false; };
};

struct RunSummary {
  std::size_t total = 0;
  std::size_t earlier = 0;   // already in the store
  std::size_t finished = 0;  // by this run
  std::size_t failed = 0;    // by this run
  bool stopped = false;
};

// Evaluates, in order, every point that the store has not finished, and stores
// each as it ends. A point whose evaluation throws is stored as failed, with
// the message, and tried again by the next run.
//
// Errors   what the store throws.
RunSummary RunSweep(const std::vector<Point>& points, Store& store,
                    const Evaluate& evaluate, const RunOptions& options = {});

// While it lives, the first Ctrl-C (or SIGTERM) only sets a flag, so that the
// running point can end; the second one kills as usual. One at a time.
class StopOnInterrupt {
 public:
  StopOnInterrupt();
  ~StopOnInterrupt();
  StopOnInterrupt(const StopOnInterrupt&) = delete;
  StopOnInterrupt& operator=(const StopOnInterrupt&) = delete;

  static bool Requested();
};

}  // namespace nibble::sweep
