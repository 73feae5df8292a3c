// What a model costs, counted from its shapes and the bits of its schemes.
//
//     cost::Cost c = cost::Count(nn::MakeModel("resnet50", 1.5),
//                                {.weights = ParseScheme("int4/channel"),
//                                 .activations = ParseScheme("int4"),
//                                 .ends = ParseScheme("int8")});
//     // c.macs, c.weights, c.linear, c.quadratic, c.memory_bits, c.ace,
//     c.bytes
//
// Only convolutions and matrix products are counted, padding included; biases,
// normalization, ReLU, additions and pooling are not. One image; of a language
// model one token, at the mean of a whole context: attention's products, of
// two activations in float, with (context + 1) / 2 tokens.
// Source: AQT's compute_cost_utils (github.com/google/aqt, jax_legacy).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/nn/model.hpp"
#include "nibble/nn/quant_spec.hpp"

namespace nibble::cost {

// Multiply-accumulates and weights of one product. A product of two
// activations has no weights.
struct Work {
  std::uint64_t macs = 0;
  std::uint64_t weights = 0;
  bool operator==(const Work&) const = default;
};

// Bits of the two operands. 16 stands for bfloat16, the unquantized baseline.
struct Precision {
  int weight = 16;
  int activation = 16;
  double stored_weight = 16;  // with scales and zero points, per weight
};

struct Cost {
  std::uint64_t macs = 0;
  std::uint64_t weights = 0;
  std::uint64_t linear = 0;       // sum macs * P, P: see LinearBits
  std::uint64_t quadratic = 0;    // sum macs * weight bits * activation bits
  std::uint64_t memory_bits = 0;  // sum weights * weight bits
  std::uint64_t ace = 0;          // see Of
  std::uint64_t bytes = 0;        // weights as stored, scales included

  Cost& operator+=(const Cost& other);
  bool operator==(const Cost&) const = default;
};

// The width of the multiplier that takes both operands: the larger of the two
// rounded up to 4, 8 or 16 bits, which is what an A100 has.
constexpr std::uint64_t LinearBits(const Precision& p) {
  const int bits = p.weight > p.activation ? p.weight : p.activation;
  return bits <= 4 ? 4 : bits <= 8 ? 8 : 16;
}

// Cost of one product. Arithmetic computation effort is
//
//     ace = sum over bit widths i, j of n_ij * i * j
//
// with n_ij the multiply-accumulates of i-bit by j-bit operands; while nothing
// but products is counted it equals AQT's quadratic cost.
// Source   ACE: Zhang, Zhang and Lew, PokeBNN, arXiv:2112.00133.
Cost Of(const Work& work, const Precision& precision);

// Convolution over any number of spatial dimensions with SAME padding:
// output = ceil(input / stride) in each.
//
// Shapes   input, kernel, stride: one element per dimension.
Work ConvWork(std::span<const std::size_t> input,
              std::span<const std::size_t> kernel,
              std::span<const std::size_t> stride, std::size_t in_channels,
              std::size_t out_channels);

// [m, k] times [k, n], the right side a weight or not.
Work MatmulWork(std::size_t m, std::size_t k, std::size_t n, bool weight);

// context: that of the layer's model. Weights that a layer shares with an
// earlier one are counted there.
Work WorkOf(const nn::Layer& layer, std::size_t context = 0);
Precision PrecisionOf(const nn::Layer& layer, const nn::QuantSpec& spec);

// Sum over the layers of a model.
Cost Count(const nn::Model& model, const nn::QuantSpec& spec = {});

}  // namespace nibble::cost
