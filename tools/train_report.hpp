// What `nibble train` says while it runs.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "nibble/qat/checkpoint.hpp"

namespace nibble::tools {

using Clock = std::chrono::steady_clock;

inline double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// log.csv: a line per epoch.
void WriteLog(const std::filesystem::path& dir,
              const std::vector<qat::EpochRecord>& history);

// curve.svg: accuracy over epochs.
void WriteCurve(const std::filesystem::path& dir, const std::string& title,
                const std::vector<qat::EpochRecord>& history);

// On stderr, a line redrawn in place on a terminal and one per epoch:
// "epoch 3/10  loss 1.234  accuracy 56.7 %  812 images/s  4 min 05 s left".
class TrainProgress {
 public:
  explicit TrainProgress(const qat::Trainer& trainer);
  void Step(const qat::Checkpoint& sums);
  void Epoch(const qat::EpochRecord& record);

 private:
  std::string Line(const qat::Checkpoint& sums) const;
  std::string Left() const;

  const qat::Trainer& trainer_;
  std::uint64_t first_;
  bool terminal_;
  std::size_t images_ = 0;
  Clock::time_point start_ = Clock::now(), drawn_ = {};
};

}  // namespace nibble::tools
