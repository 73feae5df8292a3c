#include "nibble/nn/weights.hpp"

#include <cmath>

#include "nibble/core/check.hpp"
#include "nibble/io/checkpoint.hpp"

namespace nibble::nn {
namespace {

constexpr double kBatchNormEpsilon = 1e-5;

std::size_t Product(std::span<const std::size_t> shape) {
  std::size_t product = 1;
  for (const std::size_t n : shape) product *= n;
  return product;
}

std::string ToString(std::span<const std::size_t> shape) {
  std::string text;
  for (const std::size_t n : shape) {
    text += (text.empty() ? "" : ", ") + std::to_string(n);
  }
  return "[" + text + "]";
}

// What batch norm makes of a convolution: out = sum * gain + offset.
struct Affine {
  std::vector<double> gain;
  std::vector<double> offset;
};

// A file may hold anything, and codes are divided by a scale.
void CheckScale(const std::string& origin, const std::string& name,
                float scale) {
  if (std::isnormal(scale) && std::isnormal(1 / scale)) return;
  throw InputError(origin, "tensor " + name, std::to_string(scale),
                   "numbers that are not zero");
}

Affine AffineOf(const Layer& layer, const Weights& weights) {
  const std::size_t n = layer.out.channels;
  const std::size_t shape[] = {n};
  Affine affine{std::vector<double>(n, 1.0), std::vector<double>(n, 0.0)};
  if (layer.bias) {
    const auto bias = weights.Get(layer.name + ".bias", shape);
    affine.offset.assign(bias.begin(), bias.end());
  }
  if (layer.batch_norm.empty()) return affine;
  const auto gamma = weights.Get(layer.batch_norm + ".weight", shape);
  const auto beta = weights.Get(layer.batch_norm + ".bias", shape);
  const auto mean = weights.Get(layer.batch_norm + ".running_mean", shape);
  const auto var = weights.Get(layer.batch_norm + ".running_var", shape);
  for (std::size_t i = 0; i < n; ++i) {
    affine.gain[i] = double{gamma[i]} / std::sqrt(var[i] + kBatchNormEpsilon);
    affine.offset[i] = beta[i] + (affine.offset[i] - mean[i]) * affine.gain[i];
  }
  return affine;
}

}  // namespace

Weights Weights::Load(const std::filesystem::path& file) {
  const auto checkpoint = io::Checkpoint::Open(file);
  Weights weights(file.string());
  for (const io::TensorView& view : checkpoint.tensors) {
    if (view.dtype == "C64") continue;  // No network of ours has any.
    weights.Set(view.name, view.shape, io::ToFloat(view));
  }
  for (const io::SafeTensors& part : checkpoint.files) {
    for (const auto& [key, value] : part.metadata()) {
      weights.SetNote(key, value);
    }
  }
  return weights;
}

void Weights::Set(const std::string& name, std::vector<std::size_t> shape,
                  std::vector<float> values) {
  NIBBLE_CHECK("Weights::Set", values.size() == Product(shape));
  tensors_[name] = {std::move(shape), std::move(values)};
}

std::string Weights::Note(const std::string& key) const {
  const auto found = notes_.find(key);
  return found == notes_.end() ? "" : found->second;
}

std::span<const float> Weights::Get(const std::string& name,
                                    std::span<const std::size_t> shape) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw InputError(origin_, "tensor " + name, "none",
                     "shape " + ToString(shape));
  }
  const Tensor& tensor = found->second;
  if (!std::equal(shape.begin(), shape.end(), tensor.shape.begin(),
                  tensor.shape.end())) {
    throw InputError(origin_, "tensor " + name,
                     "shape " + ToString(tensor.shape), ToString(shape));
  }
  return tensor.values;
}

FoldedWeights Fold(const Layer& layer, const Weights& weights) {
  const auto file = weights.Get(layer.weight_name(), layer.weight_shape());
  const Affine affine = AffineOf(layer, weights);
  const std::size_t area = layer.kernel.area();
  const std::size_t reduction = layer.reduction();
  const std::size_t channels = reduction / area;
  FoldedWeights folded{std::vector<float>(file.size()),
                       std::vector<float>(layer.out.channels)};
  for (std::size_t o = 0; o < layer.out.channels; ++o) {
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t tap = 0; tap < area; ++tap) {
        folded.weight[o * reduction + tap * channels + c] = static_cast<float>(
            file[o * reduction + c * area + tap] * affine.gain[o]);
      }
    }
    folded.bias[o] = static_cast<float>(affine.offset[o]);
  }
  const std::string scale = layer.name + ".weight_scale";
  if (!weights.Has(scale)) return folded;
  const std::size_t shape[] = {layer.out.channels};
  const auto learned = weights.Get(scale, shape);
  folded.scheme = weights.Note("nibble:" + scale);
  for (std::size_t o = 0; o < learned.size(); ++o) {
    folded.scales.push_back(static_cast<float>(learned[o] * affine.gain[o]));
    CheckScale(weights.origin(), scale, folded.scales.back());
  }
  return folded;
}

}  // namespace nibble::nn
