// Random weights and short ways to write schemes, for tests of networks.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "nibble/nn/model.hpp"
#include "nibble/nn/quant_spec.hpp"
#include "nibble/nn/weights.hpp"

namespace nibble::nn {

using Sizes = std::vector<std::size_t>;

inline std::vector<float> Normal(std::size_t n, std::mt19937& rng,
                                 float scale = 1) {
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> x(n);
  for (float& v : x) v = normal(rng);
  return x;
}

// Random weights for every tensor the model names.
inline Weights RandomWeights(const Model& model, unsigned seed) {
  std::mt19937 rng(seed);
  Weights weights("random");
  for (const Layer& layer : model.layers) {
    if (!layer.has_weights()) continue;
    const Sizes shape = layer.weight_shape();
    const std::size_t n = layer.out.channels;
    weights.Set(layer.name + ".weight", shape,
                Normal(n * layer.reduction(), rng, 0.2f));
    if (layer.bias) weights.Set(layer.name + ".bias", {n}, Normal(n, rng));
    if (layer.batch_norm.empty()) continue;
    for (const char* part : {".weight", ".bias", ".running_mean"}) {
      weights.Set(layer.batch_norm + part, {n}, Normal(n, rng));
    }
    std::vector<float> var = Normal(n, rng);
    for (float& v : var) v = std::abs(v) + 0.5f;
    weights.Set(layer.batch_norm + ".running_var", {n}, var);
  }
  return weights;
}

inline QuantSpec Spec(const std::string& weights,
                      const std::string& activations,
                      const std::string& ends = "") {
  const auto parse = [](const std::string& name) -> std::optional<Scheme> {
    if (name.empty()) return std::nullopt;
    return ParseScheme(name);
  };
  return {parse(weights), parse(activations), parse(ends)};
}

}  // namespace nibble::nn
