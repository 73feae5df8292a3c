#include "tools/workload.hpp"

#include <array>

#include "nibble/core/check.hpp"
#include "nibble/qat/checkpoint.hpp"
#include "tools/embedded.hpp"

namespace nibble::tools {
namespace {

namespace fs = std::filesystem;


io::Images Slice(const io::Images& all, std::size_t first, std::size_t count) {
  io::Images out = all;
  first = std::min(first, all.count);
  out.count = std::min(count, all.count - first);
  const auto size = static_cast<std::ptrdiff_t>(all.image_size());
  const auto begin = static_cast<std::ptrdiff_t>(first);
  const auto end = begin + static_cast<std::ptrdiff_t>(out.count);
  out.pixels.assign(all.pixels.begin() + begin * size,
                    all.pixels.begin() + end * size);
  out.labels.assign(all.labels.begin() + begin, all.labels.begin() + end);
  return out;
}

// The digits come in order of their writers, so that the first 1,000 and the
// last 797 are by different hands: a test set in earnest.
DataSplit SplitDigits(const io::Images& all) {
  constexpr std::size_t kTrain = 1000;
  return {"digits", Slice(all, 0, kTrain), Slice(all, kTrain, io::kAllImages)};
}

DataSplit LoadDigitsFrom(const WorkloadOptions& options) {
  if (options.data.empty()) {
    return SplitDigits(io::LoadDigits(io::AsBytes(digits_csv_gz())));
  }
  fs::path path = Resolve(options.data, options.root);
  if (fs::is_directory(path)) path /= "digits.csv.gz";
  return SplitDigits(io::LoadDigits(path));
}

// The mlp of the default sweep: seconds, and the same bits on every machine of
// one instruction set.
nn::Weights TrainOnDigits(const nn::Model& model, const io::Images& train,
                          std::uint64_t seed) {
  qat::Trainer trainer(model, train,
                       {.epochs = 60, .batch = 32, .seed = seed, .rate = 0.05});
  while (!trainer.done()) trainer.Step();
  nn::Weights weights("the network trained on the digits");
  qat::ExportTo(trainer, model, weights);
  return weights;
}

}  // namespace

DataSplit LoadData(const WorkloadOptions& options, std::size_t train,
                   std::size_t test) {
  if (options.model == "mlp") return LoadDigitsFrom(options);
  const bool mnist = options.model == "tfc" || options.model == "lenet";
  if (options.data.empty()) {
    throw InputError("--data: missing; " + options.model + " needs the folder of " +
                     (mnist ? "MNIST" : "CIFAR-10's binary version"));
  }
  const fs::path dir = Resolve(options.data, options.root);
  if (mnist) {
    return {"mnist", io::LoadMnist(dir, io::Split::kTrain, train),
            io::LoadMnist(dir, io::Split::kTest, test)};
  }
  return {"cifar10", io::LoadCifar10(dir, io::Split::kTrain, train),
          io::LoadCifar10(dir, io::Split::kTest, test)};
}

Workload LoadWorkload(const WorkloadOptions& options) {
  nn::Model model = nn::MakeModel(options.model, options.width);
  if (options.model != "mlp" && options.weights.empty()) {
    throw InputError("--weights: missing; " + options.model +
                     " needs a safetensors file");
  }
  const std::size_t limit = options.limit == 0 ? io::kAllImages : options.limit;
  DataSplit data = LoadData(options, options.calibration_images, limit);
  nn::Weights weights =
      options.weights.empty()
          ? TrainOnDigits(model, data.train, options.seed)
          : nn::Weights::Load(Resolve(options.weights, options.root));
  data.test = Slice(data.test, 0, limit);
  return {std::move(model),
          std::move(weights),
          Slice(data.train, 0, options.calibration_images),
          std::move(data.test),
          {}};
}

nn::Evaluation EvaluateWorkload(Workload& workload,
                                const Configuration& configuration,
                                const Executor& executor,
                                const nn::Progress& progress) {
  nn::Network network =
      configuration.products.any()
          ? nn::Network(workload.model, workload.weights, configuration.schemes,
                        configuration.products)
          : nn::Network(workload.model, workload.weights, configuration.schemes,
                        configuration.engine);
  nn::Calibrate(network, workload.calibration, workload.calibration.count,
                configuration.calibration, executor);
  const bool exact = configuration.exact();
  if (!exact && workload.reference.empty()) {
    workload.reference =
        nn::Logits(nn::Network(workload.model, workload.weights), workload.test,
                   executor, {});
  }
  auto logits = nn::Logits(network, workload.test, executor, progress);
  if (exact) workload.reference = logits;
  return nn::Score(logits, workload.test.labels, workload.reference);
}

}  // namespace nibble::tools
