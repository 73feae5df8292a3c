// The integer engine against the fake one: equal bits, layer by layer and for
// whole networks, on every instruction set.
#include "nibble/nn/integer_layer.hpp"

#include <random>

#include "hwy/tests/hwy_gtest.h"
#include "network_data.hpp"
#include "nibble/core/check.hpp"
#include "nibble/nn/fake_layer.hpp"
#include "nibble/nn/network.hpp"

namespace nibble::nn {
namespace {

struct Pair {
  const char* weights;
  const char* input;
};
// Every kind of integer: symmetric, unsigned, with zero points on either side,
// per token, ternary, one bit.
constexpr Pair kPairs[] = {
    {"int8/channel", "int8"},
    {"int8", "uint8"},
    {"int4/channel", "uint4"},
    {"int8/channel", "asym:uint8"},
    {"int8/channel", "asym:int8"},
    {"asym:int8/channel", "asym:uint8"},
    {"asym:uint4/channel", "int8"},
    {"int3/channel", "int8/token"},
    {"int8", "asym:uint8/token"},
    {"ternary/channel", "int8/token"},
    {"absmean:ternary", "ternary"},
    {"aqt:int8/channel", "aqt:uint8"},
    {"torch:int8/channel", "torch:uint8"},
    {"int1/channel", "int1"},
};

std::vector<Layer> Layers() {
  std::vector<Layer> layers(4);
  Layer& conv = layers[0];
  conv.in = {5, 4, 6}, conv.out = {3, 2, 9};
  conv.kernel = {3, 3}, conv.stride = {2, 2}, conv.padding = {1, 1};
  conv.relu = true;
  Layer& same = layers[1];
  same.in = {6, 7, 8}, same.out = {6, 7, 20};
  same.kernel = {3, 3}, same.padding = {1, 1};
  Layer& depthwise = layers[2];
  depthwise.in = {5, 6, 18}, depthwise.out = {5, 6, 18};
  depthwise.kernel = {3, 3}, depthwise.padding = {1, 1};
  depthwise.groups = 18;
  depthwise.relu = true;
  Layer& dense = layers[3];
  dense.kind = LayerKind::kLinear;
  dense.in = {3, 3, 7}, dense.out = {1, 1, 10};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i].name = "layer" + std::to_string(i);
  }
  return layers;
}

class IntegerLayerTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(IntegerLayerTest);

TEST_P(IntegerLayerTest, EqualsTheFakeLayer) {
  std::mt19937 rng(1);
  for (const Layer& layer : Layers()) {
    FoldedWeights folded;
    folded.weight = Normal(layer.out.channels * layer.reduction(), rng);
    folded.bias = Normal(layer.out.channels, rng);
    folded.bias[1] = 1e30f;  // clamps to the largest bias code
    constexpr std::size_t kImages = 3;
    auto in = Normal(kImages * layer.in.size(), rng, 2);
    for (std::size_t i = 0; i < in.size(); i += 5) in[i] = std::abs(in[i]) * 9;
    for (const Pair& pair : kPairs) {
      SCOPED_TRACE(layer.name + ": " + pair.weights + " x " + pair.input);
      const QuantSpec spec = Spec(pair.weights, pair.input);
      FakeLayer fake(layer, folded, spec);
      IntegerLayer integer(layer, folded, spec);
      ASSERT_TRUE(fake.integers());
      ASSERT_EQ(integer.needs_params(), fake.needs_params());
      if (fake.needs_params()) {
        const auto params =
            ChooseParams(spec.ForInput(layer).value(), {-3.0f, 7.0f});
        fake.SetParams({params});
        integer.SetParams({params});
      }
      const std::size_t n = layer.out.size();
      std::vector<float> out(kImages * n + 1, 42), expected(kImages * n);
      integer.Run(kImages, in, std::span(out).first(kImages * n));
      for (std::size_t i = 0; i < kImages; ++i) {
        fake.Run(std::span(in).subspan(i * layer.in.size(), layer.in.size()),
                 std::span(expected).subspan(i * n, n));
      }
      EXPECT_EQ(out.back(), 42);
      out.pop_back();
      ASSERT_EQ(out, expected);
    }
  }
}

TEST_P(IntegerLayerTest, NetworksGiveTheSameLogits) {
  const Model model = ResNetCifar(8, 0.5);
  const Weights weights = RandomWeights(model, 2);
  std::mt19937 rng(3);
  const auto images = Normal(3 * model.input.size(), rng);
  for (const QuantSpec& spec :
       {Spec("int8/channel", "int8"), Spec("int4/channel", "int4"),
        Spec("int4/channel", "uint4", "int8"),
        Spec("int8/channel", "asym:uint8"),
        Spec("ternary/channel", "int8/token")}) {
    Network fake(model, weights, spec);
    Network integer(model, weights, spec, QuantEngine::kInteger);
    EXPECT_EQ(integer.needs_calibration(), fake.needs_calibration());
    if (fake.needs_calibration()) {
      fake.Calibrate(images, Calibration::kMse);
      integer.Calibrate(images, Calibration::kMse);
    }
    EXPECT_EQ(integer.Run(images), fake.Run(images));
  }
}

// Codes from layer to layer, through both kinds of shortcut and the pool.
TEST_P(IntegerLayerTest, ChainedNetworksGiveTheSameLogits) {
  std::mt19937 rng(4);
  for (const Model& model : {ResNetCifar(8, 0.5), ResNet8(0.5)}) {
    const Weights weights = RandomWeights(model, 2);
    const auto images = Normal(3 * model.input.size(), rng);
    for (QuantSpec spec :
         {Spec("int8/channel", "int8"), Spec("int4/channel", "asym:uint8"),
          Spec("int4/channel", "int4", "int8"),
          Spec("ternary/channel", "asym:int8")}) {
      spec.chain = true;
      Network fake(model, weights, spec);
      Network integer(model, weights, spec, QuantEngine::kInteger);
      EXPECT_TRUE(integer.needs_calibration());
      EXPECT_THROW(integer.Run(images), std::invalid_argument);
      fake.Calibrate(images, Calibration::kAbsMax);
      integer.Calibrate(images, Calibration::kAbsMax);
      const auto logits = integer.Run(images);
      EXPECT_EQ(logits, fake.Run(images));
      // Not far from the float network: codes of 8 bits.
      if (spec.activations != ParseScheme("int8")) continue;
      const auto exact = Network(model, weights).Run(images);
      double error = 0, size = 0;
      for (std::size_t i = 0; i < exact.size(); ++i) {
        error += std::abs(double{logits[i]} - double{exact[i]});
        size += std::abs(double{exact[i]});
      }
      EXPECT_LT(error, 0.2 * size) << model.name;
    }
  }
}

TEST(IntegerLayer, ChainsAreOfStaticIntegers) {
  const Model model = ResNetCifar(8, 0.25);
  const Weights weights = RandomWeights(model, 2);
  for (QuantSpec spec :
       {Spec("int8/channel", ""), Spec("int8", "int8/token"),
        Spec("int8", "fp8_e4m3"), Spec("int8", "aqt:int8/channel"),
        Spec("fp8_e4m3", "int8"), Spec("asym:int8", "int8"), Spec("", "int8"),
        Spec("int4/group4", "int8")}) {
    spec.chain = true;
    EXPECT_THROW(Network(model, weights, spec), InputError);
  }
}

TEST(IntegerLayer, RefusesWhatIntegersDoNotHold) {
  const Layer layer = Layers()[0];
  const FoldedWeights folded{
      std::vector<float>(layer.out.channels * layer.reduction(), 1),
      std::vector<float>(layer.out.channels)};
  const auto make = [&](const char* weights, const char* input) {
    IntegerLayer(layer, folded, Spec(weights, input));
  };
  for (const Pair& pair :
       {Pair{"int8", "aqt:int8/channel"}, Pair{"int4/group4", "int8"},
        Pair{"fp8_e4m3", "int8"}, Pair{"int8", "mxint8"}, Pair{"int8", ""},
        Pair{"", "int8"}, Pair{"hint4", "int8"}}) {
    EXPECT_THROW(make(pair.weights, pair.input), InputError)
        << pair.weights << " x " << pair.input;
  }
  IntegerLayer token(layer, folded, Spec("int8", "int8/token"));
  EXPECT_THROW(token.SetParams({QuantParams{}}), std::invalid_argument);
  IntegerLayer integer(layer, folded, Spec("int8", "int8"));
  std::vector<float> in(layer.in.size()), out(layer.out.size());
  EXPECT_THROW(integer.Run(1, in, out), std::invalid_argument);
  EXPECT_THROW(integer.SetParams(std::vector<QuantParams>(2)),
               std::invalid_argument);
  integer.SetParams({QuantParams{}});
  EXPECT_THROW(integer.Run(2, in, out), std::invalid_argument);
  EXPECT_THROW(integer.Run(1, in, in), std::invalid_argument);
  integer.Run(1, in, out);
}

}  // namespace
}  // namespace nibble::nn
