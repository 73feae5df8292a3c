#include "tools/progress.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <iostream>

#include "nibble/sweep/progress.hpp"
#include "tools/command.hpp"

namespace nibble::tools {

std::function<void(std::size_t done)> TerminalProgress(std::size_t total) {
  if (quiet || isatty(STDERR_FILENO) == 0) return {};
  return [total, start = std::chrono::steady_clock::now()](std::size_t done) {
    const std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start;
    sweep::ProgressState state;
    state.total = total;
    state.done = done;
    state.seconds = seconds.count();
    std::cerr << '\r' << sweep::ProgressLine(state, 79, false) << "\x1b[K";
    if (done == total) std::cerr << "\r\x1b[K";
  };
}

std::size_t PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

}  // namespace nibble::tools
