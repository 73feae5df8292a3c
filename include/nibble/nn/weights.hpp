// Named float tensors: read from a safetensors file or put in by a program.
//
//     nn::Weights file = nn::Weights::Load("resnet20.safetensors");
//
//     nn::Weights trained("digits");   // the name stands in error messages
//     trained.Set("fc1.weight", {64, 64}, w1);
//     trained.Set("fc1.bias", {64}, b1);
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "nibble/nn/model.hpp"
#include "nibble/nn/quant_spec.hpp"
#include "nibble/quant/params.hpp"
#include "nibble/quant/quantized_tensor.hpp"

namespace nibble::nn {

class Weights {
 public:
  explicit Weights(std::string origin = "memory")
      : origin_(std::move(origin)) {}

  // From a safetensors file, an index of several, or a folder of either.
  //
  // Errors   InputError if a file is not a sound safetensors file; see
  //          io::Checkpoint.
  static Weights Load(const std::filesystem::path& file);

  // Errors   std::invalid_argument if values.size() is not the shape's product.
  void Set(const std::string& name, std::vector<std::size_t> shape,
           std::vector<float> values);

  // Errors   InputError naming origin, tensor, found and expected shape if the
  //          tensor is absent or has another shape.
  std::span<const float> Get(const std::string& name,
                             std::span<const std::size_t> shape) const;

  bool Has(const std::string& name) const { return tensors_.contains(name); }

  // What the file says beside its tensors; "" where it does not.
  std::string Note(const std::string& key) const;
  void SetNote(const std::string& key, std::string value) {
    notes_[key] = std::move(value);
  }

  const std::string& origin() const { return origin_; }

 private:
  struct Tensor {
    std::vector<std::size_t> shape;
    std::vector<float> values;
  };
  std::string origin_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string> notes_;
};

// A layer's weights as every engine takes them, batch norm folded in:
//
//     w' = w * g,   b' = beta + (b - mean) * g,   g = gamma / sqrt(var + eps)
//
// with eps = 1e-5, computed in double and rounded once.
//
// Shapes   weight: [out][kernel height][kernel width][in / groups], that is
//          rows of layer.reduction() elements, channels innermost like the
//          activations; bias: [out], zero where the layer has none.
struct FoldedWeights {
  std::vector<float> weight;
  std::vector<float> bias;
  // What training learned, times g; empty where there is no tensor
  // `name`.weight_scale. [out], under the scheme of the note
  // "nibble:`name`.weight_scale" and no other; may be negative, as g may.
  std::vector<float> scales = {};
  std::string scheme = {};
};
FoldedWeights Fold(const Layer& layer, const Weights& weights);

// weight as `scheme` quantizes it, with `scales` where they are of that scheme.
QuantizedTensor QuantizeFolded(const Layer& layer, const FoldedWeights& folded,
                               const Scheme& scheme);

// The parameters that training found for the layer's input, 1 or one per input
// channel: tensors `name`.input_scale, .input_inverse and .input_zero_point.
// Empty where there are none, or where they are of another scheme.
std::vector<QuantParams> InputParamsOf(const Layer& layer,
                                       const Weights& weights,
                                       const Scheme& scheme);

// The schemes that the file was trained under; nothing where it names none.
QuantSpec TrainedSpec(const Weights& weights);

}  // namespace nibble::nn
