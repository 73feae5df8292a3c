#include "nibble/nn/model.hpp"

#include <array>
#include <cmath>

#include "nibble/core/check.hpp"
#include "src/nn/model_builder.hpp"

namespace nibble::nn {
namespace {

std::size_t Scaled(std::size_t channels, double width) {
  const double scaled = std::floor(static_cast<double>(channels) * width);
  if (!(scaled >= 1 && scaled <= 1 << 20)) {
    throw InputError("model", "width multiplier", std::to_string(width),
                     "one that leaves 1 to 2^20 channels");
  }
  return static_cast<std::size_t>(scaled);
}

// PyTorch pads kernel / 2 on both sides whatever the stride.
Layer& ConvBn(Builder& b, std::string name, std::string batch_norm, int input,
              std::size_t channels, std::size_t stride) {
  Layer& layer = b.Conv(std::move(name), input, channels, 3, stride);
  layer.padding = {1, 1};
  layer.bias = false;
  layer.batch_norm = std::move(batch_norm);
  return layer;
}

}  // namespace

std::vector<std::size_t> Layer::weight_shape() const {
  if (kind == LayerKind::kLinear) return {out.channels, in.size()};
  if (kind == LayerKind::kEmbedding) return {in.channels, out.channels};
  if (kind == LayerKind::kRmsNorm) return {out.channels};
  return {out.channels, in.channels / groups, kernel.height, kernel.width};
}

MatrixShape AsMatrix(const std::vector<std::size_t>& shape) {
  MatrixShape out{shape.empty() ? 1 : shape[0], 1};
  for (std::size_t i = 1; i < shape.size(); ++i) out.cols *= shape[i];
  return out;
}

Model ResNetCifar(std::size_t depth, double width) {
  if (depth < 8 || depth % 6 != 2 || depth > 1202) {
    throw InputError("ResNetCifar", "depth", std::to_string(depth),
                     "6n + 2 from 8 to 1202");
  }
  Model model;
  model.name = "resnet" + std::to_string(depth);
  model.input = {32, 32, 3};
  model.preprocessing = {
      true, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
  Builder b(model);
  ConvBn(b, "conv1", "bn1", kImage, Scaled(16, width), 1).relu = true;
  for (std::size_t stage = 0; stage < 3; ++stage) {
    const std::size_t channels = Scaled(std::size_t{16} << stage, width);
    for (std::size_t block = 0; block < (depth - 2) / 6; ++block) {
      const std::string name = "layer" + std::to_string(stage + 1) + "." +
                               std::to_string(block) + ".";
      const std::size_t stride = stage > 0 && block == 0 ? 2 : 1;
      const int in = b.last();
      ConvBn(b, name + "conv1", name + "bn1", in, channels, stride).relu = true;
      ConvBn(b, name + "conv2", name + "bn2", b.last(), channels, 1);
      b.Add(name + "add", b.last(), in);
    }
  }
  b.AvgPool(b.last());
  b.Linear("linear", b.last(), 10);
  b.Finish();
  return model;
}

Model ResNet8(double width) {
  Model model;
  model.name = "resnet8";
  model.input = {32, 32, 3};
  model.preprocessing.unit_range = false;
  Builder b(model);
  b.Conv("stem", kImage, Scaled(16, width), 3, 1).relu = true;
  for (std::size_t stage = 0; stage < 3; ++stage) {
    const std::size_t channels = Scaled(std::size_t{16} << stage, width);
    const std::string name = "stack" + std::to_string(stage + 1) + ".";
    const std::size_t stride = stage == 0 ? 1 : 2;
    const int in = b.last();
    b.Conv(name + "conv1", in, channels, 3, stride).relu = true;
    b.Conv(name + "conv2", b.last(), channels, 3, 1);
    const int body = b.last();
    if (stage > 0) b.Conv(name + "shortcut", in, channels, 1, stride);
    b.Add(name + "add", body, stage > 0 ? b.last() : in);
  }
  b.AvgPool(b.last());
  b.Linear("dense", b.last(), 10);
  b.Finish();
  return model;
}

Model Mlp(std::span<const std::size_t> sizes) {
  if (sizes.size() < 2) {
    throw InputError("Mlp", "sizes", std::to_string(sizes.size()),
                     "at least the numbers of inputs and of classes");
  }
  for (const std::size_t size : sizes) {
    if (size == 0) throw InputError("Mlp", "size", "0", "at least 1");
  }
  Model model;
  model.name = "mlp";
  model.input = {1, 1, sizes[0]};
  Builder b(model);
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    b.Linear("fc" + std::to_string(i), b.last(), sizes[i]).relu =
        i + 1 < sizes.size();
  }
  b.Finish();
  return model;
}

Model LeNet5(double width) {
  Model model;
  model.name = "lenet";
  model.input = {28, 28, 1};
  Builder b(model);
  b.Conv("conv1", kImage, Scaled(6, width), 5, 1).relu = true;
  b.MaxPool("pool1", b.last(), 2, 2);
  Layer& conv2 = b.Conv("conv2", b.last(), Scaled(16, width), 5, 1);
  conv2.relu = true;
  conv2.padding = {0, 0};
  conv2.out.height = conv2.out.width = 10;
  b.MaxPool("pool2", b.last(), 2, 2);
  b.Linear("fc1", b.last(), Scaled(120, width)).relu = true;
  b.Linear("fc2", b.last(), Scaled(84, width)).relu = true;
  b.Linear("fc3", b.last(), 10);
  b.Finish();
  return model;
}

Model ResNetImageNet(std::size_t depth, double width) {
  std::array<std::size_t, 4> blocks;
  switch (depth) {
    case 29:
      blocks = {2, 2, 3, 2};
      break;
    case 50:
      blocks = {3, 4, 6, 3};
      break;
    case 101:
      blocks = {3, 4, 23, 3};
      break;
    case 152:
      blocks = {3, 8, 36, 3};
      break;
    case 200:
      blocks = {3, 24, 36, 3};
      break;
    default:
      throw InputError("ResNetImageNet", "depth", std::to_string(depth),
                       "29, 50, 101, 152 or 200");
  }
  Model model;
  model.name = "resnet" + std::to_string(depth);
  model.input = {224, 224, 3};
  model.preprocessing = {
      true, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
  Builder b(model);
  b.Conv("conv_init", kImage, 64, 7, 2).relu = true;
  b.MaxPool("maxpool", b.last(), 3, 2);
  for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
    const std::size_t channels = Scaled(64, width) << stage;
    for (std::size_t block = 0; block < blocks[stage]; ++block) {
      const std::string name = "stage" + std::to_string(stage + 1) + "." +
                               std::to_string(block) + ".";
      const std::size_t stride = stage > 0 && block == 0 ? 2 : 1;
      const int in = b.last();
      b.Conv(name + "conv1", in, channels, 1, 1).relu = true;
      b.Conv(name + "conv2", b.last(), channels, 3, stride).relu = true;
      b.Conv(name + "conv3", b.last(), channels * 4, 1, 1);
      const int body = b.last();
      if (block == 0) b.Conv(name + "proj", in, channels * 4, 1, stride);
      b.Add(name + "add", body, block == 0 ? b.last() : in);
    }
  }
  b.AvgPool(b.last());
  b.Linear("dense", b.last(), 1000);
  b.Finish();
  return model;
}

namespace {
constexpr std::string_view kNames[] = {
    "mlp",      "tfc",      "lenet",    "resnet8",   "resnet14",
    "resnet20", "resnet32", "resnet44", "resnet56",  "resnet29",
    "resnet50", "resnet101", "resnet152", "resnet200"};
}  // namespace

std::span<const std::string_view> ModelNames() { return kNames; }

Model MakeModel(std::string_view name, double width) {
  if (name == "mlp") {
    const std::size_t sizes[] = {64, Scaled(64, width), 10};
    return Mlp(sizes);
  }
  if (name == "tfc") {
    const std::size_t hidden = Scaled(64, width);
    const std::size_t sizes[] = {784, hidden, hidden, hidden, 10};
    Model model = Mlp(sizes);
    model.name = "tfc";
    return model;
  }
  if (name == "lenet") return LeNet5(width);
  if (name == "resnet8") return ResNet8(width);
  for (const std::size_t depth : {14u, 20u, 32u, 44u, 56u}) {
    if (name == "resnet" + std::to_string(depth)) {
      return ResNetCifar(depth, width);
    }
  }
  for (const std::size_t depth : {29u, 50u, 101u, 152u, 200u}) {
    if (name == "resnet" + std::to_string(depth)) {
      return ResNetImageNet(depth, width);
    }
  }
  std::string known;
  for (const std::string_view n : kNames) {
    known += (known.empty() ? "" : ", ") + std::string(n);
  }
  throw InputError("model", "name", std::string(name), "one of " + known);
}

}  // namespace nibble::nn
