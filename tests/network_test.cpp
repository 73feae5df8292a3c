// Networks small enough to compute by hand or by another way.
#include "nibble/nn/network.hpp"

#include <cmath>
#include <random>

#include "hwy/tests/hwy_gtest.h"
#include "network_data.hpp"
#include "nibble/core/check.hpp"
#include "nibble/nn/conv2d.hpp"
#include "nibble/nn/elementwise.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble::nn {
namespace {

class NetworkTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(NetworkTest);

// A model with everything in it: stem, both kinds of shortcut, pool, dense.
const Model& Tiny() {
  static const Model model = ResNetCifar(8, 0.25);
  return model;
}

TEST_P(NetworkTest, RunsTheTable) {
  const std::size_t sizes[] = {3, 2, 2};
  Weights weights;
  weights.Set("fc1.weight", {2, 3}, {1, 2, 3, -1, -2, -3});
  weights.Set("fc1.bias", {2}, {0.5f, 1});
  weights.Set("fc2.weight", {2, 2}, {1, 1, 2, -1});
  weights.Set("fc2.bias", {2}, {0, 10});
  const Network net(Mlp(sizes), weights);
  const std::vector<float> x = {1, 0, 1, -1, 0, 0};
  // fc1: {4.5, -3} and {-0.5, 2}, then ReLU.
  EXPECT_EQ(net.Run(x), (std::vector<float>{4.5f, 19, 2, 8}));
}

// The table executed layer by layer, every output kept.
TEST_P(NetworkTest, BuffersAreNotReusedTooEarly) {
  const Model& model = Tiny();
  const Weights weights = RandomWeights(model, 2);
  std::mt19937 rng(3);
  const auto image = Normal(model.input.size(), rng);
  std::vector<std::vector<float>> outputs;
  const auto from = [&](int layer) -> const std::vector<float>& {
    return layer == kImage ? image : outputs[static_cast<std::size_t>(layer)];
  };
  for (const Layer& layer : model.layers) {
    std::vector<float> out(layer.out.size());
    if (layer.has_weights()) {
      const FoldedWeights folded = Fold(layer, weights);
      const Conv2dShape shape = ConvShapeOf(layer);
      Conv2d(shape, PackFilter(shape, folded.weight, folded.bias), 1,
             from(layer.input), out, layer.relu);
    } else if (layer.kind == LayerKind::kAdd) {
      Add(layer, model.shape(layer.input2), 1, from(layer.input),
          from(layer.input2), out);
    } else {
      AvgPool(layer, 1, from(layer.input), out);
    }
    outputs.push_back(std::move(out));
  }
  EXPECT_EQ(Network(model, weights).Run(image), outputs.back());
}

TEST_P(NetworkTest, BatchesAndThreadsDoNotChangeBits) {
  const Model& model = Tiny();
  const Weights weights = RandomWeights(model, 4);
  std::mt19937 rng(5);
  const auto images = Normal(23 * model.input.size(), rng);
  ThreadPool pool(3);
  for (const QuantSpec& spec :
       {QuantSpec{}, Spec("int8/channel", "int8"), Spec("int4/group8", ""),
        Spec("int8", "mxfp8_e4m3", "fp8_e4m3")}) {
    Network one(model, weights, spec), other(model, weights, spec);
    if (one.needs_calibration()) {
      one.Calibrate(images, Calibration::kMse);
      other.Calibrate(images, Calibration::kMse, pool.executor());
    }
    const auto logits = one.Run(images);
    EXPECT_EQ(logits, other.Run(images, pool.executor()));
    std::vector<float> apart;
    for (std::size_t i = 0; i < 23; ++i) {
      const auto y = other.Run(std::span(images).subspan(i * model.input.size(),
                                                         model.input.size()));
      apart.insert(apart.end(), y.begin(), y.end());
    }
    EXPECT_EQ(logits, apart);
    EXPECT_EQ(logits.size(), 230u);
  }
}

TEST_P(NetworkTest, WeightOnlyIsFloatOnDequantizedWeights) {
  const std::size_t sizes[] = {20, 30, 5};
  const Model model = Mlp(sizes);
  const Weights weights = RandomWeights(model, 6);
  Weights dequantized;
  for (const Layer& layer : model.layers) {
    const FoldedWeights folded = Fold(layer, weights);
    std::vector<float> w(folded.weight.size());
    QuantizeDequantize(ParseScheme("int4/group16"), folded.weight,
                       layer.out.channels, layer.reduction(), w);
    dequantized.Set(layer.name + ".weight", layer.weight_shape(), w);
    dequantized.Set(layer.name + ".bias", {layer.out.channels}, folded.bias);
  }
  std::mt19937 rng(7);
  const auto x = Normal(3 * 20, rng);
  const Network quantized(model, weights, Spec("int4/group16", ""));
  EXPECT_FALSE(quantized.needs_calibration());
  EXPECT_EQ(quantized.Run(x), Network(model, dequantized).Run(x));
}

TEST(Network, NeedsCalibrationUnlessScalesAreDynamic) {
  const Weights weights = RandomWeights(Tiny(), 8);
  const auto needs = [&](const QuantSpec& spec) {
    return Network(Tiny(), weights, spec).needs_calibration();
  };
  EXPECT_FALSE(needs({}));
  EXPECT_FALSE(needs(Spec("int8", "")));
  EXPECT_TRUE(needs(Spec("int8", "int8")));
  EXPECT_TRUE(needs(Spec("int8", "aqt:int8/channel")));
  EXPECT_FALSE(needs(Spec("int8", "int8/token")));
  EXPECT_FALSE(needs(Spec("int8", "mxfp4")));
  EXPECT_TRUE(needs(Spec("int8", "mxfp4", "int8")));

  Network net(Tiny(), weights, Spec("int8", "int8"));
  const std::vector<float> image(Tiny().input.size());
  EXPECT_THROW(net.Run(image), std::invalid_argument);
  EXPECT_THROW(net.Calibrate({}, Calibration::kAbsMax), std::invalid_argument);
  net.Calibrate(image, Calibration::kAbsMax);
  EXPECT_EQ(net.Run(image).size(), 10u);
  EXPECT_THROW(net.Run(std::span(image).first(5)), std::invalid_argument);
}

// Eight bits with the largest value as the range change little.
TEST_P(NetworkTest, EightBitsStayNearFloat) {
  const Weights weights = RandomWeights(Tiny(), 9);
  std::mt19937 rng(10);
  const auto images = Normal(8 * Tiny().input.size(), rng);
  const auto exact = Network(Tiny(), weights).Run(images);
  double size = 0;
  for (const float y : exact) size += std::abs(y);
  for (const char* x : {"int8", "int8/token", "aqt:int8/channel"}) {
    Network net(Tiny(), weights, Spec("int8/channel", x));
    if (net.needs_calibration()) net.Calibrate(images, Calibration::kAbsMax);
    const auto logits = net.Run(images);
    double error = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      error += std::abs(double{logits[i]} - exact[i]);
    }
    EXPECT_LT(error, 0.05 * size) << x;
    EXPECT_GT(error, 0) << x;
  }
}

// Every instruction set gives the fake engine's bits.
TEST(Network, FakeLogitsAreTheSameOnEveryInstructionSet) {
  const std::size_t sizes[] = {24, 17, 9};
  const Model model = Mlp(sizes);
  const Weights weights = RandomWeights(model, 11);
  std::mt19937 rng(12);
  const auto x = Normal(6 * 24, rng);
  for (const QuantSpec& spec :
       {Spec("int8/channel", "int8/token"), Spec("mxfp4", "mxfp8_e4m3")}) {
    std::vector<float> first;
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      const auto logits = Network(model, weights, spec).Run(x);
      hwy::SetSupportedTargetsForTest(0);
      if (first.empty()) first = logits;
      EXPECT_EQ(logits, first) << hwy::TargetName(target);
    }
  }
}

}  // namespace
}  // namespace nibble::nn
