// One convolution or linear layer whose products are computed by other means.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "nibble/core/executor.hpp"
#include "nibble/nn/conv2d.hpp"
#include "nibble/nn/model.hpp"
#include "nibble/nn/product.hpp"
#include "nibble/nn/quant_spec.hpp"
#include "nibble/nn/weights.hpp"
#include "nibble/quant/params.hpp"
#include "nibble/quant/scheme.hpp"

namespace nibble::nn {

// Weights and inputs are the floats that their codes stand for; a layer without
// a scheme has its own floats. `product` gets, for each group of channels, the
// windows of the images as rows [images * pixels, reduction] (padding is zero)
// and the weights [out / groups, reduction]; the bias is added to its sums in
// float, then the ReLU.
class ProductLayer {
 public:
  ProductLayer(const Layer& layer, const FoldedWeights& folded,
               const QuantSpec& spec, const MatrixProduct& product);

  const std::optional<Scheme>& input_scheme() const { return input_; }
  bool needs_params() const;

  // Static schemes: one for all (granularity tensor) or one per input channel.
  void SetParams(std::vector<QuantParams> params);

  // in: [images, layer.in], out: [images, layer.out]; a token of a language
  // model is an image. One call of the product for each part of `executor`'s.
  //
  // Errors   std::invalid_argument if a size disagrees or params are missing.
  void Run(std::size_t images, std::span<const float> in, std::span<float> out,
           const Executor& executor = {}) const;

 private:
  std::vector<float> Quantized(std::span<const float> image) const;
  void RunSome(std::size_t images, const float* in, float* out) const;

  Conv2dShape shape_;
  std::optional<Scheme> input_;
  std::vector<BoundProduct> products_;  // one per group
  bool relu_;
  std::vector<float> bias_;
  std::vector<QuantParams> params_;
};

}  // namespace nibble::nn
