// Convolutions and dense layers of a TensorFlow Lite file.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "nibble/nn/conv2d.hpp"
#include "src/nn/tflite_graph.hpp"

namespace nibble::nn {
namespace {

using io::TfliteOp;
using io::TfliteOperator;
using io::TfliteTensor;

class ConvReader : public TfliteGraph {
 public:
  explicit ConvReader(const TfliteGraph& graph) : TfliteGraph(graph) {}

  static std::size_t Size(std::size_t in, std::size_t kernel,
                          std::size_t stride, bool same, std::size_t& padding) {
    padding = 0;
    if (!same) return in < kernel ? 0 : (in - kernel) / stride + 1;
    const std::size_t out = (in + stride - 1) / stride;
    const std::size_t covered = (out - 1) * stride + kernel;
    padding = covered > in ? (covered - in) / 2 : 0;
    return out;
  }

  // Fills in the layer, from the weights' shape too, and checks that all fit.
  void SetGeometry(const TfliteOperator& op, Layer& layer) const {
    const auto& w = Tensor(op.inputs[1]).shape;
    layer.kind = LayerKind::kConv2d;
    Shape expected{1, 1, 0};
    std::vector<std::size_t> fits;
    if (op.op == TfliteOp::kFullyConnected) {
      layer.kind = LayerKind::kLinear;
      fits = {w.empty() ? 0 : w[0], layer.in.size()};
      expected.channels = fits[0];
    } else {
      const bool depthwise = op.op == TfliteOp::kDepthwiseConv2d;
      const std::size_t outputs = depthwise
                                      ? layer.in.channels * op.depth_multiplier
                                      : (w.empty() ? 0 : w[0]);
      layer.groups = depthwise ? layer.in.channels : 1;
      layer.stride = {op.stride_height, op.stride_width};
      layer.kernel = w.size() == 4 ? Extent{w[1], w[2]} : Extent{0, 0};
      fits = {depthwise ? 1 : outputs, layer.kernel.height, layer.kernel.width,
              depthwise ? outputs : layer.in.channels};
      expected = {
          Size(layer.in.height, layer.kernel.height, layer.stride.height,
               op.same_padding, layer.padding.height),
          Size(layer.in.width, layer.kernel.width, layer.stride.width,
               op.same_padding, layer.padding.width),
          outputs};
    }
    if (w != fits || expected.size() == 0 || layer.kernel.area() == 0) {
      RefuseTensor(
          op.inputs[1], "shape", ToText(w),
          "weights " + ToText(fits) + " of operator " + std::to_string(index()));
    }
    if (layer.out != expected) {
      Refuse("output", ToText(Tensor(op.outputs[0]).shape),
             ToText(std::vector{expected.height, expected.width,
                                expected.channels}));
    }
  }

  void Read(const TfliteOperator& op, Layer& layer, TfliteConv& conv) const {
    SetGeometry(op, layer);
    conv.shape = ConvShapeOf(layer);
    conv.in_zero = Params(op.inputs[0]).zero_point;
    conv.out = OutputOf(op);
    ReadWeights(op.inputs[1], conv, op.op == TfliteOp::kDepthwiseConv2d);
    conv.bias.resize(layer.out.channels);
    if (op.inputs.size() > 2 && op.inputs[2] >= 0) {
      layer.bias = true;
      ReadBias(op.inputs[2], conv.bias);
    }
    CheckSums(op.inputs[1], conv);
    SetFactors(op, conv);
  }

  void SetFactors(const TfliteOperator& op, TfliteConv& conv) const {
    const auto& scales = Tensor(op.inputs[1]).scales;
    const float in = Params(op.inputs[0]).scale;
    const double out = Params(op.outputs[0]).scale;
    for (std::size_t o = 0; o < conv.bias.size(); ++o) {
      const float w = scales[scales.size() == 1 ? 0 : o];
      // Fully connected layers round the product of scales to float32.
      const double product = op.op == TfliteOp::kFullyConnected
                                 ? double{in * w}
                                 : double{in} * double{w};
      conv.factor.push_back(Factor(product / out));
    }
  }

  // Weights as [out][kernel][in / groups]; a depthwise file has outputs last.
  void ReadWeights(std::int32_t i, TfliteConv& conv, bool depthwise) const {
    const TfliteTensor& t = Tensor(i);
    const std::size_t n = conv.shape.out.channels;
    const std::size_t k = conv.shape.reduction();
    if (t.dtype != "I8" || t.data.size() != n * k) {
      RefuseTensor(i, "data", std::to_string(t.data.size()) + " of " + t.dtype,
                   std::to_string(n * k) + " of I8");
    }
    if (std::ranges::any_of(t.zero_points, [](auto z) { return z != 0; })) {
      RefuseTensor(i, "zero points of weights", "others", "0");
    }
    const std::size_t axis = depthwise ? t.shape.size() - 1 : 0;
    if (t.scales.empty() || (t.scales.size() > 1 && t.axis != axis)) {
      RefuseTensor(i, "scales", std::to_string(t.scales.size()),
                   "1, or one per output channel");
    }
    const auto* values = reinterpret_cast<const std::int8_t*>(t.data.data());
    conv.weight.assign(values, values + n * k);
    if (!depthwise) return;
    for (std::size_t o = 0; o < n; ++o) {
      for (std::size_t tap = 0; tap < k; ++tap) {
        conv.weight[o * k + tap] = values[tap * n + o];
      }
    }
  }

  void ReadBias(std::int32_t i, std::vector<std::int32_t>& bias) const {
    const TfliteTensor& t = Tensor(i);
    if (t.dtype != "I32" || t.data.size() != bias.size() * 4) {
      RefuseTensor(i, "bias",
                   std::to_string(t.data.size()) + " bytes of " + t.dtype,
                   std::to_string(bias.size() * 4) + " of I32");
    }
    std::memcpy(bias.data(), t.data.data(), t.data.size());
  }

  // No sum may leave int32, whatever the input: |in - in_zero| <= 255.
  void CheckSums(std::int32_t i, const TfliteConv& conv) const {
    const std::size_t k = conv.shape.reduction();
    for (std::size_t o = 0; o < conv.bias.size(); ++o) {
      std::int64_t most = std::abs(std::int64_t{conv.bias[o]});
      for (std::size_t j = 0; j < k; ++j) {
        most += 255 * std::abs(conv.weight[o * k + j]);
      }
      if (most > std::numeric_limits<std::int32_t>::max()) {
        RefuseTensor(i, "largest sum of output " + std::to_string(o),
                     std::to_string(most), "at most 2^31 - 1");
      }
    }
  }
};

}  // namespace

void ReadConv(const TfliteGraph& graph, const TfliteOperator& op, Layer& layer,
              TfliteConv& conv) {
  ConvReader(graph).Read(op, layer, conv);
}

}  // namespace nibble::nn
