// How far a long run is, on stderr: one line redrawn in place on a terminal,
// one line per point elsewhere, nothing with `quiet`.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace nibble::sweep {

struct ProgressState {
  std::size_t total = 0;
  std::size_t done = 0;     // finished or failed, earlier runs included
  std::size_t earlier = 0;  // of these, found in the store
  std::size_t failed = 0;   // of these, failed in this run
  double seconds = 0;       // of this run
  std::string last = {};    // such as "int4/channel 88.12 %"
};

// "[#####---------] 12/54  1 failed  int8 91.73 %  2 min left", at most `width`
// columns. The time left is the mean of this run's points times those missing.
std::string ProgressLine(const ProgressState& state, std::size_t width,
                         bool color);

// "850 ms", "12.3 s", "4 min 05 s", "2 h 10 min".
std::string Duration(double seconds);

class Progress {
 public:
  // Looks at stderr, TERM (not "dumb") and NO_COLOR.
  explicit Progress(bool quiet = false);
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Begin(std::size_t total, std::size_t earlier);
  void Working(const std::string& what);  // redraws; says what runs now
  void Done(const std::string& what, bool ok);

 private:
  void Draw();

  ProgressState state_;
  std::chrono::steady_clock::time_point start_;
  bool quiet_, terminal_, color_;
};

}  // namespace nibble::sweep
