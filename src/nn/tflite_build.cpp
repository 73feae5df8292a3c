// From a file's operators to layers and their arithmetic.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "nibble/core/check.hpp"
#include "nibble/nn/conv2d.hpp"
#include "src/nn/slots.hpp"
#include "src/nn/tflite_impl.hpp"

namespace nibble::nn {
namespace {

using io::TfliteOp;
using io::TfliteOperator;
using io::TfliteTensor;

std::string ToText(std::span<const std::size_t> shape) {
  std::string text;
  for (const std::size_t n : shape) {
    text += (text.empty() ? "" : ", ") + std::to_string(n);
  }
  return "[" + text + "]";
}

class Builder {
 public:
  Builder(const io::Tflite& file, const std::string& origin, Model& model,
          std::vector<TfliteLayer>& layers)
      : file_(file),
        origin_(origin),
        model_(model),
        layers_(layers),
        producer_(file.tensors.size(), kNoLayer) {}

  void Build(QuantParams& input, QuantParams& output) {
    const std::int32_t in = Only(file_.inputs, "inputs");
    const std::int32_t out = Only(file_.outputs, "outputs");
    model_.name = "tflite";
    model_.input = ImageShape(in);
    model_.preprocessing.unit_range = false;
    input = Params(in);
    producer_[At(in)] = kImage;
    for (op_ = 0; op_ < file_.operators.size(); ++op_) {
      Append(file_.operators[op_]);
    }
    const int last = static_cast<int>(model_.layers.size()) - 1;
    if (last < 0 || producer_[At(out)] != last) {
      throw InputError(origin_, "outputs", "tensor " + std::to_string(out),
                       "what the last operator writes");
    }
    model_.classes = model_.layers.back().out.size();
    output = Params(softmax_input_ < 0 ? out : softmax_input_);
    SetRoles();
  }

 private:
  static std::size_t At(std::int32_t i) { return static_cast<std::size_t>(i); }

  const TfliteTensor& Tensor(std::int32_t i) const {
    return file_.tensors[At(i)];
  }

  [[noreturn]] void Refuse(const std::string& field, const std::string& found,
                           const std::string& expected) const {
    const TfliteOperator& op = file_.operators[op_];
    throw InputError(origin_,
                     "operator " + std::to_string(op_) + " (" +
                         ToString(op.op) + "), " + field,
                     found, expected);
  }
  [[noreturn]] void RefuseTensor(std::int32_t i, const std::string& field,
                                 const std::string& found,
                                 const std::string& expected) const {
    throw InputError(origin_, "tensor " + std::to_string(i) + ", " + field,
                     found, expected);
  }

  std::int32_t Only(const std::vector<std::int32_t>& indices,
                    const char* field) const {
    if (indices.size() != 1 || indices[0] < 0) {
      throw InputError(origin_, field, std::to_string(indices.size()), "1");
    }
    return indices[0];
  }

  // The scale and the zero point of activations.
  QuantParams Params(std::int32_t i) const {
    const TfliteTensor& t = Tensor(i);
    if (t.dtype != "I8") RefuseTensor(i, "type", t.dtype, "I8");
    if (t.scales.size() != 1) {
      RefuseTensor(i, "scales", std::to_string(t.scales.size()), "1");
    }
    const std::int64_t zero = t.zero_points[0];
    if (zero < -128 || zero > 127) {
      RefuseTensor(i, "zero point", std::to_string(zero), "-128 to 127");
    }
    return {.scale = t.scales[0],
            .zero_point = static_cast<std::int32_t>(zero)};
  }

  // [1, height, width, channels] or [1, channels], of at most 2^28 elements.
  Shape ImageShape(std::int32_t i) const {
    const auto& shape = Tensor(i).shape;
    std::size_t size = 1;
    for (const std::size_t n : shape) {
      size = n == 0 || n > kMostElements / size ? kMostElements + 1 : size * n;
      if (size > kMostElements) break;
    }
    const std::size_t rank = shape.size();
    if ((rank != 2 && rank != 4) || shape[0] != 1 || size > kMostElements) {
      RefuseTensor(i, "shape", ToText(shape),
                   "[1, height, width, channels] or [1, channels], none of "
                   "them zero");
    }
    return rank == 2 ? Shape{1, 1, shape[1]}
                     : Shape{shape[1], shape[2], shape[3]};
  }

  // The layer that has written the operator's input k.
  int Producer(const TfliteOperator& op, std::size_t k) const {
    const int layer = producer_[At(op.inputs[k])];
    if (layer == kNoLayer) {
      Refuse("input " + std::to_string(k),
             "tensor " + std::to_string(op.inputs[k]),
             "one that an earlier operator writes");
    }
    return layer;
  }

  void Append(const TfliteOperator& op) {
    if (softmax_input_ >= 0) Refuse("place", "one after a softmax", "none");
    const std::int32_t out = Only(op.outputs, "outputs of an operator");
    if (producer_[At(out)] != kNoLayer) {
      Refuse("output", "tensor " + std::to_string(out), "one not yet written");
    }
    const int input = Producer(op, 0);
    if (op.op == TfliteOp::kReshape || op.op == TfliteOp::kSoftmax) {
      // The same codes under another name; shapes are the reader's matter.
      if (ImageShape(out).size() != model_.shape(input).size()) {
        Refuse("output", ToText(Tensor(out).shape),
               "as many elements as before");
      }
      if (op.op == TfliteOp::kSoftmax) softmax_input_ = op.inputs[0];
      producer_[At(out)] = input;
      return;
    }
    Layer layer;
    layer.name = "operator" + std::to_string(op_);
    layer.input = input;
    layer.in = model_.shape(input);
    layer.out = ImageShape(out);
    layer.bias = false;
    layer.relu = op.activation == io::TfliteActivation::kRelu;
    TfliteLayer arithmetic;
    switch (op.op) {
      case TfliteOp::kAdd:
        Add(op, layer, arithmetic.add);
        break;
      case TfliteOp::kAveragePool2d:
        Pool(op, layer, arithmetic.out);
        break;
      default:
        Conv(op, layer, arithmetic.conv);
        arithmetic.filter = PackByteFilter(
            arithmetic.conv.shape, arithmetic.conv.weight, arithmetic.conv.bias,
            static_cast<std::uint8_t>(arithmetic.conv.in_zero + 128));
    }
    producer_[At(out)] = static_cast<int>(model_.layers.size());
    model_.layers.push_back(std::move(layer));
    layers_.push_back(std::move(arithmetic));
  }

  // The range of codes that the activation function leaves.
  TfliteOutput OutputOf(const TfliteOperator& op) const {
    const QuantParams p = Params(op.outputs[0]);
    const auto code = [&](float x) {  // far outside saturates below
      const float steps = std::clamp(std::round(x / p.scale), -512.0f, 512.0f);
      return p.zero_point + static_cast<std::int32_t>(steps);
    };
    TfliteOutput out{.zero = p.zero_point};
    switch (op.activation) {
      case io::TfliteActivation::kNone:
        break;
      case io::TfliteActivation::kRelu:
        out.low = p.zero_point;
        break;
      case io::TfliteActivation::kReluN1To1:
        out.low = std::max(out.low, code(-1));
        out.high = std::min(out.high, code(1));
        break;
      case io::TfliteActivation::kRelu6:
        out.low = p.zero_point;
        out.high = std::min(out.high, code(6));
        break;
    }
    return out;
  }

  FixedFactor Factor(double factor) const {
    if (!(factor < 0x1p30)) {
      Refuse("scales", std::to_string(factor), "a ratio below 2^30");
    }
    return FixedFactorOf(factor);
  }

  void Add(const TfliteOperator& op, Layer& layer, TfliteAdd& add) {
    layer.kind = LayerKind::kAdd;
    layer.input2 = Producer(op, 1);
    if (layer.out != layer.in || model_.shape(layer.input2) != layer.in) {
      Refuse("shapes", ToText(Tensor(op.inputs[1]).shape),
             "two inputs and an output of one shape");
    }
    const QuantParams a = Params(op.inputs[0]), b = Params(op.inputs[1]);
    add = MakeTfliteAdd(a, b, Params(op.outputs[0]).scale);
    add.out = OutputOf(op);
  }

  void Pool(const TfliteOperator& op, Layer& layer, TfliteOutput& out) {
    layer.kind = LayerKind::kAvgPool;
    layer.kernel = {layer.in.height, layer.in.width};
    const Shape expected{1, 1, layer.in.channels};
    if (op.filter_height != layer.in.height ||
        op.filter_width != layer.in.width || layer.out != expected) {
      Refuse("filter",
             std::to_string(op.filter_height) + "x" +
                 std::to_string(op.filter_width),
             "the whole image, " + std::to_string(layer.in.height) + "x" +
                 std::to_string(layer.in.width) + ", and one pixel of output");
    }
    if (Params(op.inputs[0]) != Params(op.outputs[0])) {
      Refuse("scale", std::to_string(Params(op.outputs[0]).scale),
             "that of the input");
    }
    out = OutputOf(op);
  }

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
          "weights " + ToText(fits) + " of operator " + std::to_string(op_));
    }
    if (layer.out != expected) {
      Refuse("output", ToText(Tensor(op.outputs[0]).shape),
             ToText(std::vector{expected.height, expected.width,
                                expected.channels}));
    }
  }

  void Conv(const TfliteOperator& op, Layer& layer, TfliteConv& conv) {
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

  void SetRoles() {
    Layer* last = nullptr;
    for (Layer& layer : model_.layers) {
      if (!layer.has_weights()) continue;
      if (last == nullptr) layer.role = Role::kFirst;
      last = &layer;
    }
    if (last != nullptr && last->role == Role::kMiddle) {
      last->role = Role::kLast;
    }
  }

  static constexpr std::size_t kMostElements = std::size_t{1} << 28;

  const io::Tflite& file_;
  const std::string& origin_;
  Model& model_;
  std::vector<TfliteLayer>& layers_;
  std::vector<int> producer_;  // by tensor: the layer it comes from
  std::size_t op_ = 0;
  std::int32_t softmax_input_ = -1;
};

}  // namespace

TfliteNetwork::Impl::Impl(const io::Tflite& file, const std::string& origin) {
  Builder(file, origin, model, layers).Build(input, output);
  buffer = AssignSlots(model, buffers);
}

TfliteNetwork::TfliteNetwork(const io::Tflite& file, const std::string& origin)
    : impl_(std::make_unique<Impl>(file, origin)) {}

TfliteNetwork TfliteNetwork::Load(const std::filesystem::path& path) {
  return {io::Tflite::Open(path), path.string()};
}

}  // namespace nibble::nn
