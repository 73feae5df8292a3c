// A network whose layers hand each other codes: "chained" in
// docs/quantization-points.md. Both engines, from one set of constants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nibble/nn/fake_conv2d.hpp"
#include "nibble/nn/model.hpp"
#include "nibble/nn/quant_spec.hpp"
#include "nibble/nn/tflite_ops.hpp"
#include "nibble/nn/weights.hpp"
#include "nibble/quant/conv2d.hpp"
#include "nibble/quant/params.hpp"

namespace nibble::nn {

// The scheme of a layer's output (or of the image, kImage) under a chained
// specification: that of the first layer with weights that reads it, or, where
// none does, of activations.
//
// Errors   InputError if there is none, if it has no static scale for all, or
//          if its codes are no integers.
const Scheme& ChainScheme(const Model& model, const QuantSpec& spec, int layer);

class Chain {
 public:
  // folded: by layer, empty for layers without weights; params: of the image,
  // then of each layer's output; the last one's are not used.
  //
  // Errors   InputError naming the layer if integers do not hold its schemes,
  //          if its weights have zero points, for a max pool, or if the last
  //          layer has no weights.
  Chain(const Model& model, const QuantSpec& spec,
        std::span<const FoldedWeights> folded,
        std::span<const QuantParams> params);

  // Logits [images, classes] of inputs [images, model.input].
  std::vector<float> Run(std::size_t images, std::span<const float> in) const;

  // The same for one image by plain loops: products in double, nothing shared
  // with the kernels.
  std::vector<float> RunFake(std::span<const float> in) const;

 private:
  // Codes as int8: the format's less `center`, which is 128 for unsigned ones.
  struct Tensor {
    Scheme scheme;
    QuantParams params;
    std::int32_t center = 0;
    std::int32_t zero = 0, low = -128, high = 127;
  };
  struct Step {
    std::vector<float> scale;        // [out]; a pool's is [1]
    std::vector<std::int32_t> bias;  // [out]
    std::vector<float> values;       // weights as integers
    ByteFilter filter;               // and packed
    TfliteAdd add;
    std::int32_t zero = 0, low = -128, high = 127;  // of int8 codes
  };
  using Bytes = std::vector<std::uint8_t>;
  using Codes = std::vector<std::int8_t>;

  void MakeConv(const Layer& layer, const QuantSpec& spec,
                const FoldedWeights& folded, Step& step) const;
  const Tensor& tensor(int layer) const {
    return tensors_[static_cast<std::size_t>(layer + 1)];
  }
  Bytes Quantized(std::size_t images, std::span<const float> in) const;
  std::int8_t Rounded(const Step& step, std::int32_t sum, std::size_t o) const;

  Model model_;
  std::vector<Tensor> tensors_;  // image, then layers
  std::vector<Step> steps_;
  std::vector<std::size_t> buffer_;
  std::size_t buffers_ = 0;
};

}  // namespace nibble::nn
