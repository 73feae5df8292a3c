// nibble eval: accuracy of a network under number formats.
#include <chrono>
#include <memory>

#include "nibble/core/check.hpp"
#include "nibble/nn/tflite.hpp"
#include "tools/coded_inputs.hpp"
#include "tools/command.hpp"
#include "tools/progress.hpp"
#include "tools/workload.hpp"

namespace nibble::tools {
namespace {

struct Options {
  WorkloadOptions workload;
  ConfigurationNames names;
  std::string labels;
  nn::QuantEngine engine = nn::QuantEngine::kFake;
  bool chain = false;
  std::size_t threads = std::thread::hardware_concurrency();
  Output output = Output::kTable;
};

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
  for (const auto& [name, value] :
       {std::pair{"--weight-scheme", &o.names.weights},
        {"--act-scheme", &o.names.acts},
        {"--ends-scheme", &o.names.ends}}) {
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
                   TerminalProgress(inputs.labels.size()));
  Json out = {{"model", o.workload.model}, {"weights_file", o.workload.weights},
              {"engine", "integer"},       {"correct", e.correct},
              {"total", e.total},          {"accuracy", e.accuracy()}};
  AddCosts(out, cost::Count(network.model(), network.spec()));
  AddRun(out, o, start);
  Print(out, o.output);
}

Configuration ConfigurationOf(const Options& o) {
  Configuration out = MakeConfiguration(o.names);
  out.engine = o.engine;
  out.schemes.chain = o.chain;
  if (out.products.any() &&
      (o.chain || o.engine == nn::QuantEngine::kInteger)) {
    throw InputError("nibble eval", "--multiplier", o.names.multiplier,
                     "exact: integers are multiplied by kernels of their own");
  }
  return out;
}

Json NameOf(const std::optional<Scheme>& scheme) {
  return scheme ? Json(ToString(*scheme)) : Json();
}

void Run(const Options& o) {
  if (o.workload.model == "tflite") return RunTflite(o);
  if (!o.labels.empty()) {
    throw InputError("nibble eval", "--labels", o.labels,
                     "none: only --model tflite takes them");
  }
  Configuration configuration = ConfigurationOf(o);
  Workload workload = LoadWorkload(o.workload);
  // Weights that were trained under schemes say so.
  const bool asked =
      !(o.names.weights + o.names.acts + o.names.ends).empty();
  nn::QuantSpec& spec = configuration.schemes;
  if (!asked) {
    spec = nn::TrainedSpec(workload.weights);
    spec.chain = o.chain;
  }
  ThreadPool pool(o.threads);
  const auto start = std::chrono::steady_clock::now();
  const nn::Evaluation e =
      EvaluateWorkload(workload, configuration, pool.executor(),
                       TerminalProgress(workload.test.count));
  const bool integer = o.engine == nn::QuantEngine::kInteger;
  Json out = {{"model", o.workload.model},
              {"weights_file", OrNull(o.workload.weights)},
              {"weight_scheme", NameOf(spec.weights)},
              {"act_scheme", NameOf(spec.activations)},
              {"ends_scheme", NameOf(spec.ends)},
              {"calibration", o.names.calibration},
              {"engine", integer ? "integer" : "fake"},
              {"chain", o.chain},
              {"multiplier", o.names.multiplier},
              {"where", o.names.where},
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
  AddSchemes(*command, o->names);
  AddMultiplier(*command, o->names);
  AddCalibration(*command, o->names);
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
