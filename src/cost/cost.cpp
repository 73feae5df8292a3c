#include "nibble/cost/cost.hpp"

#include <cmath>

#include "nibble/core/check.hpp"
#include "nibble/format/registry.hpp"

namespace nibble::cost {

Cost& Cost::operator+=(const Cost& other) {
  macs += other.macs;
  weights += other.weights;
  linear += other.linear;
  quadratic += other.quadratic;
  memory_bits += other.memory_bits;
  ace += other.ace;
  bytes += other.bytes;
  return *this;
}

Cost Of(const Work& work, const Precision& precision) {
  const auto weight = static_cast<std::uint64_t>(precision.weight);
  const auto activation = static_cast<std::uint64_t>(precision.activation);
  Cost cost;
  cost.macs = work.macs;
  cost.weights = work.weights;
  cost.linear = work.macs * LinearBits(precision);
  cost.quadratic = work.macs * weight * activation;
  cost.memory_bits = work.weights * weight;
  cost.ace = work.macs * weight * activation;
  cost.bytes = static_cast<std::uint64_t>(std::ceil(
      static_cast<double>(work.weights) * precision.stored_weight / 8));
  return cost;
}

Work ConvWork(std::span<const std::size_t> input,
              std::span<const std::size_t> kernel,
              std::span<const std::size_t> stride, std::size_t in_channels,
              std::size_t out_channels) {
  NIBBLE_CHECK("ConvWork", kernel.size() == input.size());
  NIBBLE_CHECK("ConvWork", stride.size() == input.size());
  Work work{1, in_channels * out_channels};
  for (std::size_t i = 0; i < input.size(); ++i) {
    NIBBLE_CHECK("ConvWork", stride[i] > 0);
    work.macs *= (input[i] + stride[i] - 1) / stride[i];
    work.weights *= kernel[i];
  }
  work.macs *= work.weights;
  return work;
}

Work MatmulWork(std::size_t m, std::size_t k, std::size_t n, bool weight) {
  return {m * k * n, weight ? k * n : 0};
}

Work WorkOf(const nn::Layer& layer, std::size_t context) {
  if (layer.kind == nn::LayerKind::kAttention) {
    return {(context + 1) * layer.out.channels, 0};  // q k^T and p v
  }
  if (!layer.has_weights()) return {};
  const std::uint64_t weights = layer.out.channels * layer.reduction();
  return {layer.has_products() ? layer.out.pixels() * weights : 0,
          layer.tied.empty() ? weights : 0};
}

Precision PrecisionOf(const nn::Layer& layer, const nn::QuantSpec& spec) {
  Precision precision;
  if (!layer.has_weights()) return precision;
  if (const auto& scheme = spec.ForWeights(layer)) {
    const auto [rows, cols] = nn::AsMatrix(layer.weight_shape());
    precision.weight = Info(scheme->format).bits;
    precision.stored_weight = BitsPerElement(*scheme, rows, cols);
  }
  if (const auto& scheme = spec.ForInput(layer)) {
    precision.activation = Info(scheme->format).bits;
  }
  return precision;
}

Cost Count(const nn::Model& model, const nn::QuantSpec& spec) {
  Cost total;
  for (const nn::Layer& layer : model.layers) {
    const Work work = WorkOf(layer, model.context);
    if (work != Work{}) total += Of(work, PrecisionOf(layer, spec));
  }
  return total;
}

}  // namespace nibble::cost
