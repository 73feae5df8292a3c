// How the tables of layers are written.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "nibble/nn/model.hpp"

namespace nibble::nn {

// Appends layers to a table and works out their shapes.
class Builder {
 public:
  explicit Builder(Model& model) : model_(model) {}

  // TensorFlow's SAME padding: out = ceil(in / stride), the odd row of zeros
  // below. Equal to PyTorch's padding of kernel / 2 where the stride is 1.
  Layer& Conv(std::string name, int input, std::size_t channels,
              std::size_t kernel, std::size_t stride) {
    Layer& layer =
        Window(LayerKind::kConv2d, std::move(name), input, kernel, stride);
    layer.out.channels = channels;
    return layer;
  }

  Layer& MaxPool(std::string name, int input, std::size_t kernel,
                 std::size_t stride) {
    Layer& layer = Window(LayerKind::kMaxPool, std::move(name), input, kernel,
                          stride);
    layer.bias = false;
    return layer;
  }

  Layer& Linear(std::string name, int input, std::size_t outputs) {
    Layer& layer = Append(LayerKind::kLinear, std::move(name), input);
    layer.out = {1, 1, outputs};
    return layer;
  }

  Layer& Add(std::string name, int input, int input2) {
    Layer& layer = Append(LayerKind::kAdd, std::move(name), input);
    layer.out = layer.in;
    layer.input2 = input2;
    layer.stride.height = model_.shape(input2).height / layer.in.height;
    layer.stride.width = model_.shape(input2).width / layer.in.width;
    layer.bias = false;
    layer.relu = true;
    return layer;
  }

  Layer& AvgPool(int input) {
    Layer& layer = Append(LayerKind::kAvgPool, "avgpool", input);
    layer.out = {1, 1, layer.in.channels};
    layer.kernel = {layer.in.height, layer.in.width};
    layer.bias = false;
    return layer;
  }

  Layer& Embedding(std::string name, std::size_t channels) {
    Layer& layer = Append(LayerKind::kEmbedding, std::move(name), kImage);
    layer.out = {1, 1, channels};
    layer.bias = false;
    return layer;
  }

  Layer& RmsNorm(std::string name, int input, float epsilon) {
    Layer& layer = Append(LayerKind::kRmsNorm, std::move(name), input);
    layer.out = layer.in;
    layer.epsilon = epsilon;
    layer.bias = false;
    return layer;
  }

  Layer& Attention(std::string name, int q, int k, int v) {
    Layer& layer = Append(LayerKind::kAttention, std::move(name), q);
    layer.out = layer.in;
    layer.input2 = k;
    layer.input3 = v;
    layer.bias = false;
    return layer;
  }

  Layer& Gate(std::string name, int gate, int input2) {
    Layer& layer = Append(LayerKind::kGate, std::move(name), gate);
    layer.out = layer.in;
    layer.input2 = input2;
    layer.bias = false;
    return layer;
  }

  int last() const { return static_cast<int>(model_.layers.size()) - 1; }

  void Finish() {
    model_.classes = model_.layers.back().out.size();
    Layer* last_weighted = nullptr;
    for (Layer& layer : model_.layers) {
      if (!layer.has_weights()) continue;
      if (last_weighted == nullptr) layer.role = Role::kFirst;
      last_weighted = &layer;
    }
    if (last_weighted->role == Role::kMiddle) last_weighted->role = Role::kLast;
  }

 private:
  Layer& Append(LayerKind kind, std::string name, int input) {
    Layer layer;
    layer.name = std::move(name);
    layer.kind = kind;
    layer.input = input;
    layer.in = model_.shape(input);
    model_.layers.push_back(std::move(layer));
    return model_.layers.back();
  }

  Layer& Window(LayerKind kind, std::string name, int input, std::size_t kernel,
                std::size_t stride) {
    Layer& layer = Append(kind, std::move(name), input);
    layer.kernel = {kernel, kernel};
    layer.stride = {stride, stride};
    const auto same = [&](std::size_t in, std::size_t& out, std::size_t& pad) {
      out = (in + stride - 1) / stride;
      const std::size_t covered = (out - 1) * stride + kernel;
      pad = covered > in ? (covered - in) / 2 : 0;
    };
    layer.out.channels = layer.in.channels;
    same(layer.in.height, layer.out.height, layer.padding.height);
    same(layer.in.width, layer.out.width, layer.padding.width);
    return layer;
  }

  Model& model_;
};

}  // namespace nibble::nn
