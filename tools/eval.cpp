// nibble eval: accuracy of a network under number formats.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <memory>

#include "nibble/sweep/progress.hpp"
#include "tools/command.hpp"
#include "tools/workload.hpp"

namespace nibble::tools {
namespace {

struct Options {
  WorkloadOptions workload;
  std::string weights, acts, ends, calibration = "absmax";
  std::size_t threads = std::thread::hardware_concurrency();
  Output output = Output::kTable;
};

// Images done, redrawn on one line of a terminal.
nn::Progress ImageProgress(std::size_t total) {
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

Json OrNull(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json NameOf(const std::optional<Scheme>& scheme) {
  return scheme ? Json(ToString(*scheme)) : Json();
}

void Run(const Options& o) {
  nn::QuantSpec spec = MakeQuantSpec(o.weights, o.acts, o.ends);
  const Calibration calibration = ParseCalibration(o.calibration);
  Workload workload = LoadWorkload(o.workload);
  // Weights that were trained under schemes say so.
  const bool asked = !(o.weights + o.acts + o.ends).empty();
  if (!asked) spec = nn::TrainedSpec(workload.weights);
  ThreadPool pool(o.threads);
  const auto start = std::chrono::steady_clock::now();
  const nn::Evaluation e =
      EvaluateWorkload(workload, spec, calibration, pool.executor(),
                       ImageProgress(workload.test.count));
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  Json out = {{"model", o.workload.model},
              {"weights_file", OrNull(o.workload.weights)},
              {"weight_scheme", NameOf(spec.weights)},
              {"act_scheme", NameOf(spec.activations)},
              {"ends_scheme", NameOf(spec.ends)},
              {"calibration", o.calibration},
              {"correct", e.correct},
              {"total", e.total},
              {"accuracy", e.accuracy()},
              {"mean_logit_error", e.mean_logit_error}};
  AddCosts(out, cost::Count(workload.model, spec));
  out["threads"] = o.threads;
  out["seconds"] = seconds.count();
  out["peak_bytes"] = PeakBytes();
  Print(out, o.output);
}

}  // namespace

void AddEval(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "eval", "Classify a test set with a network under number formats");
  command->add_option("--model", o->workload.model, "resnet20, resnet8, mlp...")
      ->capture_default_str();
  command
      ->add_option("--width", o->workload.width, "Factor of the channel counts")
      ->capture_default_str();
  command->add_option("--weights", o->workload.weights,
                      "safetensors file (mlp: trained on the spot if absent)");
  command->add_option(
      "--data", o->workload.data,
      "Folder of the images (mlp: the embedded digits if absent)");
  AddSchemes(*command, o->weights, o->acts, o->ends);
  command
      ->add_option("--calibration", o->calibration,
                   "Range of activations: absmax, percentile, mse or kl")
      ->capture_default_str();
  command
      ->add_option("--calibration-images", o->workload.calibration_images,
                   "Training images that calibrate")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--limit", o->workload.limit, "Test images; 0 for all")
      ->capture_default_str();
  command->add_option("--seed", o->workload.seed, "Of the training of the mlp")
      ->capture_default_str();
  command->add_option("--threads", o->threads, "Threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  AddOutput(*command, o->output);
  command->callback([o] { Run(*o); });
}

}  // namespace nibble::tools
