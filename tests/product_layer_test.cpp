// Layers and networks whose products are made by other means.
#include "nibble/nn/product_layer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "network_data.hpp"
#include "nibble/arith/multiplier.hpp"
#include "nibble/nn/approx_product.hpp"
#include "nibble/nn/fake_layer.hpp"
#include "nibble/nn/network.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble::nn {
namespace {

MatrixProduct InDouble(std::size_t* calls = nullptr) {
  return Unpacked([calls](const ProductShape& s, std::span<const float> a,
                          std::span<const float> b, std::span<float> out) {
    if (calls != nullptr) ++*calls;
    for (std::size_t m = 0; m < s.m; ++m) {
      for (std::size_t n = 0; n < s.n; ++n) {
        double sum = 0;
        for (std::size_t k = 0; k < s.k; ++k) {
          sum += double{a[m * s.k + k]} * double{b[n * s.k + k]};
        }
        out[m * s.n + n] = static_cast<float>(sum);
      }
    }
  });
}

Layer Convolution(std::size_t groups, std::size_t stride, bool relu) {
  Layer layer;
  layer.kind = LayerKind::kConv2d;
  layer.in = {7, 6, 4};
  layer.out = {(7 + stride - 1) / stride, (6 + stride - 1) / stride, 6};
  layer.kernel = {3, 3};
  layer.stride = {stride, stride};
  layer.padding = {1, 1};
  layer.groups = groups;
  layer.relu = relu;
  return layer;
}

FoldedWeights RandomFolded(const Layer& layer, unsigned seed) {
  std::mt19937 rng(seed);
  return {Normal(layer.out.channels * layer.reduction(), rng),
          Normal(layer.out.channels, rng)};
}

TEST(ProductLayer, WithExactProductsIsTheConvolution) {
  unsigned seed = 1;
  for (const std::size_t groups : {1u, 2u}) {
    for (const std::size_t stride : {1u, 2u}) {
      const Layer layer = Convolution(groups, stride, stride == 2);
      const FoldedWeights folded = RandomFolded(layer, ++seed);
      std::mt19937 rng(++seed);
      const std::size_t images = 100;  // more than one part
      const auto in = Normal(images * layer.in.size(), rng);
      std::vector<float> exact(images * layer.out.size()), out(exact.size()),
          threads(exact.size());
      const Conv2dShape shape = ConvShapeOf(layer);
      Conv2d(shape, PackFilter(shape, folded.weight, folded.bias), images, in,
             exact, layer.relu);
      std::size_t calls = 0;
      const ProductLayer by_product(layer, folded, {}, InDouble(&calls));
      by_product.Run(images, in, out);
      EXPECT_GE(calls, 2 * groups);
      for (std::size_t i = 0; i < out.size(); ++i) {
        ASSERT_NEAR(out[i], exact[i], 1e-4) << i;
      }
      ThreadPool pool(2);
      ProductLayer(layer, folded, {}, InDouble())
          .Run(images, in, threads, pool.executor());
      EXPECT_EQ(threads, out);
    }
  }
}

// The same numbers as the fake engine where that multiplies floats.
TEST(ProductLayer, QuantizesAsTheFakeEngineDoes) {
  const Layer layer = Convolution(1, 1, true);
  const FoldedWeights folded = RandomFolded(layer, 9);
  std::mt19937 rng(10);
  const auto in = Normal(layer.in.size(), rng);
  for (const QuantSpec& spec :
       {Spec("int4/group4", "mxfp8_e4m3"), Spec("", "int8/token"),
        Spec("mxfp4", "fp8_e4m3"), Spec("nf4/channel", "int8/channel")}) {
    FakeLayer fake(layer, folded, spec);
    ProductLayer by_product(layer, folded, spec, InDouble());
    EXPECT_EQ(fake.needs_params(), by_product.needs_params());
    if (fake.needs_params()) {
      std::vector<float> out(layer.out.size());
      EXPECT_THROW(by_product.Run(1, in, out), std::invalid_argument);
      const bool one = spec.activations->granularity == Granularity::kTensor;
      std::vector<QuantParams> params(one ? 1 : layer.in.channels,
                                      QuantParams{0.02f, 0, 0});
      fake.SetParams(params);
      by_product.SetParams(params);
      params.resize(2);
      EXPECT_THROW(by_product.SetParams(params), std::invalid_argument);
    }
    std::vector<float> expected(layer.out.size()), out(expected.size());
    fake.Run(in, expected);
    by_product.Run(1, in, out);
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_NEAR(out[i], expected[i], 1e-5) << i;
    }
  }
}

TEST(ProductLayer, SizesThatDisagreeThrow) {
  const Layer layer = Convolution(1, 1, false);
  const FoldedWeights folded = RandomFolded(layer, 11);
  ProductLayer by_product(layer, folded, {}, InDouble());
  std::vector<float> in(layer.in.size()), out(layer.out.size());
  EXPECT_THROW(by_product.Run(2, in, out), std::invalid_argument);
  in.resize(2 * in.size());
  EXPECT_THROW(by_product.Run(2, in, out), std::invalid_argument);
  EXPECT_THROW(by_product.SetParams({}), std::invalid_argument);
}

TEST(ProductNetwork, WhereSaysWhichLayersAreMadeByIt) {
  const Model model = ResNetCifar(8, 0.25);
  const Weights weights = RandomWeights(model, 12);
  std::mt19937 rng(13);
  const auto images = Normal(2 * model.input.size(), rng);
  const auto exact = Network(model, weights).Run(images);
  for (const auto& [where, layers] :
       std::vector<std::pair<std::string, std::size_t>>{
           {"conv", 7}, {"dense", 1}, {"all", 8}, {"attention", 0}}) {
    std::size_t calls = 0;
    const Network net(model, weights, {},
                      ProductsWhere(InDouble(&calls), where));
    const auto logits = net.Run(images);
    // One or two calls a layer: 1,024 rows at a time.
    EXPECT_GE(calls, layers) << where;
    EXPECT_EQ(calls == 0, layers == 0) << where;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      ASSERT_NEAR(logits[i], exact[i], 1e-3 * (1 + std::abs(exact[i])));
    }
  }
}

TEST(ProductNetwork, CalibratesInFloat) {
  const Model model = ResNetCifar(8, 0.25);
  const Weights weights = RandomWeights(model, 14);
  std::mt19937 rng(15);
  const auto images = Normal(4 * model.input.size(), rng);
  const QuantSpec spec = Spec("int8/channel", "int8");
  Network fake(model, weights, spec);
  Network by_product(model, weights, spec, ProductsWhere(InDouble(), "all"));
  EXPECT_TRUE(by_product.needs_calibration());
  fake.Calibrate(images, Calibration::kMse);
  by_product.Calibrate(images, Calibration::kMse);
  EXPECT_FALSE(by_product.needs_calibration());
  const auto expected = fake.Run(images), logits = by_product.Run(images);
  double largest = 0;
  for (const float v : expected)
    largest = std::max(largest, double{std::abs(v)});
  for (std::size_t i = 0; i < logits.size(); ++i) {
    ASSERT_NEAR(logits[i], expected[i], 0.05 * largest) << i;
  }
}

TEST(ProductOf, IsApproxGemm) {
  std::mt19937 rng(16);
  const auto a = Normal(3 * 5, rng), b = Normal(4 * 5, rng);
  for (const char* name : {"exact", "lmul:k4", "mitchell", "drum:k6",
                           "truncated:t4", "apot:b4", "lns:g4"}) {
    const Multiplier multiplier = ParseMultiplier(name);
    std::vector<float> expected(12), out(12);
    ApproxGemm(multiplier, a, b, 3, 4, 5, expected);
    ProductOf(multiplier).bind(4, 5, b)(3, a, out);
    EXPECT_EQ(out, expected) << name;
  }
}

}  // namespace
}  // namespace nibble::nn
