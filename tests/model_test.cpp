#include "nibble/nn/model.hpp"

#include <gtest/gtest.h>

#include <set>

#include "nibble/core/check.hpp"

namespace nibble::nn {
namespace {

const Layer& Find(const Model& model, const std::string& name) {
  for (const Layer& layer : model.layers) {
    if (layer.name == name) return layer;
  }
  throw std::out_of_range(name);
}

// Every table: layers read only what ran before, shapes fit, names are unique.
TEST(Model, TablesAreConsistent) {
  for (const std::string_view name : ModelNames()) {
    SCOPED_TRACE(name);
    const Model model = MakeModel(name);
    EXPECT_EQ(model.name, name);
    std::set<std::string> names;
    std::size_t firsts = 0, lasts = 0;
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
      const Layer& layer = model.layers[i];
      EXPECT_TRUE(names.insert(layer.name).second) << layer.name;
      EXPECT_LT(layer.input, static_cast<int>(i));
      EXPECT_EQ(layer.in, model.shape(layer.input)) << layer.name;
      EXPECT_EQ(layer.kind == LayerKind::kAdd, layer.input2 != kNoLayer);
      firsts += layer.role == Role::kFirst;
      lasts += layer.role == Role::kLast;
    }
    EXPECT_EQ(firsts, 1u);
    EXPECT_EQ(lasts, 1u);
    EXPECT_EQ(model.layers.back().out, (Shape{1, 1, model.classes}));
    EXPECT_EQ(model.layers.back().role, Role::kLast);
  }
}

TEST(Model, DepthCountsConvolutionsAndTheDenseLayer) {
  for (const std::size_t depth : {14u, 20u, 32u, 44u, 56u}) {
    std::size_t weighted = 0;
    for (const Layer& layer : ResNetCifar(depth).layers) {
      weighted += layer.has_weights();
    }
    EXPECT_EQ(weighted, depth);
  }
}

TEST(Model, ResNet20Shapes) {
  const Model model = ResNetCifar(20);
  EXPECT_EQ(Find(model, "conv1").out, (Shape{32, 32, 16}));
  const Layer& down = Find(model, "layer2.0.conv1");
  EXPECT_EQ(down.out, (Shape{16, 16, 32}));
  EXPECT_EQ(down.stride, (Extent{2, 2}));
  EXPECT_EQ(down.padding, (Extent{1, 1}));  // PyTorch: one row above
  EXPECT_EQ(down.batch_norm, "layer2.0.bn1");
  EXPECT_EQ(down.weight_shape(), (std::vector<std::size_t>{32, 16, 3, 3}));
  const Layer& add = Find(model, "layer2.0.add");
  EXPECT_EQ(model.shape(add.input2), (Shape{32, 32, 16}));
  EXPECT_EQ(add.stride, (Extent{2, 2}));
  EXPECT_EQ(Find(model, "linear").weight_shape(),
            (std::vector<std::size_t>{10, 64}));
}

TEST(Model, ResNet8PadsAsTensorFlow) {
  const Model model = ResNet8();
  // Even size, stride 2: nothing before, one row after.
  EXPECT_EQ(Find(model, "stack2.conv1").padding, (Extent{0, 0}));
  EXPECT_EQ(Find(model, "stack2.conv2").padding, (Extent{1, 1}));
  EXPECT_EQ(Find(model, "stack2.shortcut").kernel, (Extent{1, 1}));
  EXPECT_EQ(Find(model, "stack3.add").out, (Shape{8, 8, 64}));
}

// Weights, biases, and the four vectors of each batch norm that the MLPerf
// authors counted before folding: 78,666; 205,306 with 26 channels.
TEST(Model, ResNet8Parameters) {
  for (const auto& [width, expected] :
       {std::pair{1.0, 78666u}, std::pair{1.625, 205306u}}) {
    std::size_t parameters = 0;
    for (const Layer& layer : ResNet8(width).layers) {
      if (!layer.has_weights()) continue;
      parameters += layer.out.channels * (layer.reduction() + 1);
      const bool normed =
          layer.name == "stem" || layer.name.find("conv") != std::string::npos;
      if (normed) parameters += 4 * layer.out.channels;
    }
    EXPECT_EQ(parameters, expected);
  }
}

TEST(Model, WidthMultipliesBlocksAndRoundsDown) {
  EXPECT_EQ(Find(ResNetCifar(20, 0.3), "conv1").out.channels, 4u);
  EXPECT_EQ(Find(ResNetCifar(20, 2), "layer3.0.conv1").out.channels, 128u);
  const Model wide = ResNetImageNet(50, 1.5);
  EXPECT_EQ(Find(wide, "conv_init").out.channels, 64u);
  EXPECT_EQ(Find(wide, "stage4.2.conv3").out.channels, 96u * 8 * 4);
}

TEST(Model, ImageNetStridesInThe3x3) {
  const Model model = ResNetImageNet(50);
  EXPECT_EQ(Find(model, "stage2.0.conv1").out, (Shape{56, 56, 128}));
  EXPECT_EQ(Find(model, "stage2.0.conv2").out, (Shape{28, 28, 128}));
  EXPECT_EQ(Find(model, "maxpool").out, (Shape{56, 56, 64}));
}

TEST(Model, MlpNames) {
  const Model model = MakeModel("mlp", 0.5);
  ASSERT_EQ(model.layers.size(), 2u);
  EXPECT_EQ(model.layers[0].name, "fc1");
  EXPECT_EQ(model.layers[0].weight_shape(), (std::vector<std::size_t>{32, 64}));
  EXPECT_TRUE(model.layers[0].relu);
  EXPECT_FALSE(model.layers[1].relu);
}

TEST(Model, MnistNetworks) {
  const Model lenet = MakeModel("lenet");
  EXPECT_EQ(Find(lenet, "conv1").out, (Shape{28, 28, 6}));
  EXPECT_EQ(Find(lenet, "conv2").out, (Shape{10, 10, 16}));
  EXPECT_EQ(Find(lenet, "fc1").weight_shape(),
            (std::vector<std::size_t>{120, 400}));
  EXPECT_EQ(lenet.classes, 10u);
  EXPECT_EQ(Find(MakeModel("lenet", 2), "fc2").out.channels, 168u);
  const Model tfc = MakeModel("tfc");
  EXPECT_EQ(tfc.layers.size(), 4u);
  EXPECT_EQ(Find(tfc, "fc3").weight_shape(),
            (std::vector<std::size_t>{64, 64}));
}

TEST(Model, UnknownNamesAreRefusedWithTheKnownOnes) {
  try {
    MakeModel("resnet18");
    FAIL();
  } catch (const InputError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("resnet18"), std::string::npos) << what;
    EXPECT_NE(what.find("resnet8, resnet14, resnet20"), std::string::npos);
  }
  EXPECT_THROW(ResNetCifar(21), InputError);
  EXPECT_THROW(ResNetImageNet(18), InputError);
  EXPECT_THROW(MakeModel("resnet20", 0.01), InputError);
  EXPECT_THROW(MakeModel("resnet50", 1e300), InputError);
  EXPECT_THROW(MakeModel("resnet8", -1), InputError);
}

}  // namespace
}  // namespace nibble::nn
