// nibble train: a network from its data set, in float or under a recipe.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <sstream>

#include "nibble/qat/checkpoint.hpp"
#include "nibble/sweep/runner.hpp"
#include "tools/command.hpp"
#include "tools/configuration.hpp"
#include "tools/train_report.hpp"
#include "tools/workload.hpp"

namespace nibble::tools {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Options {
  WorkloadOptions workload;
  ConfigurationNames schemes;
  std::string out, from, teacher, optimizer = "sgd";
  std::size_t train_limit = 0, checkpoint_steps = 0;
  std::size_t threads = std::thread::hardware_concurrency();
  bool resume = false, no_augment = false, constant = false;
  qat::TrainOptions train;
  Output output = Output::kTable;
};

// All that decides the bits of a run: a checkpoint is of one configuration.
std::string ConfigurationOf(const Options& o, const DataSplit& data) {
  const qat::TrainOptions& t = o.train;
  std::ostringstream out;
  out << "model=" << o.workload.model << " width=" << o.workload.width
      << " data=" << data.name << ":" << data.train.count
      << " recipe=" << t.recipe << " weights=" << o.schemes.weights
      << " acts=" << o.schemes.acts << " ends=" << o.schemes.ends << " epochs=" << t.epochs
      << " batch=" << t.batch << " seed=" << t.seed << " lr=" << t.rate
      << " warmup=" << t.warmup_epochs << " cooldown=" << t.cooldown_epochs
      << " schedule=" << (t.cosine ? "cosine" : "constant")
      << " optimizer=" << o.optimizer
      << " momentum=" << t.optimizer.momentum
      << " decay=" << t.optimizer.weight_decay
      << " smoothing=" << t.loss.smoothing
      << " distillation=" << t.loss.distillation
      << " temperature=" << t.loss.temperature
      << " augment=" << t.augment << " freeze=" << t.freeze_epoch
      << " from=" << fs::path(o.from).filename().string()
      << " teacher=" << fs::path(o.teacher).filename().string();
  return out.str();
}

// The model and its first weights.
struct Start {
  nn::Model model;     // as inference has it
  nn::Model training;  // with batch norm
  std::optional<nn::Weights> weights;
};

Start StartOf(const Options& o) {
  Start start{nn::MakeModel(o.workload.model, o.workload.width), {}, {}};
  bool plain = false;
  if (!o.from.empty()) {
    start.weights = nn::Weights::Load(o.from);
    // Weights with batch norm folded in go on without.
    for (const nn::Layer& layer : qat::TrainingModel(start.model).layers) {
      if (layer.batch_norm.empty()) continue;
      plain = !start.weights->Has(layer.batch_norm + ".weight");
      break;
    }
  }
  start.training = qat::TrainingModel(start.model, plain);
  return start;
}

// Ends an epoch: tests, logs.
void EndEpoch(const qat::Trainer& trainer, const io::Images& test, double rate,
              double images_per_second, qat::Checkpoint& sums) {
  qat::EpochRecord r;
  r.epoch = static_cast<double>(trainer.state().step) /
            static_cast<double>(trainer.steps_per_epoch());
  r.step = static_cast<double>(trainer.state().step);
  r.rate = rate;
  r.loss = sums.loss / sums.images;
  r.train_accuracy = sums.correct / sums.images;
  r.test_accuracy = static_cast<double>(trainer.CountCorrect(test)) /
                    static_cast<double>(std::max<std::size_t>(test.count, 1));
  r.images_per_second = images_per_second;
  sums.history.push_back(r);
  sums.loss = sums.correct = sums.images = 0;
}

// Runs to the end, or until Ctrl-C. Returns whether it is done.
bool RunEpochs(const Options& o, const DataSplit& data, qat::Trainer& trainer,
               qat::Checkpoint& sums, const std::string& configuration) {
  const fs::path dir(o.out), file = dir / "checkpoint.safetensors";
  const auto save = [&] {
    sums.state = trainer.state();
    qat::SaveCheckpoint(file, sums, configuration);
  };
  TrainProgress progress(trainer);
  const std::size_t every =
      o.checkpoint_steps == 0 ? trainer.steps_per_epoch() : o.checkpoint_steps;
  double seconds = 0, images = 0;
  while (!trainer.done()) {
    const auto start = Clock::now();
    const qat::StepReport report = trainer.Step();
    seconds += SecondsSince(start);
    const auto n = static_cast<double>(report.images);
    images += n;
    sums.loss += report.loss * n;
    sums.correct += static_cast<double>(report.correct);
    sums.images += n;
    progress.Step(sums);
    const std::uint64_t step = trainer.state().step;
    const bool epoch = step % trainer.steps_per_epoch() == 0;
    if (epoch) {
      EndEpoch(trainer, data.test, report.rate, images / seconds, sums);
      seconds = images = 0;
      progress.Epoch(sums.history.back());
      WriteLog(dir, sums.history);
      WriteCurve(dir, trainer.model().name + ", " + data.name, sums.history);
    }
    const bool stop = sweep::StopOnInterrupt::Requested();
    if (epoch || step % every == 0 || stop) save();
    if (stop && !trainer.done()) return false;
  }
  return true;
}

nn::Evaluation EvaluateExport(const Options& o, const nn::Model& model,
                              const DataSplit& data, const fs::path& file,
                              const Executor& executor) {
  const nn::Weights weights = nn::Weights::Load(file);
  nn::Network network(model, weights, nn::TrainedSpec(weights));
  nn::Calibrate(network, data.train, o.workload.calibration_images,
                Calibration::kAbsMax, executor);
  return nn::Evaluate(network, data.test, executor);
}

int Run(Options o) {
  o.train.seed = o.workload.seed;
  o.train.spec = MakeQuantSpec(o.schemes);
  o.train.cosine = !o.constant;
  o.train.optimizer.kind = o.optimizer == "adamw" ? qat::OptimizerKind::kAdamW
                                                  : qat::OptimizerKind::kSgd;
  const Start start = StartOf(o);
  const std::size_t limit =
      o.train_limit == 0 ? io::kAllImages : o.train_limit;
  const DataSplit data = LoadData(o.workload, limit, io::kAllImages);
  o.train.augment = data.name == "cifar10" && !o.no_augment;
  if (!o.teacher.empty() && o.train.loss.distillation == 0) {
    o.train.loss.distillation = 0.5;
  }
  ThreadPool pool(o.threads);
  qat::Trainer trainer(start.training, data.train, o.train, pool.executor());
  if (start.weights) trainer.SetWeights(*start.weights);
  if (!o.teacher.empty()) {
    trainer.SetTeacher(
        nn::Network(start.model, nn::Weights::Load(o.teacher)));
  } else if (o.train.loss.distillation > 0) {
    throw InputError("--distillation: needs --teacher");
  }
  const fs::path dir(o.out);
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) throw InputError("--out " + o.out + ": " + error.message());
  const std::string configuration = ConfigurationOf(o, data);
  const fs::path checkpoint = dir / "checkpoint.safetensors";
  qat::Checkpoint sums;
  if (o.resume && fs::exists(checkpoint)) {
    sums = qat::LoadCheckpoint(checkpoint, configuration);
    trainer.SetState(sums.state);
  } else if (!o.resume && fs::exists(checkpoint)) {
    throw InputError("--out " + o.out +
                     ": holds a checkpoint; give --resume to go on with it, "
                     "or another folder");
  }
  bool done = false;
  {
    const sweep::StopOnInterrupt guard;
    done = RunEpochs(o, data, trainer, sums, configuration);
  }
  if (!done) {
    Log("Stopped; the same command with --resume goes on where it was.");
    return 1;
  }
  const fs::path weights = dir / "weights.safetensors";
  qat::Export(trainer, start.model, weights);
  const nn::Evaluation e =
      EvaluateExport(o, start.model, data, weights, pool.executor());
  Print({{"model", o.workload.model},
         {"recipe", o.train.recipe},
         {"weights_file", weights.string()},
         {"epochs", o.train.epochs},
         {"loss", sums.history.empty() ? 0 : sums.history.back().loss},
         {"correct", e.correct},
         {"total", e.total},
         {"accuracy", e.accuracy()}},
        o.output);
  return 0;
}

void AddOptimization(CLI::App& command, Options& o) {
  qat::TrainOptions& t = o.train;
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->capture_default_str();
  };
  add("--epochs", t.epochs, "Passes over the training images");
  add("--batch", t.batch, "Images of a step");
  add("--lr", t.rate, "Learning rate");
  add("--warmup", t.warmup_epochs, "Epochs of growing learning rate");
  add("--cooldown", t.cooldown_epochs, "Epochs of falling learning rate");
  command.add_flag("--constant-lr", o.constant, "No cosine decay");
  add("--optimizer", o.optimizer, "sgd (Nesterov momentum) or adamw")
      ->check(CLI::IsMember({"sgd", "adamw"}));
  add("--momentum", t.optimizer.momentum, "Of sgd");
  add("--weight-decay", t.optimizer.weight_decay, "Of weights");
  add("--label-smoothing", t.loss.smoothing, "Share spread over all classes");
  add("--teacher", o.teacher, "Weights of the same model to be imitated");
  add("--distillation", t.loss.distillation,
      "Share of the teacher's loss (0.5 with --teacher)");
  add("--temperature", t.loss.temperature, "Of the teacher's loss");
  command.add_flag("--no-augment", o.no_augment, "No crops, no mirroring");
  add("--freeze-epoch", t.freeze_epoch,
      "When ranges of activations are frozen, float before; below 0: after a "
      "fifth of the run");
  std::string recipes;
  for (const qat::TrainingRecipe& r : qat::Recipes()) {
    recipes += (recipes.empty() ? "" : ", ") + std::string(r.name);
  }
  command.add_option("--recipe", t.recipe, "How schemes are trained: " + recipes)
      ->capture_default_str();
}

}  // namespace

void AddTrain(CLI::App& app) {
  auto o = std::make_shared<Options>();
  o->workload.model = "mlp";
  CLI::App* command =
      app.add_subcommand("train", "Train a network, in float or quantized");
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command->add_option(name, value, help)->capture_default_str();
  };
  add("--model", o->workload.model,
      "mlp, tfc, lenet, resnet8, resnet14, resnet20, resnet32")
      ->check(CLI::IsMember({"mlp", "tfc", "lenet", "resnet8", "resnet14",
                             "resnet20", "resnet32"}));
  add("--width", o->workload.width, "Factor of the channel counts")
      ->check(CLI::Range(0.25, 4.0));
  add("--data", o->workload.data,
      "Folder of the images (mlp: the embedded digits if absent)");
  AddSchemes(*command, o->schemes);
  AddOptimization(*command, *o);
  add("--seed", o->workload.seed, "Of weights, order and augmentation");
  add("--train-images", o->train_limit, "Training images; 0 for all");
  add("--from", o->from, "safetensors file of the first weights");
  add("--out", o->out, "Folder of checkpoint, weights, log.csv, curve.svg")
      ->required();
  command->add_flag("--resume", o->resume, "Go on from the checkpoint in --out");
  add("--checkpoint-steps", o->checkpoint_steps,
      "Steps between checkpoints; 0: an epoch");
  add("--threads", o->threads, "Threads")->check(CLI::Range(1, 1024));
  AddOutput(*command, o->output);
  command->callback([o] {
    if (const int code = Run(*o); code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace nibble::tools
