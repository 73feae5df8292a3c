// What training found beside the weights: schemes, scales.
#include <algorithm>
#include <cmath>
#include <optional>

#include "nibble/core/check.hpp"
#include "nibble/nn/conv2d.hpp"
#include "nibble/nn/weights.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble::nn {

QuantizedTensor QuantizeFolded(const Layer& layer, const FoldedWeights& folded,
                               const Scheme& scheme) {
  const std::size_t rows = layer.out.channels, cols = layer.reduction();
  if (folded.scales.empty() || folded.scheme != ToString(scheme)) {
    return QuantizeTensor(scheme, folded.weight, rows, cols);
  }
  // Row by row, since params are of columns or of all.
  Scheme row = scheme;
  row.granularity = Granularity::kTensor;
  QuantizedTensor all = QuantizeTensor(scheme, folded.weight, rows, cols);
  for (std::size_t o = 0; o < rows; ++o) {
    const QuantParams params[] = {{.scale = folded.scales[o]}};
    const QuantizedTensor one = QuantizeTensor(
        row, std::span(folded.weight).subspan(o * cols, cols), 1, cols, params);
    std::ranges::copy(one.codes, all.codes.begin() +
                                     static_cast<std::ptrdiff_t>(o * cols));
    all.scales[o] = folded.scales[o];
  }
  return all;
}

std::vector<QuantParams> InputParamsOf(const Layer& layer,
                                       const Weights& weights,
                                       const Scheme& scheme) {
  const std::string name = layer.name + ".input_scale";
  if (!weights.Has(name) ||
      weights.Note("nibble:" + name) != ToString(scheme)) {
    return {};
  }
  const std::size_t n = scheme.granularity == Granularity::kChannel
                            ? ConvShapeOf(layer).in.channels
                            : 1;
  const std::size_t shape[] = {n};
  const auto scale = weights.Get(name, shape);
  const auto inverse = weights.Get(layer.name + ".input_inverse", shape);
  const auto zero = weights.Get(layer.name + ".input_zero_point", shape);
  std::vector<QuantParams> params;
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isnormal(scale[i]) || !std::isnormal(inverse[i]) ||
        !(std::abs(zero[i]) <= 256)) {
      throw InputError(weights.origin(), "tensor " + name,
                       std::to_string(scale[i]), "numbers above zero");
    }
    params.push_back({scale[i], static_cast<std::int32_t>(zero[i]), inverse[i]});
  }
  return params;
}

QuantSpec TrainedSpec(const Weights& weights) {
  const auto scheme =
      [&](const std::string& key) -> std::optional<Scheme> {
    const std::string name = weights.Note("nibble:" + key);
    if (name.empty()) return std::nullopt;
    return ParseScheme(name);
  };
  return {scheme("weight_scheme"), scheme("act_scheme"), scheme("ends_scheme"),
          scheme("ends_input_scheme")};
}

}  // namespace nibble::nn
