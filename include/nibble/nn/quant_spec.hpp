// Which scheme each layer's weights and inputs get. The network computes with
// it and the costs count with it.
#pragma once

#include <optional>

#include "nibble/nn/model.hpp"
#include "nibble/quant/scheme.hpp"

namespace nibble::nn {

// No scheme: left in float (counted as 16 bits, AQT's bfloat16 baseline).
struct QuantSpec {
  std::optional<Scheme> weights = {};
  std::optional<Scheme> activations = {};
  // Weights and inputs of first and last layer; inputs apart, if they differ.
  std::optional<Scheme> ends = {};
  std::optional<Scheme> ends_input = {};
  // Codes go straight from layer to layer, through residual adds and pools
  // too: docs/quantization-points.md, "Chained".
  bool chain = false;

  const std::optional<Scheme>& ForWeights(const Layer& layer) const {
    return IsEnd(layer) && ends ? ends : weights;
  }
  const std::optional<Scheme>& ForInput(const Layer& layer) const {
    if (IsEnd(layer) && ends_input) return ends_input;
    return IsEnd(layer) && ends ? ends : activations;
  }
  bool operator==(const QuantSpec&) const = default;

 private:
  static bool IsEnd(const Layer& layer) { return layer.role != Role::kMiddle; }
};

}  // namespace nibble::nn
