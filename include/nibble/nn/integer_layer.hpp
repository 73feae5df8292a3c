// One convolution or dense layer on integers: the numbers of FakeLayer, bit for
// bit, by the kernels of quant/conv2d.hpp. docs/quantization-points.md has the
// arithmetic.
//
// Weights of up to 4 bits are kept two to a byte. Weights with a zero point
// reach beyond int8 (code less zero point, up to +-255): they are split into
// two sets of bytes, whose sums are added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nibble/nn/conv2d.hpp"
#include "nibble/nn/quant_spec.hpp"
#include "nibble/nn/weights.hpp"
#include "nibble/quant/conv2d.hpp"
#include "nibble/quant/params.hpp"
#include "nibble/quant/quantized_tensor.hpp"

namespace nibble::nn {

class IntegerLayer {
 public:
  // Errors   InputError naming the layer and its schemes if it has none or if
  //          integers do not hold them: see IntegersHold.
  IntegerLayer(const Layer& layer, const FoldedWeights& folded,
               const QuantSpec& spec);

  const Scheme& input_scheme() const { return input_; }
  bool needs_params() const;

  // Static schemes: one for all.
  void SetParams(std::vector<QuantParams> params);

  // in: [images, layer.in], out: [images, layer.out].
  // Errors   std::invalid_argument if a size disagrees or params are missing.
  void Run(std::size_t images, std::span<const float> in,
           std::span<float> out) const;

 private:
  struct Input;
  Input Quantized(std::size_t images, std::span<const float> in) const;
  std::vector<ByteFilter> Pack(std::uint8_t zero) const;
  void Multiply(const std::vector<ByteFilter>& filters, std::size_t images,
                const Input& input, std::span<float> out) const;

  Scheme input_;
  bool relu_;
  Conv2dShape shape_;
  std::vector<float> bias_;
  std::vector<float> weight_scales_;               // [1] or [out]
  std::vector<std::vector<std::int8_t>> weights_;  // one or two sets
  int weight_bits_ = 8;
  std::vector<QuantParams> params_;
  // For the zero point that is met first or always; others pack anew.
  std::vector<ByteFilter> filters_;
};

}  // namespace nibble::nn
