#include "nibble/nn/fake_layer.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "nibble/core/check.hpp"
#include "nibble/format/registry.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble::nn {
namespace {

// The largest |code - zero point|, or nothing if those are no integers.
std::optional<double> LargestInteger(const Scheme& scheme) {
  const FormatInfo& info = Info(scheme.format);
  const bool integer =
      info.family == Family::kTernary ||
      (info.family == Family::kInteger && !info.integer.half_shift);
  if (!integer) return std::nullopt;
  const double lowest = info.is_signed ? double{info.min} : 0.0;
  // A zero point may lie at either end of the range.
  return scheme.recipe == Recipe::kAsym || scheme.recipe == Recipe::kTorch
             ? info.max - lowest
             : std::max(double{info.max}, -lowest);
}

}  // namespace

bool IntegersHold(const Scheme& weights, const Scheme& input,
                  std::size_t reduction) {
  const auto w = LargestInteger(weights);
  const auto x = LargestInteger(input);
  if (!w || !x) return false;
  if (weights.granularity != Granularity::kTensor &&
      weights.granularity != Granularity::kChannel) {
    return false;
  }
  if (input.granularity != Granularity::kTensor &&
      input.granularity != Granularity::kToken) {
    return false;
  }
  return *w * *x * static_cast<double>(reduction) < kBiasLimit;
}

bool IsStatic(const Scheme& input) {
  return input.granularity == Granularity::kTensor ||
         input.granularity == Granularity::kChannel;
}

std::int32_t BiasCode(float bias, float scale) {
  constexpr double kLimit = kBiasLimit;
  const double code = std::nearbyint(double{bias} / double{scale});
  return static_cast<std::int32_t>(std::clamp(code, -kLimit, kLimit));
}

struct FakeLayer::WeightCodes {
  bool integers;
  std::vector<float> values;  // integers, or what the codes stand for
  std::vector<float> scales;  // of integers
};

FakeLayer::WeightCodes FakeLayer::CodesOf(const Layer& layer,
                                          const FoldedWeights& folded,
                                          const QuantSpec& spec) {
  const auto& scheme = spec.ForWeights(layer);
  if (!scheme) return {false, folded.weight, {}};
  const QuantizedTensor codes = QuantizeFolded(layer, folded, *scheme);
  if (IntegersHold(*scheme, spec.ForInput(layer).value(), layer.reduction())) {
    return {true, CodeValues(codes), codes.scales};
  }
  std::vector<float> values(folded.weight.size());
  DequantizeTensor(codes, values);
  return {false, std::move(values), {}};
}

FakeLayer::FakeLayer(const Layer& layer, const FoldedWeights& folded,
                     const QuantSpec& spec)
    : FakeLayer(layer, folded, spec.ForInput(layer).value(),
                CodesOf(layer, folded, spec)) {}

FakeLayer::FakeLayer(const Layer& layer, const FoldedWeights& folded,
                     const Scheme& input, WeightCodes codes)
    : input_(input),
      integers_(codes.integers),
      relu_(layer.relu),
      conv_(ConvShapeOf(layer), codes.values),
      bias_(folded.bias),
      weight_scales_(std::move(codes.scales)) {
  // A token is an image: the granularity of one scale per result. Channels
  // and groups run along the channels of a pixel.
  const Shape& in = conv_.shape().in;
  rows_ = input_.granularity == Granularity::kToken ? 1 : in.pixels();
  cols_ = in.size() / rows_;
}

void FakeLayer::SetParams(std::vector<QuantParams> params) {
  NIBBLE_CHECK("FakeLayer::SetParams", IsStatic(input_));
  NIBBLE_CHECK("FakeLayer::SetParams",
               params.size() ==
                   (input_.granularity == Granularity::kTensor ? 1 : cols_));
  params_ = std::move(params);
}

void FakeLayer::Run(std::span<const float> in, std::span<float> out) const {
  NIBBLE_CHECK("FakeLayer::Run", in.size() == conv_.shape().in.size());
  NIBBLE_CHECK("FakeLayer::Run", out.size() == conv_.shape().out.size());
  NIBBLE_CHECK("FakeLayer::Run", !needs_params());
  if (integers_) {
    RunIntegers(in, out);
  } else {
    RunFloats(in, out);
  }
}

void FakeLayer::RunIntegers(std::span<const float> in,
                            std::span<float> out) const {
  const QuantizedTensor codes =
      params_.empty() ? QuantizeTensor(input_, in, rows_, cols_)
                      : QuantizeTensor(input_, in, rows_, cols_, params_);
  std::vector<double> sums(out.size());
  conv_.Run(CodeValues(codes), sums);
  const std::size_t n = bias_.size();
  std::vector<float> scales(n);
  std::vector<std::int32_t> bias(n);
  for (std::size_t o = 0; o < n; ++o) {
    const float weight = weight_scales_[weight_scales_.size() == 1 ? 0 : o];
    scales[o] = weight * codes.scales[0];
    bias[o] = BiasCode(bias_[o], scales[o]);
  }
  for (std::size_t i = 0; i < out.size(); i += n) {
    for (std::size_t o = 0; o < n; ++o) {
      const auto sum = static_cast<std::int32_t>(sums[i + o]) + bias[o];
      out[i + o] = Requantized(sum, scales[o], relu_);
    }
  }
}

void FakeLayer::RunFloats(std::span<const float> in,
                          std::span<float> out) const {
  std::vector<float> values(in.size());
  if (params_.empty()) {
    QuantizeDequantize(input_, in, rows_, cols_, values);
  } else {
    QuantizeDequantize(input_, in, rows_, cols_, params_, values);
  }
  std::vector<double> sums(out.size());
  conv_.Run(values, sums);
  const std::size_t n = bias_.size();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto y = static_cast<float>(sums[i] + double{bias_[i % n]});
    out[i] = relu_ && y < 0.0f ? 0.0f : y;
  }
}

}  // namespace nibble::nn
