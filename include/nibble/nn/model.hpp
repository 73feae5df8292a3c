// A model is a table of layers: what is computed, from what, in which shape.
// Weights, cost, training and export are all made from this one table.
//
//     nn::Model model = nn::MakeModel("resnet20");   // or ResNetCifar(20)
//     for (const nn::Layer& layer : model.layers) ...
//
// Layers stand in the order in which they run; a layer reads the outputs of
// earlier layers by their index in the table, or the image (kImage).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nibble::nn {

// Activations lie as [height, width, channels], channels contiguous (NHWC).
struct Shape {
  std::size_t height = 1;
  std::size_t width = 1;
  std::size_t channels = 1;

  constexpr std::size_t pixels() const { return height * width; }
  constexpr std::size_t size() const { return pixels() * channels; }
  bool operator==(const Shape&) const = default;
};

// Rows and columns: of a kernel, a stride, a padding.
struct Extent {
  std::size_t height = 1;
  std::size_t width = 1;

  constexpr std::size_t area() const { return height * width; }
  bool operator==(const Extent&) const = default;
};

enum class LayerKind {
  kConv2d,   // out = W * in + b; weight [out, in / groups, height, width]
  kLinear,   // out = W · in + b over the flattened input; weight [out, in]
  kAdd,      // out = in + in2, where in2 may be smaller: see ResNetCifar
  kAvgPool,  // mean over all pixels of the input
  kMaxPool,  // largest of the kernel's window
};

// Quantizers treat the first and the last layer that has weights apart.
enum class Role { kFirst, kMiddle, kLast };

inline constexpr int kImage = -1;  // the network's input, as a layer index
inline constexpr int kNoLayer = -2;

struct Layer {
  std::string name;  // tensors `name`.weight, `name`.bias; unique in the table
  LayerKind kind = LayerKind::kConv2d;
  int input = kImage;
  int input2 = kNoLayer;  // kAdd only
  Shape in;               // shape of `input`
  Shape out;
  Extent kernel;
  Extent stride;
  Extent padding{0, 0};  // rows above and columns left of the image, zero
  std::size_t groups = 1;
  bool bias = true;        // has a tensor `name`.bias
  bool relu = false;       // applied last
  std::string batch_norm;  // prefix of the tensors to fold in; empty: none
  Role role = Role::kMiddle;

  bool has_weights() const {
    return kind == LayerKind::kConv2d || kind == LayerKind::kLinear;
  }
  // Elements that feed one output: columns of the weight matrix.
  std::size_t reduction() const {
    return kind == LayerKind::kLinear ? in.size()
                                      : in.channels / groups * kernel.area();
  }
  // Shape of `name`.weight as files hold it.
  std::vector<std::size_t> weight_shape() const;
};

// How a pixel becomes an input: (pixel / divisor - mean[c]) / stddev[c], where
// the divisor is the largest pixel value (255, or 16 for the digits) if
// `unit_range`, else 1. Empty mean and stddev stand for 0 and 1.
struct Preprocessing {
  bool unit_range = true;
  std::vector<float> mean;
  std::vector<float> stddev;
};

struct Model {
  std::string name;
  Shape input;
  Preprocessing preprocessing;
  std::size_t classes = 0;
  std::vector<Layer> layers;

  // The output shape of a layer, or of the image.
  const Shape& shape(int layer) const {
    return layer == kImage ? input
                           : layers[static_cast<std::size_t>(layer)].out;
  }
};

// CIFAR-10 residual network of 6n + 2 layers: 14, 20, 32, 44, 56, ... Three
// stages of 16, 32, 64 channels, times `width` rounded down. Where a stage
// begins, the shortcut is option A: every second pixel, and zeros for the
// missing channels, half of them on each side; that is kAdd with a smaller in2.
// Tensor names are those of the PyTorch files (conv1, layer1.0.conv1, linear).
//
// Errors   InputError for another depth or a width that leaves no channel.
// Source   He et al., arXiv:1512.03385, section 4.2.
Model ResNetCifar(std::size_t depth, double width = 1);

// MLPerf Tiny's image classifier: raw pixels, three stages of one block each
// (16, 32, 64 channels times `width`), projected shortcuts, TensorFlow's SAME
// padding, biases instead of batch norms.
//
// Source   github.com/mlcommons/tiny, benchmark/training/image_classification.
Model ResNet8(double width = 1);

// Fully connected: sizes = {inputs, hidden..., classes}, ReLU between. Tensors
// fc1.weight [out, in], fc1.bias, fc2.weight, ...
//
// Errors   InputError for fewer than two sizes or a zero among them.
Model Mlp(std::span<const std::size_t> sizes);

// LeNet-5 for MNIST's 28x28: 5x5 convolutions of 6 (padded by 2) and 16
// channels, each with ReLU and a 2x2 max pool, then 120, 84 and 10 outputs;
// `width` multiplies all but the last.
//
// Source   LeCun et al., Proc. IEEE 86(11), 1998, with max pools and ReLU.
Model LeNet5(double width = 1);

// ImageNet bottleneck residual network of 29, 50, 101, 152 or 200 layers, for
// costs: no weights are published under its names. Stride in the 3x3 ("v1.5").
// `width` multiplies the blocks' channels, int(64 * width), not the stem's 64.
//
// Source   the family of github.com/google/aqt, jax_legacy/jax/imagenet.
Model ResNetImageNet(std::size_t depth, double width = 1);

// By name: mlp (64-64-10, `width` times the hidden 64), tfc (784-64-64-64-10,
// likewise), lenet, resnet8, resnet14, resnet20, resnet32, resnet44, resnet56, resnet29, resnet50, resnet101,
// resnet152, resnet200.
//
// Errors   InputError that lists these for any other name.
Model MakeModel(std::string_view name, double width = 1);

// The names that MakeModel knows.
std::span<const std::string_view> ModelNames();

}  // namespace nibble::nn
