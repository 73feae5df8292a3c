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

#include "nibble/core/shape.hpp"

namespace nibble::nn {

using nibble::Extent;
using nibble::Shape;

enum class LayerKind {
  kConv2d,   // out = W * in + b; weight [out, in / groups, height, width]
  kLinear,   // out = W · in + b over the flattened input; weight [out, in]
  kAdd,      // out = in + in2, where in2 may be smaller: see ResNetCifar
  kAvgPool,  // mean over all pixels of the input
  kMaxPool,  // largest of the kernel's window

  // Of language models, where a layer sees one token's channels, [1, 1,
  // channels], and only attention sees the tokens before.
  kEmbedding,  // out = W[token]; weight [tokens, channels]
  kRmsNorm,    // out = in / sqrt(mean(in^2) + epsilon) * w; weight [channels]
  kAttention,  // softmax(q k^T / sqrt(head_dim)) v of rotated q, k:
               // attention.hpp
  kGate,       // out = silu(in) * in2
};

// Quantizers treat the first and the last layer that has weights apart.
enum class Role { kFirst, kMiddle, kLast };

// The network's input, an image or a token, as a layer index.
inline constexpr int kImage = -1;
inline constexpr int kNoLayer = -2;

struct Layer {
  std::string name;  // tensors `name`.weight, `name`.bias; unique in the table
  LayerKind kind = LayerKind::kConv2d;
  int input = kImage;
  int input2 = kNoLayer;  // kAdd; kGate: what is gated; kAttention: k
  int input3 = kNoLayer;  // kAttention: v
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
  std::string tied;          // layer whose weight this one uses; empty: its own
  std::size_t heads = 1;     // kAttention: of q and out
  std::size_t kv_heads = 1;  // of k and v; divides heads
  float rope_theta = 0;      // base of the rotation's wavelengths
  float epsilon = 0;         // kRmsNorm

  // Whether it has a matrix of weights, which schemes apply to.
  bool has_weights() const {
    return kind == LayerKind::kConv2d || kind == LayerKind::kLinear ||
           kind == LayerKind::kEmbedding;
  }
  // Whether an input is multiplied by that matrix.
  bool has_products() const {
    return kind == LayerKind::kConv2d || kind == LayerKind::kLinear;
  }
  // Elements that feed one output: columns of the weight matrix.
  std::size_t reduction() const {
    return kind == LayerKind::kLinear ? in.size()
                                      : in.channels / groups * kernel.area();
  }
  // The tensor of its weights, and its shape as files hold it.
  std::string weight_name() const {
    return (tied.empty() ? name : tied) + ".weight";
  }
  std::vector<std::size_t> weight_shape() const;
};

// The matrix that a tensor of weights is quantized as: a row per output.
struct MatrixShape {
  std::size_t rows, cols;
};
MatrixShape AsMatrix(const std::vector<std::size_t>& shape);

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
  Shape input;  // of language models: a token as a vector of a one among zeros
  Preprocessing preprocessing;
  std::size_t classes = 0;  // language models: tokens
  std::size_t context = 0;  // of language models: longest sequence, in tokens
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
