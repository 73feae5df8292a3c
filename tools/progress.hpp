// What long commands say while they run, and how much memory they took.
#pragma once

#include <cstddef>
#include <functional>

namespace nibble::tools {

// A bar on one line of a terminal, redrawn with how many of `total` are done;
// nothing where stderr is no terminal or with --quiet.
std::function<void(std::size_t done)> TerminalProgress(std::size_t total);

// The largest resident memory of this process so far.
std::size_t PeakBytes();

}  // namespace nibble::tools
