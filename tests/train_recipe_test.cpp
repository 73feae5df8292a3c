// Quantization in training: published vectors, and PyTorch's learnable fake
// quantization.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "data.hpp"
#include "nibble/core/check.hpp"
#include "nibble/io/safetensors.hpp"
#include "nibble/qat/dorefa.hpp"
#include "nibble/qat/ema_input.hpp"
#include "nibble/qat/lsq.hpp"
#include "nibble/qat/recipe.hpp"
#include "nibble/quant/recipe.hpp"

namespace nibble::qat {
namespace {

using Floats = std::vector<float>;

nn::Layer DenseLayer(std::size_t inputs, std::size_t outputs) {
  nn::Layer layer;
  layer.kind = nn::LayerKind::kLinear;
  layer.name = "fc";
  layer.in = {1, 1, inputs};
  layer.out = {1, 1, outputs};
  return layer;
}

// LSQ's formulas on v with s = 0.5 (reference text 5.3: 2 and 4 bits, by the
// value and by the code).
TEST(Lsq, Vectors) {
  const Floats v = {-1.2f, -0.3f, 0, 0.26f, 0.74f, 2.5f};
  struct Golden {
    LsqGrid grid;
    Floats value, d_x, d_scale;
  };
  const Golden golden[] = {
      {{-2, 1, false},
       {-1, -0.5f, 0, 0.5f, 0.5f, 0.5f},
       {0, 1, 1, 1, 0, 0},
       {-2, -0.4f, 0, 0.48f, 1, 1}},
      {{-2, 1, true},
       {-1, -0.5f, 0, 0.5f, 0.5f, 0.5f},
       {1, 1, 1, 1, 1, 0},
       {0.4f, -0.4f, 0, 0.48f, -0.48f, 1}},
      {{-8, 7, false},
       {-1, -0.5f, 0, 0.5f, 0.5f, 2.5f},
       {1, 1, 1, 1, 1, 1},
       {0.4f, -0.4f, 0, 0.48f, -0.48f, 0}}};
  for (const Golden& g : golden) {
    for (std::size_t i = 0; i < v.size(); ++i) {
      const LsqResult r = Lsq(v[i], 0.5f, g.grid);
      EXPECT_EQ(r.value, g.value[i]);
      EXPECT_EQ(r.d_x, g.d_x[i]);
      EXPECT_NEAR(r.d_scale, g.d_scale[i], 1e-6);
    }
  }
  EXPECT_NEAR(LsqGradientScale(6, 1), 0.408248, 1e-6);
  double mean = 0;
  for (const float x : v) mean += std::abs(x) / 6;
  EXPECT_NEAR(LsqInitialScale(mean, 7), 0.6299408, 1e-6);
}

// Weights: one scale, upstream gradients of 1: the sums of 5.3.
TEST(Lsq, WeightsAndInputsSumTheirGradients) {
  const Floats v = {-1.2f, -0.3f, 0, 0.26f, 0.74f, 2.5f}, scale = {0.5f};
  const nn::Layer layer = DenseLayer(6, 1);
  const struct {
    const char* recipe;
    Floats d_x;
    double d_scale;
  } golden[] = {{"lsq", {0, 1, 1, 1, 0, 0}, 0.0326599},
                {"lsq-rounded", {1, 1, 1, 1, 1, 0}, 0.408248}};
  for (const auto& g : golden) {
    const TrainingRecipe& recipe = FindRecipe(g.recipe);
    const auto w = recipe.weights(ParseScheme("int2"), {layer});
    Floats dw(6, 1.0f), d_scale(1);
    w->Backward(v, scale, dw, d_scale);
    EXPECT_EQ(dw, g.d_x);
    EXPECT_NEAR(d_scale[0], g.d_scale, 1e-6);

    const auto input = recipe.input(ParseScheme("int2"), {layer});
    const InputGrid grid = input->Grid(0, scale, {});
    InputStep step;
    step.elements = 6;
    step.sums.scale.resize(6), step.sums.above.resize(6);
    const Span4 one{1, 1, 1, 6};
    const Floats ones(6, 1.0f);
    Floats dx(6);
    QuantizeBackward(one, {ones.data(), 6, 6, 6}, {v.data(), 6, 6, 6}, grid,
                     false, {dx.data(), 6, 6, 6}, step.sums.scale.data(),
                     step.sums.above.data());
    EXPECT_EQ(dx, g.d_x);
    Floats learned(1);
    input->Gradient(step, scale, learned);
    EXPECT_NEAR(learned[0], g.d_scale, 1e-6);
  }
}

// x -> xq and gradient by x, upstream 1, of one layer's input.
struct Passed {
  Floats xq, dx;
  std::vector<double> above;
};
Passed Pass(const InputGrid& grid, const Floats& x) {
  const std::size_t n = x.size();
  Passed out{Floats(n), Floats(n), std::vector<double>(n)};
  std::vector<double> scale(n);
  const Floats ones(n, 1.0f);
  const Span4 size{1, 1, 1, n};
  QuantizeForward(size, {x.data(), n, n, n}, grid, {out.xq.data(), n, n, n});
  QuantizeBackward(size, {ones.data(), n, n, n}, {x.data(), n, n, n}, grid,
                   false, {out.dx.data(), n, n, n}, scale.data(),
                   out.above.data());
  return out;
}

// An input quantizer whose averages say `bound`, frozen.
InputGrid Frozen(const std::string& scheme, std::size_t channels, float bound) {
  const nn::Layer layer = DenseLayer(channels, 1);
  const auto input = FindRecipe("aqt").input(ParseScheme(scheme), {layer, true});
  Floats state(input->state());
  for (std::size_t i = 0; i < state.size(); i += 2) state[i] = bound;
  return input->Grid(0, {}, state);
}

TEST(Aqt, PublishedGradients) {
  // Bounds at which 8 bits have a step of 1.
  EXPECT_EQ(Pass(Frozen("int8", 3, 127), {-1000.5f, 5.2f, 130.7f}).dx,
            (Floats{0, 1, 0}));
  EXPECT_EQ(Pass(Frozen("uint8", 3, 256), {-1.5f, 5.2f, 300.2f}).dx,
            (Floats{0, 1, 0}));
  // Unsigned values are floored before they are clipped.
  EXPECT_EQ(Pass(Frozen("uint8", 2, 256), {255.9f, 256.1f}).dx, (Floats{1, 0}));
}

TEST(Aqt, PublishedValues) {
  for (const int bits : {2, 4, 8}) {
    const std::string format = "int" + std::to_string(bits);
    const auto levels = static_cast<float>(1 << bits);
    const Passed positive =
        Pass(Frozen("u" + format, 3, 6), {-0.5f, 6.2f, 3.141f});
    EXPECT_EQ(positive.xq[0], 0);
    EXPECT_FLOAT_EQ(positive.xq[1], (levels - 1) * 6 / levels);
    EXPECT_FLOAT_EQ(positive.xq[2], bits == 8 ? 3.140625f : 3.0f);
    const Passed symmetric = Pass(Frozen(format, 3, 6), {-7, 6.2f, 0});
    EXPECT_FLOAT_EQ(symmetric.xq[0], -6);
    EXPECT_FLOAT_EQ(symmetric.xq[1], 6);
    EXPECT_EQ(symmetric.xq[2], 0);
  }
}

TEST(Aqt, BoundsAreMovingAveragesFrozenOnce) {
  const nn::Layer layer = DenseLayer(2, 1);
  const auto input = FindRecipe("aqt").input(
      ParseScheme("int8/channel"), {layer, false, /*freeze_step=*/3});
  Floats state(input->state());
  ASSERT_EQ(state.size(), 4u);
  InputStep step;
  step.sums.min = {-2, std::numeric_limits<float>::max()};
  step.sums.max = {1, std::numeric_limits<float>::lowest()};
  const InputGrid before = input->Grid(0, {}, state);
  EXPECT_EQ(before.kind, InputGrid::Kind::kOff);
  EXPECT_TRUE(before.observe);
  input->Observe(0, step, state);
  EXPECT_FLOAT_EQ(state[0], 0.1f);   // 0 + 0.1 * (1 - 0)
  EXPECT_FLOAT_EQ(state[1], -0.2f);
  EXPECT_EQ(state[2], 0);  // nothing but zeros: left alone
  step.sums.max[0] = std::numeric_limits<float>::infinity();
  input->Observe(1, step, state);
  EXPECT_FLOAT_EQ(state[0], 0.1f);  // not finite: left alone
  step.sums.max[0] = 3, step.sums.min[1] = 2, step.sums.max[1] = 4;
  input->Observe(2, step, state);
  EXPECT_FLOAT_EQ(state[0], 0.1f + 0.1f * 2.9f);
  EXPECT_FLOAT_EQ(state[2], 0.4f);
  const Floats frozen = state;
  input->Observe(3, step, state);
  EXPECT_EQ(state, frozen);
  const InputGrid after = input->Grid(3, {}, state);
  EXPECT_EQ(after.kind, InputGrid::Kind::kInteger);
  EXPECT_NEAR(after.scale[0], (0.39 + 0x1p-23) / 127, 1e-9);
  EXPECT_NEAR(after.scale[1], (0.4 + 0x1p-23) / 127, 1e-9);
}

// google/aqt's 3.1: int4 scale = absmax / 7.5, the largest shrinks to 7.
TEST(Aqt, SecondVersion) {
  const nn::Layer layer = DenseLayer(4, 1);
  const auto w = FindRecipe("aqt2").weights(ParseScheme("int4"), {layer});
  const Floats x = {7.5f, -7.5f, 3.2f, 0.4f};
  Floats q(4);
  w->Forward(x, {}, q);
  EXPECT_EQ(q, (Floats{7, -7, 3, 0}));
}

TEST(Pact, GradientGoesToTheBoundAboveIt) {
  const nn::Layer layer = DenseLayer(4, 1);
  const auto input =
      FindRecipe("pact").input(ParseScheme("uint2"), {layer, true});
  Floats alpha(1);
  input->Initialize({}, alpha);
  EXPECT_EQ(alpha[0], 6);
  const InputGrid grid = input->Grid(0, alpha, {});
  const Passed passed = Pass(grid, {-1, 1.2f, 5.8f, 7});
  EXPECT_EQ(passed.xq, (Floats{0, 2, 6, 6}));
  EXPECT_EQ(passed.dx, (Floats{0, 1, 1, 0}));
  InputStep step;
  step.sums.above = passed.above;
  Floats d(1);
  input->Gradient(step, alpha, d);
  EXPECT_EQ(d[0], 1);
  EXPECT_TRUE(input->decays());
}

TEST(Dorefa, WeightsAreTanhAndLevelsWithoutZero) {
  const nn::Layer layer = DenseLayer(3, 1);
  const auto w = FindRecipe("dorefa").weights(ParseScheme("int2"), {layer});
  const Floats x = {0.5f, -2.0f, 0.01f};
  Floats q(3), d(3, 1.0f);
  w->Forward(x, {}, q);
  // tanh / max: 0.479, -1, 0.0104; levels -1, -1/3, 1/3, 1.
  EXPECT_FLOAT_EQ(q[0], 1.0f / 3);
  EXPECT_FLOAT_EQ(q[1], -1);
  EXPECT_FLOAT_EQ(q[2], 1.0f / 3);
  w->Backward(x, {}, d, {});
  const double largest = std::tanh(2.0) + 1e-5;
  for (std::size_t i = 0; i < 3; ++i) {
    const double t = std::tanh(double{x[i]});
    EXPECT_NEAR(d[i], (1 - t * t) / largest, 1e-6);
  }
  const auto input =
      FindRecipe("dorefa").input(ParseScheme("uint2"), {layer, true});
  EXPECT_EQ(Pass(input->Grid(0, {}, {}), {-0.5f, 0.4f, 1.5f}).dx,
            (Floats{0, 1, 0}));
}

TEST(Recipes, RefuseWhatALayerCannotHold) {
  const nn::Layer layer = DenseLayer(4, 1);
  const auto weights = [&](const char* recipe, const char* scheme) {
    FindRecipe(recipe).weights(ParseScheme(scheme), {layer});
  };
  const auto input = [&](const char* recipe, const char* scheme) {
    FindRecipe(recipe).input(ParseScheme(scheme), {layer, false});
  };
  EXPECT_THROW(weights("plain", "uint4"), InputError);
  EXPECT_THROW(weights("plain", "int8/token"), InputError);
  EXPECT_THROW(weights("aqt", "fp8_e4m3"), InputError);
  EXPECT_THROW(weights("aqt2", "uint8"), InputError);
  EXPECT_THROW(weights("lsq", "ternary/channel"), InputError);
  EXPECT_THROW(weights("lsq", "int4/group32"), InputError);
  EXPECT_THROW(weights("dorefa", "uint4"), InputError);
  for (const char* recipe : {"plain", "aqt", "aqt2", "lsq", "pact", "dorefa"}) {
    EXPECT_THROW(input(recipe, "uint4"), InputError) << recipe;
  }
  EXPECT_THROW(FindRecipe("lsq2"), InputError);
}

constexpr char kDir[] = "golden/torch_fake_quant";

// One tensor or row of PyTorch's learnable fake quantization against Lsq with
// the range shifted by the zero point. `odd` zero points: PyTorch's backward
// pass rounds ties another way than its forward pass, so those are left out of
// x's gradient, and counted.
struct Sums {
  double scale = 0, zero = 0;
  std::size_t ties = 0;
};
Sums CompareRow(std::span<const float> x, std::span<const float> upstream,
                std::span<const float> value, std::span<const float> grad_x,
                float scale, float zero, float low, float high) {
  const LsqGrid grid{low - zero, high - zero, true};
  Sums sums;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const LsqResult r = Lsq(x[i], scale, grid);
    EXPECT_EQ(r.value, value[i]) << i;
    const float y = x[i] * (1.0f / scale);
    const bool tie = y - std::floor(y) == 0.5f;
    if (tie && std::fmod(zero, 2.0f) != 0) {
      ++sums.ties;
    } else {
      EXPECT_EQ(r.d_x * upstream[i], grad_x[i]) << i;
    }
    sums.scale += double{upstream[i]} * r.d_scale;
    sums.zero += double{upstream[i]} * (r.d_x == 1 ? 0 : -scale);
  }
  return sums;
}

TEST(TorchGolden, LearnableFakeQuantization) {
  NIBBLE_NEED_DATA(kDir);
  int cases = 0;
  for (const std::string number : {"", "2"}) {
    const auto dir = testing::DataDir() / kDir;
    std::ifstream json(dir / ("parameters" + number + ".json"));
    const auto all = nlohmann::json::parse(json);
    const auto file =
        io::SafeTensors::Open(dir / ("golden" + number + ".safetensors"));
    const auto get = [&](const std::string& name) {
      return io::ToFloat(file.Get(name));
    };
    for (const auto& [name, p] : all.items()) {
      if (!name.starts_with("learnable")) continue;
      SCOPED_TRACE(name);
      const bool channel = name.starts_with("learnable_channel");
      const Floats value = get(name), up = get(name + ".upstream");
      const Floats dx = get(name + ".grad_x");
      const std::size_t cols = value.size() / 8;
      const Floats whole = get("x");
      Floats x;
      for (std::size_t i = 0; i < value.size(); ++i) {
        const float v = whole[i / cols * (whole.size() / 8) + i % cols];
        x.push_back(number == "2" && !channel ? std::clamp(v, -200.0f, 200.0f)
                                              : v);
      }
      const Floats scales = channel ? get(name + ".scale")
                                    : Floats{p.at("scale").get<float>()};
      const Floats zeros = channel ? get(name + ".zero_point")
                                   : Floats{p.at("zero_point").get<float>()};
      const Floats d_scale = get(name + ".grad_scale");
      const Floats d_zero = get(name + ".grad_zero_point");
      const double factor = p.at("grad_factor").get<double>();
      const std::size_t part = value.size() / scales.size();
      for (std::size_t s = 0; s < scales.size(); ++s) {
        const auto row = [&](const Floats& v) {
          return std::span(v).subspan(s * part, part);
        };
        const Sums sums = CompareRow(
            row(x), row(up), row(value), row(dx), scales[s],
            std::nearbyint(zeros[s]), p.at("qmin").get<float>(),
            p.at("qmax").get<float>());
        if (sums.ties > 0) continue;
        EXPECT_NEAR(sums.scale * factor, d_scale[s],
                    2e-4 * std::max(1.0f, std::abs(d_scale[s])));
        EXPECT_NEAR(sums.zero * factor, d_zero[s],
                    2e-4 * std::max(1.0f, std::abs(d_zero[s])));
      }
      ++cases;
    }
  }
  EXPECT_EQ(cases, 25);
}

}  // namespace
}  // namespace nibble::qat
