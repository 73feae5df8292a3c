// One convolution or dense layer under fake quantization: the specification of
// what an integer engine computes. docs/quantization-points.md has the list of
// which this is the code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nibble/nn/fake_conv2d.hpp"
#include "nibble/nn/model.hpp"
#include "nibble/nn/quant_spec.hpp"
#include "nibble/nn/weights.hpp"
#include "nibble/quant/params.hpp"
#include "nibble/quant/scheme.hpp"

namespace nibble::nn {

// Whether codes minus zero points are integers with one scale per output
// channel and one per image, and every sum of `reduction` products keeps below
// 2^30: what int32 accumulators and a bias of up to 2^30 can hold.
bool IntegersHold(const Scheme& weights, const Scheme& input,
                  std::size_t reduction);

// Whether the scheme, on activations, has its scale before it sees the data.
bool IsStatic(const Scheme& input);

// The bias as an integer in units of s = s_w * s_x (rounded to float once):
//
//     round(bias / s), halves to even, clamped to +-2^30
constexpr std::int32_t kBiasLimit = std::int32_t{1} << 30;
std::int32_t BiasCode(float bias, float scale);

// What an integer sum stands for. Two roundings, the same everywhere.
//
//     y = float(sum + bias code) * s,   then max(0, y) if `relu`
inline float Requantized(std::int32_t sum_and_bias, float scale, bool relu) {
  const float y = static_cast<float>(sum_and_bias) * scale;
  return relu && y < 0.0f ? 0.0f : y;
}

class FakeLayer {
 public:
  // spec must give the layer's input a scheme; its weights may have none.
  FakeLayer(const Layer& layer, const FoldedWeights& folded,
            const QuantSpec& spec);

  const Scheme& input_scheme() const { return input_; }
  bool integers() const { return integers_; }
  bool needs_params() const { return IsStatic(input_) && params_.empty(); }

  // Static schemes: one for all (granularity tensor) or one per input channel.
  void SetParams(std::vector<QuantParams> params);

  // in: [layer.in], out: [layer.out], one image.
  // Errors   std::invalid_argument if a size disagrees or params are missing.
  void Run(std::span<const float> in, std::span<float> out) const;

 private:
  struct WeightCodes;
  FakeLayer(const Layer& layer, const FoldedWeights& folded,
            const Scheme& input, WeightCodes codes);
  static WeightCodes CodesOf(const Layer& layer, const FoldedWeights& folded,
                             const QuantSpec& spec);

  void RunIntegers(std::span<const float> in, std::span<float> out) const;
  void RunFloats(std::span<const float> in, std::span<float> out) const;

  Scheme input_;
  bool integers_;
  bool relu_;
  FakeConv2d conv_;
  std::vector<float> bias_;
  std::vector<float> weight_scales_;  // [1] or [out]; integers only
  std::vector<QuantParams> params_;
  std::size_t rows_, cols_;  // the input as a matrix for the quantizer
};

}  // namespace nibble::nn
