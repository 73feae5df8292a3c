#include "tools/train_report.hpp"

#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "nibble/sweep/plot.hpp"
#include "nibble/sweep/progress.hpp"
#include "tools/command.hpp"

namespace nibble::tools {

void WriteLog(const std::filesystem::path& dir,
              const std::vector<qat::EpochRecord>& history) {
  std::string csv =
      "epoch,step,learning_rate,loss,train_accuracy,test_accuracy,"
      "images_per_second\n";
  for (const qat::EpochRecord& r : history) {
    char line[256];
    std::snprintf(line, sizeof(line), "%.0f,%.0f,%.6g,%.6f,%.6f,%.6f,%.1f\n",
                  r.epoch, r.step, r.rate, r.loss, r.train_accuracy,
                  r.test_accuracy, r.images_per_second);
    csv += line;
  }
  io::WriteFileAtomically(dir / "log.csv", csv);
}

void WriteCurve(const std::filesystem::path& dir, const std::string& title,
                const std::vector<qat::EpochRecord>& history) {
  sweep::Plot plot{.title = title,
                   .subtitle = "accuracy after each epoch",
                   .x_label = "epoch",
                   .y_label = "accuracy",
                   .y_percent = true,
                   .groups = {"training images", "test images"},
                   .hollow_meaning = {},
                   .baseline = {},
                   .baseline_label = {},
                   .points = {}};
  for (const qat::EpochRecord& r : history) {
    plot.points.push_back({.x = r.epoch,
                           .y = r.train_accuracy,
                           .group = plot.groups[0],
                           .hollow = true});
    plot.points.push_back(
        {.x = r.epoch, .y = r.test_accuracy, .group = plot.groups[1]});
  }
  io::WriteFileAtomically(dir / "curve.svg", sweep::ToSvg(plot));
}

TrainProgress::TrainProgress(const qat::Trainer& trainer)
    : trainer_(trainer),
      first_(trainer.state().step),
      terminal_(!quiet && isatty(STDERR_FILENO) == 1) {}

void TrainProgress::Step(const qat::Checkpoint& sums) {
  images_ += trainer_.options().batch;
  const auto now = Clock::now();
  if (!terminal_ || now - drawn_ < std::chrono::milliseconds(200)) return;
  drawn_ = now;
  std::cerr << '\r' << Line(sums) << "\x1b[K";
}

void TrainProgress::Epoch(const qat::EpochRecord& r) {
  if (terminal_) std::cerr << "\r\x1b[K";
  char text[160];
  std::snprintf(text, sizeof(text),
                "epoch %.0f/%zu  loss %.4f  training %.2f %%  test %.2f %%  "
                "%.0f images/s",
                r.epoch, trainer_.options().epochs, r.loss,
                100 * r.train_accuracy, 100 * r.test_accuracy,
                r.images_per_second);
  Log(std::string(text) + "  " + Left());
}

std::string TrainProgress::Line(const qat::Checkpoint& sums) const {
  char text[160];
  std::snprintf(text, sizeof(text),
                "epoch %.1f/%zu  loss %.4f  accuracy %.1f %%  %.0f images/s",
                static_cast<double>(trainer_.state().step) /
                    static_cast<double>(trainer_.steps_per_epoch()),
                trainer_.options().epochs, sums.loss / sums.images,
                100 * sums.correct / sums.images,
                static_cast<double>(images_) / SecondsSince(start_));
  return std::string(text) + "  " + Left();
}

std::string TrainProgress::Left() const {
  const auto done = static_cast<double>(trainer_.state().step - first_);
  const auto left =
      static_cast<double>(trainer_.steps() - trainer_.state().step);
  return sweep::Duration(SecondsSince(start_) / done * left) + " left";
}

}  // namespace nibble::tools
