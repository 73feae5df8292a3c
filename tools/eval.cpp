// nibble eval: accuracy of a network under number formats.
#include <chrono>
#include <memory>

#include "tools/command.hpp"
#include "tools/progress.hpp"
#include "tools/workload.hpp"

namespace nibble::tools {
namespace {

struct Options {
  WorkloadOptions workload;
  ConfigurationNames names;
  std::size_t threads = std::thread::hardware_concurrency();
  Output output = Output::kTable;
};

void Run(const Options& o) {
  const Configuration configuration = MakeConfiguration(o.names);
  Workload workload = LoadWorkload(o.workload);
  ThreadPool pool(o.threads);
  const auto start = std::chrono::steady_clock::now();
  const nn::Evaluation e =
      EvaluateWorkload(workload, configuration, pool.executor(),
                       TerminalProgress(workload.test.count));
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  Json out = {{"model", o.workload.model},
              {"weights_file", OrNull(o.workload.weights)},
              {"weight_scheme", OrNull(o.names.weights)},
              {"act_scheme", OrNull(o.names.acts)},
              {"ends_scheme", OrNull(o.names.ends)},
              {"calibration", o.names.calibration},
              {"multiplier", o.names.multiplier},
              {"where", o.names.where},
              {"correct", e.correct},
              {"total", e.total},
              {"accuracy", e.accuracy()},
              {"mean_logit_error", e.mean_logit_error}};
  AddCosts(out, cost::Count(workload.model, configuration.schemes));
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
  AddSchemes(*command, o->names);
  AddMultiplier(*command, o->names);
  AddCalibration(*command, o->names);
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
