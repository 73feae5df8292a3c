// The layers of training: products against the definition in double, every
// instruction set; gradients of whole networks against finite differences.
#include <cmath>
#include <random>

#include "hwy/tests/hwy_gtest.h"
#include "network_data.hpp"
#include "nibble/qat/conv.hpp"
#include "nibble/qat/graph.hpp"
#include "nibble/qat/loss.hpp"

namespace nibble::qat {
namespace {

using nn::Normal;

struct Case {
  const char* name;
  nn::Conv2dShape shape;
  bool dense = false;
};

// Kernels, strides, paddings and groups in use, and odd ones: tails of pixels,
// of outputs and of inputs, a stride larger than the kernel, depthwise.
const Case kCases[] = {
    {"3 channels", {{8, 8, 3}, {8, 8, 16}, {3, 3}, {1, 1}, {1, 1}}},
    {"16 to 16", {{8, 8, 16}, {8, 8, 16}, {3, 3}, {1, 1}, {1, 1}}},
    {"16 to 32 stride 2", {{8, 8, 16}, {4, 4, 32}, {3, 3}, {2, 2}, {1, 1}}},
    {"SAME stride 2", {{8, 8, 16}, {4, 4, 32}, {3, 3}, {2, 2}, {0, 0}}},
    {"1x1 stride 2", {{8, 8, 16}, {4, 4, 32}, {1, 1}, {2, 2}, {0, 0}}},
    {"64 to 64", {{4, 4, 64}, {4, 4, 64}, {3, 3}, {1, 1}, {1, 1}}},
    {"odd", {{7, 9, 5}, {4, 5, 17}, {3, 3}, {2, 2}, {1, 1}}},
    {"4 to 8", {{5, 6, 4}, {5, 6, 8}, {3, 3}, {1, 1}, {1, 1}}},
    {"stride 3, kernel 4x2", {{9, 5, 2}, {3, 3, 3}, {4, 2}, {3, 2}, {1, 0}}},
    {"5x5 valid", {{14, 14, 6}, {10, 10, 16}, {5, 5}, {1, 1}, {0, 0}}},
    {"groups", {{5, 5, 6}, {5, 5, 8}, {3, 3}, {1, 1}, {1, 1}, 2}},
    {"depthwise", {{6, 6, 9}, {3, 3, 9}, {3, 3}, {2, 2}, {1, 1}, 9}},
    {"dense", {{1, 1, 37}, {1, 1, 10}}, true},
    {"dense wide", {{1, 1, 64}, {1, 1, 64}}, true},
};

// Calls body(in, w, out) with the indices of every product of a convolution.
template <class Body>
void ForProducts(const nn::Conv2dShape& s, std::size_t images,
                 const Body& body) {
  const std::size_t area = s.kernel.area();
  for (std::size_t b = 0; b < images; ++b) {
    for (std::size_t o = 0; o < s.out.size(); ++o) {
      const std::size_t c = o % s.out.channels, pixel = o / s.out.channels;
      const std::size_t first = c / s.out_channels() * s.in_channels();
      for (std::size_t tap = 0; tap < area; ++tap) {
        const std::size_t y = pixel / s.out.width * s.stride.height +
                              tap / s.kernel.width - s.padding.height;
        const std::size_t x = pixel % s.out.width * s.stride.width +
                              tap % s.kernel.width - s.padding.width;
        if (y >= s.in.height || x >= s.in.width) continue;  // or wrapped
        for (std::size_t k = 0; k < s.in_channels(); ++k) {
          body(b * s.in.size() + (y * s.in.width + x) * s.in.channels + first +
                   k,
               (c * area + tap) * s.in_channels() + k, b * s.out.size() + o);
        }
      }
    }
  }
}

// tight [images, shape] to `layout`, or back.
template <class Copy>
void ForElements(const Layout& layout, std::size_t images, const Copy& copy) {
  const nn::Shape& s = layout.shape;
  std::size_t i = 0;
  for (std::size_t b = 0; b < images; ++b) {
    for (std::size_t y = 0; y < s.height; ++y) {
      for (std::size_t x = 0; x < s.width * s.channels; ++x) {
        copy(b * layout.image() + layout.origin() + y * layout.row() + x, i++);
      }
    }
  }
}

AlignedVector<float> InLayout(const Layout& layout, std::size_t images,
                              const std::vector<float>& tight) {
  AlignedVector<float> out(images * layout.image() + kSlack);
  ForElements(layout, images,
              [&](std::size_t to, std::size_t i) { out[to] = tight[i]; });
  return out;
}

// One sum of products, and what its float result may be off: n roundings of
// partial sums, each at most sum |products| * 2^-24.
struct Sum {
  double value = 0, magnitude = 0;
  std::size_t terms = 0;
  void Add(double product) {
    value += product;
    magnitude += std::abs(product);
    ++terms;
  }
  double bound() const {
    return static_cast<double>(terms + 1) * 0x1p-24 * magnitude;
  }
};

void ExpectNear(const std::vector<Sum>& sums, const float* got,
                const char* what, const char* name) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    ASSERT_NEAR(sums[i].value, got[i], sums[i].bound())
        << what << " of " << name << ", element " << i;
  }
}

class Products : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(Products);

TEST_P(Products, AreTheirDefinition) {
  std::mt19937 rng(1);
  constexpr std::size_t kImages = 5;
  for (const Case& c : kCases) {
    const nn::Conv2dShape& s = c.shape;
    Layout layout = Conv::Border(s);
    if (!c.dense) layout.top += 1, layout.right += 1;  // wider than it needs
    const Conv conv(s, layout, c.dense, kImages);
    const auto x = Normal(kImages * s.in.size(), rng);
    const auto w = Normal(s.out.channels * s.reduction(), rng);
    const auto dz = Normal(kImages * s.out.size(), rng);
    std::vector<Sum> z(dz.size()), dx(x.size()), dw(w.size());
    ForProducts(s, kImages, [&](std::size_t i, std::size_t j, std::size_t o) {
      z[o].Add(double{x[i]} * w[j]);
      dx[i].Add(double{dz[o]} * w[j]);
      dw[j].Add(double{dz[o]} * x[i]);
    });
    const auto xs = InLayout(layout, kImages, x);
    const auto ds = InLayout(conv.gradient(), kImages, dz);
    AlignedVector<float> packed(conv.packed_size());
    conv.Pack(w.data(), packed.data());
    // Dense layers work on whole fours of images.
    constexpr float kGuard = 1234;
    const std::size_t room = c.dense ? 8 : kImages;
    AlignedVector<float> out(room * s.out.size() + 1, kGuard);
    conv.Forward(xs.data(), packed.data(), kImages, out.data());
    ExpectNear(z, out.data(), "z", c.name);
    EXPECT_EQ(out.back(), kGuard);
    AlignedVector<float> back(room * s.in.size() + 1, kGuard);
    conv.BackwardData(ds.data(), packed.data(), kImages, false, back.data());
    ExpectNear(dx, back.data(), "dx", c.name);
    EXPECT_EQ(back.back(), kGuard);
    conv.BackwardData(ds.data(), packed.data(), kImages, true, back.data());
    for (std::size_t i = 0; i < dx.size(); ++i) {
      ASSERT_NEAR(back[i], 2 * dx[i].value, 3 * dx[i].bound()) << c.name;
    }
    std::vector<float> grad(w.size() + 1, 0.0f);
    grad.back() = kGuard;
    conv.BackwardWeights(ds.data(), xs.data(), kImages, grad.data());
    ExpectNear(dw, grad.data(), "dw", c.name);
    EXPECT_EQ(grad.back(), kGuard);
  }
}

TEST(Conv, RefusesALayoutWithoutItsBorder) {
  const nn::Conv2dShape s{{8, 8, 3}, {8, 8, 16}, {3, 3}, {1, 1}, {1, 1}};
  EXPECT_THROW(Conv(s, Layout{s.in}, false, 1), std::invalid_argument);
}

// A residual block with everything: batch norm with and without ReLU, option A
// shortcut and projection, max and average pool, bias.
nn::Model Everything() {
  nn::Model model;
  model.name = "everything";
  model.input = {6, 6, 2};
  model.classes = 3;
  const auto add = [&](nn::LayerKind kind, const char* name, int input,
                       nn::Shape out) -> nn::Layer& {
    nn::Layer layer;
    layer.kind = kind, layer.name = name, layer.input = input;
    layer.in = model.shape(input), layer.out = out;
    model.layers.push_back(layer);
    return model.layers.back();
  };
  const auto conv = [&](const char* name, int input, nn::Shape out,
                        std::size_t kernel, std::size_t stride) -> nn::Layer& {
    nn::Layer& layer = add(nn::LayerKind::kConv2d, name, input, out);
    layer.kernel = {kernel, kernel}, layer.stride = {stride, stride};
    layer.padding = {kernel / 2, kernel / 2};
    return layer;
  };
  nn::Layer* layer = &conv("stem", nn::kImage, {6, 6, 4}, 3, 1);  // 0
  layer->batch_norm = "bn0", layer->bias = false, layer->relu = true;
  layer = &conv("down", 0, {3, 3, 8}, 3, 2);  // 1
  layer->batch_norm = "bn1", layer->bias = false;
  layer = &add(nn::LayerKind::kAdd, "option-a", 1, {3, 3, 8});  // 2
  layer->input2 = 0, layer->stride = {2, 2}, layer->relu = true;
  conv("grouped", 2, {3, 3, 8}, 3, 1).groups = 2;  // 3
  layer = &conv("shortcut", 2, {3, 3, 8}, 1, 1);   // 4
  layer->relu = true;
  layer = &add(nn::LayerKind::kAdd, "sum", 3, {3, 3, 8});  // 5
  layer->input2 = 4;
  layer = &add(nn::LayerKind::kMaxPool, "max", 5, {2, 2, 8});  // 6
  layer->kernel = {2, 2}, layer->stride = {2, 2};
  add(nn::LayerKind::kAvgPool, "mean", 6, {1, 1, 8});  // 7
  add(nn::LayerKind::kLinear, "fc1", 7, {1, 1, 5}).relu = true;
  add(nn::LayerKind::kLinear, "fc2", 8, {1, 1, 3});
  return model;
}

// A graph with random parameters and inputs, and its loss.
struct Net {
  explicit Net(nn::Model m, std::size_t n)
      : images(n), graph(m, n, false), workspace(graph.MakeWorkspace()) {
    std::mt19937 rng(7);
    parameters = Normal(graph.table().size, rng, 0.5f);
    inputs = Normal(n * m.input.size(), rng);
    for (std::size_t i = 0; i < n; ++i) {
      labels.push_back(static_cast<std::uint8_t>(i % m.classes));
    }
    step.packed.resize(m.layers.size());
    step.grids.resize(m.layers.size());
  }

  double Loss(ShardResult& result, bool backward) {
    step.parameters = parameters;
    const nn::Model& m = graph.model();
    for (std::size_t i = 0; i < m.layers.size(); ++i) {
      if (!m.layers[i].has_weights()) continue;
      graph.Pack(i, &parameters[graph.table().layers[i].weight],
                 step.packed[i]);
    }
    ForElements(graph.input_layout(), images,
                [&](std::size_t to, std::size_t i) {
                  workspace.input()[to] = inputs[i];
                });
    const auto logits = graph.Forward(step, images, workspace, result);
    std::vector<float> d(logits.size());
    const double loss = CrossEntropy<float>({}, logits, labels, {}, 1, d);
    if (backward) graph.Backward(step, images, d, workspace, result);
    return loss;
  }

  std::size_t images;
  Graph graph;
  Workspace workspace;
  std::vector<float> parameters, inputs;
  std::vector<std::uint8_t> labels;
  StepInputs step;
};

// The loss as a function of one number is smooth but for ReLU and max pool;
// with a step of h its float value is good to about 2^-22 of itself, so that
// differences are good to 2^-22 * loss / h, and to O(h^2) of the function.
TEST(Graph, GradientsAreFiniteDifferences) {
  Net net(Everything(), 5);
  ShardResult result = net.graph.MakeResult();
  const double loss = net.Loss(result, true);
  ASSERT_TRUE(std::isfinite(loss));
  std::size_t off = 0, all = 0;
  for (const Parameter& p : net.graph.table().all) {
    double worst = 0, largest = 0;
    for (std::size_t i = p.offset; i < p.offset + p.size; ++i) {
      constexpr float kStep = 0x1p-9f;
      const float kept = net.parameters[i];
      ShardResult ignored = net.graph.MakeResult();
      net.parameters[i] = kept + kStep;
      const double above = net.Loss(ignored, false);
      net.parameters[i] = kept - kStep;
      const double below = net.Loss(ignored, false);
      net.parameters[i] = kept;
      const double slope = (above - below) / (2 * kStep);
      const double error = std::abs(slope - result.gradient[i]);
      // A kink between the two points is rare, and seen as a large error.
      ++all;
      if (error > 0.02 * std::abs(slope) + 0.01) {
        ++off;
      } else {
        worst = std::max(worst, error);
      }
      largest = std::max(largest, std::abs(slope));
    }
    EXPECT_GT(largest, 0) << p.name << " has no gradient at all";
    EXPECT_LT(worst, 0.05 * largest + 0.01) << p.name;
  }
  EXPECT_LE(off, all / 50) << "of " << all;
}

TEST(Graph, RunningMomentsReplaceTheBatchs) {
  Net net(Everything(), 5);
  ShardResult batch = net.graph.MakeResult();
  const double loss = net.Loss(batch, false);
  // Biased variances give the same normalization; moments hold unbiased ones.
  std::vector<float> moments(batch.moments.begin(), batch.moments.end());
  for (std::size_t i = 0; i < net.graph.table().layers.size(); ++i) {
    const nn::Layer& layer = net.graph.model().layers[i];
    const std::size_t at = net.graph.table().layers[i].moments;
    if (at == LayerParameters::kNone) continue;
    const auto n = static_cast<float>(5 * layer.out.pixels());
    for (std::size_t c = 0; c < layer.out.channels; ++c) {
      moments[at + layer.out.channels + c] *= (n - 1) / n;
    }
  }
  net.step.moments = moments;
  ShardResult fixed = net.graph.MakeResult();
  EXPECT_NEAR(net.Loss(fixed, false), loss, 1e-4);
}

TEST(Graph, NamesTheLayerThatIsNotFinite) {
  Net net(Everything(), 5);
  ShardResult result = net.graph.MakeResult();
  net.Loss(result, false);
  EXPECT_EQ(net.graph.FirstNotFinite(5, net.workspace), nn::kNoLayer);
  net.parameters[net.graph.table().layers[3].weight] =
      std::numeric_limits<float>::infinity();
  net.Loss(result, false);
  EXPECT_EQ(net.graph.FirstNotFinite(5, net.workspace), 3);
}

// In double, where differences are good to 1e-7.
TEST(Loss, GradientIsAFiniteDifference) {
  std::mt19937 rng(3);
  std::normal_distribution<double> normal;
  std::vector<double> logits(12), teacher(12), gradient(12), ignored(12);
  for (double& z : logits) z = 2 * normal(rng);
  for (double& z : teacher) z = 2 * normal(rng);
  const std::vector<std::uint8_t> labels = {0, 3, 1};
  for (const LossOptions options :
       {LossOptions{}, LossOptions{0.1, 0, 1}, LossOptions{0, 1, 4},
        LossOptions{0.2, 0.7, 2}}) {
    const auto loss = [&] {
      return CrossEntropy<double>(options, logits, labels, teacher, 1, ignored);
    };
    CrossEntropy<double>(options, logits, labels, teacher, 1, gradient);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      constexpr double kStep = 1e-5;
      const double kept = logits[i];
      logits[i] = kept + kStep;
      const double above = loss();
      logits[i] = kept - kStep;
      const double below = loss();
      logits[i] = kept;
      EXPECT_NEAR((above - below) / (2 * kStep), gradient[i], 1e-7);
    }
  }
}

TEST(Loss, GoldenValues) {
  // Uniform logits: log of the number of classes, whatever the smoothing.
  const std::vector<double> zero(4);
  std::vector<double> d(4);
  const std::vector<std::uint8_t> label = {2};
  EXPECT_NEAR(CrossEntropy<double>({0.1, 0, 1}, zero, label, {}, 1, d),
              std::log(4.0), 1e-15);
  EXPECT_NEAR(d[2], 0.25 - 0.925, 1e-15);
  EXPECT_NEAR(d[0], 0.25 - 0.025, 1e-15);
  // A student equal to its teacher has no loss to learn from it.
  const std::vector<double> z = {1, -2, 0.5, 3};
  EXPECT_NEAR(CrossEntropy<double>({0, 1, 3}, z, label, z, 1, d), 0, 1e-15);
  EXPECT_NEAR(d[1], 0, 1e-15);
  EXPECT_THROW(CrossEntropy<double>({0, 1, 3}, z, label, {}, 1, d),
               std::invalid_argument);
}

}  // namespace
}  // namespace nibble::qat
