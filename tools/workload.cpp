#include "tools/workload.hpp"

#include <array>

#include "nibble/core/check.hpp"
#include "nibble/qat/mlp.hpp"
#include "tools/embedded.hpp"

namespace nibble::tools {
namespace {

namespace fs = std::filesystem;

struct Split {
  io::Images train, test;
};

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
Split SplitDigits(const io::Images& all) {
  constexpr std::size_t kTrain = 1000;
  return {Slice(all, 0, kTrain), Slice(all, kTrain, io::kAllImages)};
}

Split LoadDigitsFrom(const WorkloadOptions& options) {
  if (options.data.empty()) {
    return SplitDigits(io::LoadDigits(io::AsBytes(digits_csv_gz())));
  }
  fs::path path = Resolve(options.data, options.root);
  if (fs::is_directory(path)) path /= "digits.csv.gz";
  return SplitDigits(io::LoadDigits(path));
}

Split LoadCifarFrom(const WorkloadOptions& options, std::size_t train) {
  if (options.data.empty()) {
    throw InputError("--data: missing; " + options.model +
                     " needs the folder of CIFAR-10's binary version");
  }
  const fs::path dir = Resolve(options.data, options.root);
  const std::size_t limit = options.limit == 0 ? io::kAllImages : options.limit;
  return {io::LoadCifar10(dir, io::Split::kTrain, train),
          io::LoadCifar10(dir, io::Split::kTest, limit)};
}

std::vector<float> AsInputs(const nn::Model& model, const io::Images& images) {
  return nn::Preprocess(model, images, 0, images.count);
}

nn::Weights TrainOnDigits(const nn::Model& model, const io::Images& train,
                          std::uint64_t seed) {
  qat::MlpTraining training{.sizes = {model.input.size()}, .seed = seed};
  for (const nn::Layer& layer : model.layers) {
    training.sizes.push_back(layer.out.channels);
  }
  const auto layers =
      qat::TrainMlp(AsInputs(model, train), train.labels, training);
  nn::Weights weights("the network trained on the digits");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string& name = model.layers[i].name;
    const auto& layer = layers[i];
    weights.Set(name + ".weight", {layer.outputs, layer.inputs}, layer.weight);
    weights.Set(name + ".bias", {layer.outputs}, layer.bias);
  }
  return weights;
}

}  // namespace

Workload LoadWorkload(const WorkloadOptions& options) {
  nn::Model model = nn::MakeModel(options.model, options.width);
  const bool digits = options.model == "mlp";
  if (!digits && options.weights.empty()) {
    throw InputError("--weights: missing; " + options.model +
                     " needs a safetensors file");
  }
  Split data = digits ? LoadDigitsFrom(options)
                      : LoadCifarFrom(options, options.calibration_images);
  nn::Weights weights =
      options.weights.empty()
          ? TrainOnDigits(model, data.train, options.seed)
          : nn::Weights::Load(Resolve(options.weights, options.root));
  if (options.limit != 0) data.test = Slice(data.test, 0, options.limit);
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
