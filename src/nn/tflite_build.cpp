// From a file's operators to layers and their arithmetic.
#include <algorithm>

#include "nibble/core/check.hpp"
#include "src/nn/slots.hpp"
#include "src/nn/tflite_graph.hpp"
#include "src/nn/tflite_impl.hpp"

namespace nibble::nn {
namespace {

using io::TfliteOp;
using io::TfliteOperator;

class Builder : public TfliteGraph {
 public:
  Builder(const io::Tflite& tflite, const std::string& name, Model& model,
          std::vector<TfliteLayer>& layers)
      : TfliteGraph(tflite, name),
        model_(model),
        layers_(layers),
        producer_(tflite.tensors.size(), kNoLayer) {}

  void Build(QuantParams& input, QuantParams& output) {
    const std::int32_t in = Only(file().inputs, "inputs");
    const std::int32_t out = Only(file().outputs, "outputs");
    model_.name = "tflite";
    model_.input = ImageShape(in);
    model_.preprocessing.unit_range = false;
    input = Params(in);
    producer_[At(in)] = kImage;
    for (std::size_t i = 0; i < file().operators.size(); ++i) {
      set_index(i);
      Append(file().operators[i]);
    }
    const int last = static_cast<int>(model_.layers.size()) - 1;
    if (last < 0 || producer_[At(out)] != last) {
      throw InputError(origin(), "outputs", "tensor " + std::to_string(out),
                       "what the last operator writes");
    }
    model_.classes = model_.layers.back().out.size();
    output = Params(softmax_input_ < 0 ? out : softmax_input_);
    SetRoles();
  }

 private:
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
    layer.name = "operator" + std::to_string(index());
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
        ReadConv(*this, op, layer, arithmetic.conv);
        arithmetic.filter = PackByteFilter(
            arithmetic.conv.shape, arithmetic.conv.weight, arithmetic.conv.bias,
            static_cast<std::uint8_t>(arithmetic.conv.in_zero + 128));
    }
    producer_[At(out)] = static_cast<int>(model_.layers.size());
    model_.layers.push_back(std::move(layer));
    layers_.push_back(std::move(arithmetic));
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

  Model& model_;
  std::vector<TfliteLayer>& layers_;
  std::vector<int> producer_;  // by tensor: the layer it comes from
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
