// Training of a small fully connected network in float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nibble::qat {

// One fully connected layer: y = weight * x + bias.
struct DenseLayer {
  std::size_t inputs, outputs;
  std::vector<float> weight;  // [outputs, inputs]
  std::vector<float> bias;    // [outputs]
};

struct MlpTraining {
  std::vector<std::size_t> sizes;  // inputs, hidden..., classes
  int epochs = 60;
  std::size_t batch = 32;
  float learning_rate = 0.05f;  // decays to 0 along half a cosine
  float momentum = 0.9f;
  float weight_decay = 1e-4f;  // of weights, not of biases
  std::uint64_t seed = 1;
};

// Trains by stochastic gradient descent (Nesterov momentum, cross-entropy, ReLU
// between the layers, He initialization) and returns the layers in order.
//
// Shapes   x: [labels.size(), sizes.front()] row-major; labels: [n], n > 0.
// Domain   finite x; labels below sizes.back().
// Errors   std::invalid_argument if a size disagrees, a label is out of range
// or
//          an option is not positive.
// Cost     epochs * n * 6 floating-point operations a weight; one thread. The
//          same bits in every run with the same seed on the same machine.
std::vector<DenseLayer> TrainMlp(std::span<const float> x,
                                 std::span<const std::uint8_t> labels,
                                 const MlpTraining& options);

}  // namespace nibble::qat
