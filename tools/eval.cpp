// nibble eval: accuracy of a network under number formats.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <memory>

#include "nibble/core/check.hpp"
#include "nibble/nn/tflite.hpp"
#include "nibble/sweep/progress.hpp"
#include "tools/coded_inputs.hpp"
#include "tools/command.hpp"
#include "tools/workload.hpp"

namespace nibble::tools {
namespace {

struct Options {
  WorkloadOptions workload;
  std::string weights, acts, ends, calibration = "absmax", labels;
  nn::QuantEngine engine = nn::QuantEngine::kFake;
  bool chain = false;
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

// Numbers about the run itself, at the end of every result.
void AddRun(Json& out, const Options& o,
            std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  out["threads"] = o.threads;
  out["seconds"] = seconds.count();
  out["peak_bytes"] = PeakBytes();
}

// Without --labels the test images of CIFAR-10, their pixels as they are.
CodedInputs LoadCoded(const Options& o, const nn::TfliteNetwork& network) {
  if (o.workload.data.empty()) {
    throw InputError(o.labels.empty()
                         ? "--data: missing; the folder of CIFAR-10's binary "
                           "version, or with --labels a file of input codes"
                         : "--data: missing; a file of input codes");
  }
  if (!o.labels.empty()) {
    return LoadCodes(o.workload.data, o.labels, network.model().input.size(),
                     o.workload.limit);
  }
  const std::size_t limit =
      o.workload.limit == 0 ? io::kAllImages : o.workload.limit;
  const io::Images images =
      io::LoadCifar10(o.workload.data, io::Split::kTest, limit);
  return {nn::PixelCodes(network, images, 0, images.count), images.labels};
}

// A network whose file says how everything is quantized.
void RunTflite(const Options& o) {
  for (const auto& [name, value] : {std::pair{"--weight-scheme", &o.weights},
                                    {"--act-scheme", &o.acts},
                                    {"--ends-scheme", &o.ends}}) {
    if (value->empty()) continue;
    throw InputError("nibble eval", name, *value,
                     "none: a tflite file has schemes of its own");
  }
  if (o.workload.weights.empty()) {
    throw InputError("--weights: missing; tflite needs a .tflite file");
  }
  const auto network = nn::TfliteNetwork::Load(o.workload.weights);
  const CodedInputs inputs = LoadCoded(o, network);
  ThreadPool pool(o.threads);
  const auto start = std::chrono::steady_clock::now();
  const nn::Evaluation e =
      nn::Evaluate(network, inputs.codes, inputs.labels, pool.executor(),
                   ImageProgress(inputs.labels.size()));
  Json out = {{"model", o.workload.model}, {"weights_file", o.workload.weights},
              {"engine", "integer"},       {"correct", e.correct},
              {"total", e.total},          {"accuracy", e.accuracy()}};
  AddCosts(out, cost::Count(network.model(), network.spec()));
  AddRun(out, o, start);
  Print(out, o.output);
}

void Run(const Options& o) {
  if (o.workload.model == "tflite") return RunTflite(o);
  if (!o.labels.empty()) {
    throw InputError("nibble eval", "--labels", o.labels,
                     "none: only --model tflite takes them");
  }
  nn::QuantSpec spec = MakeQuantSpec(o.weights, o.acts, o.ends);
  spec.chain = o.chain;
  const Calibration calibration = ParseCalibration(o.calibration);
  Workload workload = LoadWorkload(o.workload);
  ThreadPool pool(o.threads);
  const auto start = std::chrono::steady_clock::now();
  const nn::Evaluation e =
      EvaluateWorkload(workload, spec, calibration, pool.executor(),
                       ImageProgress(workload.test.count), o.engine);
  Json out = {
      {"model", o.workload.model},
      {"weights_file", OrNull(o.workload.weights)},
      {"weight_scheme", OrNull(o.weights)},
      {"act_scheme", OrNull(o.acts)},
      {"ends_scheme", OrNull(o.ends)},
      {"calibration", o.calibration},
      {"engine", o.engine == nn::QuantEngine::kInteger ? "integer" : "fake"},
      {"chain", o.chain},
      {"correct", e.correct},
      {"total", e.total},
      {"accuracy", e.accuracy()},
      {"mean_logit_error", e.mean_logit_error}};
  AddCosts(out, cost::Count(workload.model, spec));
  AddRun(out, o, start);
  Print(out, o.output);
}

}  // namespace

void AddEval(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "eval", "Classify a test set with a network under number formats");
  command
      ->add_option("--model", o->workload.model,
                   "resnet20, resnet8, mlp..., or tflite")
      ->capture_default_str();
  command
      ->add_option("--width", o->workload.width, "Factor of the channel counts")
      ->capture_default_str();
  command->add_option("--weights", o->workload.weights,
                      "safetensors file (mlp: trained on the spot if absent), "
                      "or a .tflite file");
  command->add_option(
      "--data", o->workload.data,
      "Folder of the images (mlp: the embedded digits if absent)");
  command->add_option("--labels", o->labels,
                      "tflite: labels, one a line in the last column; --data "
                      "is then a file of int8 inputs");
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
  command
      ->add_option("--engine", o->engine,
                   "What multiplies: fake (in double, any scheme) or integer "
                   "(kernels; the same numbers)")
      ->transform(CLI::CheckedTransformer(
          std::vector<std::pair<std::string, nn::QuantEngine>>{
              {"fake", nn::QuantEngine::kFake},
              {"integer", nn::QuantEngine::kInteger}},
          CLI::ignore_case))
      ->option_text("fake|integer");
  command->add_flag("--chain", o->chain,
                    "Codes go from layer to layer, through residual adds and "
                    "pools too");
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
