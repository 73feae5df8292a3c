#include "nibble/nn/weights.hpp"

#include <gtest/gtest.h>

#include "network_data.hpp"
#include "nibble/core/check.hpp"
#include "nibble/nn/network.hpp"

namespace nibble::nn {
namespace {

TEST(Weights, MissingTensorsAndWrongShapesAreNamed) {
  Weights weights("file.safetensors");
  weights.Set("fc1.weight", {2, 3}, std::vector<float>(6));
  const auto message = [&](const std::string& name, const Sizes& shape) {
    try {
      weights.Get(name, shape);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(message("fc2.weight", {4}),
            "file.safetensors: tensor fc2.weight: found none, expected shape "
            "[4]");
  EXPECT_EQ(message("fc1.weight", {3, 2}),
            "file.safetensors: tensor fc1.weight: found shape [2, 3], expected "
            "[3, 2]");
  EXPECT_EQ(message("fc1.weight", {2, 3}), "no error");
  EXPECT_THROW(weights.Set("x", {2}, {1.0f}), std::invalid_argument);
}

TEST(Weights, AnotherArchitectureIsRefused) {
  const Weights small = RandomWeights(ResNetCifar(20), 1);
  EXPECT_THROW(Network(ResNetCifar(32), small), InputError);
  EXPECT_THROW(Network(ResNetCifar(20, 2), small), InputError);
  EXPECT_THROW(Network(ResNet8(), small), InputError);
}

TEST(Weights, FoldsBatchNormAndPutsChannelsInnermost) {
  Layer layer;
  layer.name = "conv";
  layer.in = layer.out = {1, 1, 2};
  layer.kernel = {1, 2};
  layer.bias = false;
  layer.batch_norm = "bn";
  Weights weights;
  weights.Set("conv.weight", {2, 2, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  weights.Set("bn.weight", {2}, {2, 1});
  weights.Set("bn.bias", {2}, {10, 20});
  weights.Set("bn.running_mean", {2}, {3, -5});
  // sqrt(var + 1e-5) = 2 and 0.5
  weights.Set("bn.running_var", {2}, {3.99999f, 0.24999f});
  const FoldedWeights folded = Fold(layer, weights);
  const std::vector<float> w = {1, 3, 2, 4, 10, 14, 12, 16};
  for (std::size_t i = 0; i < w.size(); ++i) {
    EXPECT_NEAR(folded.weight[i], w[i], 1e-5);
  }
  EXPECT_NEAR(folded.bias[0], 7, 1e-5);   // 10 - 3 * 2 / 2
  EXPECT_NEAR(folded.bias[1], 30, 1e-5);  // 20 + 5 * 1 / 0.5
}

}  // namespace
}  // namespace nibble::nn
