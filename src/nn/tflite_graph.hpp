// A TensorFlow Lite file as those see it who make layers of it: its tensors,
// and refusals that name file, operator and tensor.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nibble/core/check.hpp"
#include "nibble/io/tflite.hpp"
#include "nibble/nn/model.hpp"
#include "nibble/nn/tflite_ops.hpp"
#include "nibble/quant/params.hpp"

namespace nibble::nn {

inline std::string ToText(std::span<const std::size_t> shape) {
  std::string text;
  for (const std::size_t n : shape) {
    text += (text.empty() ? "" : ", ") + std::to_string(n);
  }
  return "[" + text + "]";
}

class TfliteGraph {
 public:
  TfliteGraph(const io::Tflite& file, const std::string& origin)
      : file_(file), origin_(origin) {}

  static std::size_t At(std::int32_t i) { return static_cast<std::size_t>(i); }

  const io::TfliteTensor& Tensor(std::int32_t i) const {
    return file_.tensors[At(i)];
  }

  [[noreturn]] void Refuse(const std::string& field, const std::string& found,
                           const std::string& expected) const {
    const io::TfliteOperator& op = file_.operators[op_];
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
    const io::TfliteTensor& t = Tensor(i);
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

  // The range of codes that the activation function leaves.
  TfliteOutput OutputOf(const io::TfliteOperator& op) const {
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

  const io::Tflite& file() const { return file_; }
  const std::string& origin() const { return origin_; }
  // Of the operator that is being read.
  std::size_t index() const { return op_; }
  void set_index(std::size_t op) { op_ = op; }

 private:
  static constexpr std::size_t kMostElements = std::size_t{1} << 28;

  const io::Tflite& file_;
  const std::string& origin_;
  std::size_t op_ = 0;
};

// A convolution, depthwise or not, or a fully connected layer.
void ReadConv(const TfliteGraph& graph, const io::TfliteOperator& op,
              Layer& layer, TfliteConv& conv);

}  // namespace nibble::nn
