// One quantized layer against the rules of docs/quantization-points.md.
#include "nibble/nn/fake_layer.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "hwy/tests/hwy_gtest.h"
#include "network_data.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble::nn {
namespace {

// 1. Which scheme goes where, and what integers hold.

TEST(QuantSpec, EndsReplaceBothAtTheEnds) {
  const QuantSpec spec = Spec("int4/channel", "int4", "int8");
  Layer layer;
  EXPECT_EQ(spec.ForWeights(layer), ParseScheme("int4/channel"));
  EXPECT_EQ(spec.ForInput(layer), ParseScheme("int4"));
  for (const Role role : {Role::kFirst, Role::kLast}) {
    layer.role = role;
    EXPECT_EQ(spec.ForWeights(layer), ParseScheme("int8"));
    EXPECT_EQ(spec.ForInput(layer), ParseScheme("int8"));
    EXPECT_EQ(Spec("int4", "").ForInput(layer), std::nullopt);
  }
}

TEST(FakeLayer, IntegersHoldWhatTheListSays) {
  const auto hold = [](const char* w, const char* x, std::size_t k = 576) {
    return IntegersHold(ParseScheme(w), ParseScheme(x), k);
  };
  EXPECT_TRUE(hold("int8/channel", "int8"));
  EXPECT_TRUE(hold("int4", "uint8"));
  EXPECT_TRUE(hold("int8/channel", "asym:uint8"));
  EXPECT_TRUE(hold("ternary/channel", "int8/token"));
  EXPECT_FALSE(hold("int4/group32", "int8"));
  EXPECT_FALSE(hold("int8", "aqt:int8/channel"));
  EXPECT_FALSE(hold("fp8_e4m3", "int8"));
  EXPECT_FALSE(hold("int8", "fp8_e4m3"));
  EXPECT_FALSE(hold("hint4", "int8"));
  EXPECT_FALSE(hold("mxint8", "mxint8"));
  // 128 * 128 * 65,536 is 2^30.
  EXPECT_TRUE(hold("int8", "int8", 65535));
  EXPECT_FALSE(hold("int8", "int8", 65536));
}

TEST(FakeLayer, BiasCodes) {
  EXPECT_EQ(BiasCode(2.5f, 1), 2);  // halves to even
  EXPECT_EQ(BiasCode(3.5f, 1), 4);
  EXPECT_EQ(BiasCode(-0.75f, 0.5f), -2);
  EXPECT_EQ(BiasCode(1, 1e-30f), kBiasLimit);
  EXPECT_EQ(BiasCode(-1, 1e-30f), -kBiasLimit);
  EXPECT_EQ(Requantized(-3, 0.5f, true), 0.0f);
  EXPECT_EQ(Requantized(-3, 0.5f, false), -1.5f);
  EXPECT_EQ(Requantized(16777217, 1, true), 16777216.0f);  // float(2^24 + 1)
}

// 2. The integer rule, computed here in int64 from the codes.

struct OneLayer {
  Layer layer;
  FoldedWeights folded;
  std::vector<float> in;
};

OneLayer RandomLayer() {
  std::mt19937 rng(7);
  OneLayer one;
  one.layer.in = {5, 4, 6};
  one.layer.out = {3, 2, 9};
  one.layer.kernel = {3, 3};
  one.layer.stride = {2, 2};
  one.layer.padding = {1, 1};
  one.layer.relu = true;
  one.folded.weight = Normal(9 * one.layer.reduction(), rng);
  one.folded.bias = Normal(9, rng);
  one.in = Normal(one.layer.in.size(), rng, 2);
  return one;
}

std::int64_t IntegerSum(const Layer& layer, std::span<const float> x,
                        std::span<const float> w, std::size_t pixel,
                        std::size_t o) {
  std::int64_t sum = 0;
  const std::size_t channels = layer.in.channels;
  for (std::size_t tap = 0; tap < 9; ++tap) {
    const std::size_t y = pixel / layer.out.width * 2 + tap / 3 - 1;
    const std::size_t xx = pixel % layer.out.width * 2 + tap % 3 - 1;
    if (y >= layer.in.height || xx >= layer.in.width) continue;
    for (std::size_t c = 0; c < channels; ++c) {
      sum += static_cast<std::int64_t>(
                 x[(y * layer.in.width + xx) * channels + c]) *
             static_cast<std::int64_t>(w[(o * 9 + tap) * channels + c]);
    }
  }
  return sum;
}

class FakeLayerTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(FakeLayerTest);

TEST_P(FakeLayerTest, IntegerLayersFollowTheRule) {
  const OneLayer one = RandomLayer();
  const std::size_t n = one.layer.out.channels;
  for (const auto& [w_name, x_name] :
       {std::pair{"int8/channel", "int8"}, std::pair{"int4", "int4"},
        std::pair{"ternary/channel", "asym:uint8"},
        std::pair{"int3/channel", "int8/token"}}) {
    SCOPED_TRACE(std::string(w_name) + " x " + x_name);
    FakeLayer fake(one.layer, one.folded, Spec(w_name, x_name));
    ASSERT_TRUE(fake.integers());
    const Scheme x_scheme = ParseScheme(x_name);
    const bool token = x_scheme.granularity == Granularity::kToken;
    EXPECT_EQ(fake.needs_params(), !token);
    std::vector<QuantParams> params;
    if (!token) {
      params.push_back({.scale = 0.031f, .zero_point = 0});
      if (x_scheme.recipe == Recipe::kAsym) params[0].zero_point = 101;
      fake.SetParams(params);
    }
    std::vector<float> out(one.layer.out.size());
    fake.Run(one.in, out);

    const QuantizedTensor w = QuantizeTensor(
        ParseScheme(w_name), one.folded.weight, n, one.layer.reduction());
    const QuantizedTensor x =
        token ? QuantizeTensor(x_scheme, one.in, 1, one.in.size())
              : QuantizeTensor(x_scheme, one.in, one.layer.in.pixels(),
                               one.layer.in.channels, params);
    const auto w_codes = CodeValues(w), x_codes = CodeValues(x);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t o = i % n;
      const float s = w.scales[w.scales.size() == 1 ? 0 : o] * x.scales[0];
      const auto bias = static_cast<std::int64_t>(
          std::nearbyint(double{one.folded.bias[o]} / double{s}));
      const std::int64_t sum =
          bias + IntegerSum(one.layer, x_codes, w_codes, i / n, o);
      const float y = static_cast<float>(static_cast<double>(sum)) * s;
      ASSERT_EQ(out[i], std::max(y, 0.0f)) << i;
    }
  }
}

// 3. Other formats: float64 over dequantized values.

TEST_P(FakeLayerTest, OtherFormatsAreMultipliedAsFloats) {
  OneLayer one = RandomLayer();
  one.layer.relu = false;
  const std::size_t n = one.layer.out.channels;
  const Shape& shape = one.layer.in;
  for (const auto& [w_name, x_name] :
       {std::pair{"fp8_e4m3/channel", "mxfp8_e4m3"},
        std::pair{"int4/group16", "int8/group4"}, std::pair{"", "mxfp4"}}) {
    SCOPED_TRACE(std::string(w_name) + " x " + x_name);
    FakeLayer fake(one.layer, one.folded, Spec(w_name, x_name));
    ASSERT_FALSE(fake.integers());
    std::vector<float> out(one.layer.out.size());
    fake.Run(one.in, out);
    std::vector<float> w = one.folded.weight, x(one.in.size());
    if (*w_name != 0) {
      QuantizeDequantize(ParseScheme(w_name), one.folded.weight, n,
                         one.layer.reduction(), w);
    }
    QuantizeDequantize(ParseScheme(x_name), one.in, shape.pixels(),
                       shape.channels, x);
    std::vector<double> sums(out.size());
    FakeConv2d(ConvShapeOf(one.layer), w).Run(x, sums);
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_EQ(out[i],
                static_cast<float>(sums[i] + double{one.folded.bias[i % n]}));
    }
  }
}

TEST(FakeLayer, ChannelScalesAreForInputChannels) {
  OneLayer one = RandomLayer();
  FakeLayer fake(one.layer, one.folded, Spec("int8", "aqt:int8/channel"));
  EXPECT_THROW(fake.SetParams({QuantParams{}}), std::invalid_argument);
  std::vector<QuantParams> params(one.layer.in.channels);
  for (std::size_t c = 0; c < params.size(); ++c) {
    params[c].scale = c == 0 ? 100.0f : 1.0f / 16;  // channel 0 becomes 0
  }
  fake.SetParams(params);
  std::vector<float> with(one.layer.out.size()), without(with.size());
  fake.Run(one.in, with);
  for (std::size_t i = 0; i < one.in.size(); i += 6) one.in[i] = 0;
  fake.Run(one.in, without);
  EXPECT_EQ(with, without);
}

}  // namespace
}  // namespace nibble::nn
