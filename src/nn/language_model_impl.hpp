// What a LanguageModel holds; shared by the files that run and calibrate it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "nibble/core/aligned.hpp"
#include "nibble/nn/attention.hpp"
#include "nibble/nn/conv2d.hpp"
#include "nibble/nn/fake_layer.hpp"
#include "nibble/nn/language_model.hpp"
#include "nibble/nn/product_layer.hpp"
#include "nibble/nn/rotary.hpp"

namespace nibble::nn {

// A layer with weights, ready to run. What is exact is there only where it is
// used: without schemes, or to calibrate.
struct TokenUnit {
  // A linear layer has one of these.
  std::optional<Filter> exact;
  std::optional<Filter> weight_only;    // weights quantized, input not
  std::optional<FakeLayer> fake;        // input quantized
  std::optional<ProductLayer> product;  // products by other means
  // An embedding has one of these, [vocab, dim]; a norm the first, [dim].
  std::vector<float> table;
  std::vector<float> quantized_table;

  std::size_t attention = 0;  // which one of the model's, for the cache
};

struct LanguageModel::Impl {
  Impl(Model m, const Weights& weights, QuantSpec s, Products p);

  // Sees the input of layer i before it runs.
  using InputVisitor =
      std::function<void(std::size_t i, std::span<const float> in)>;

  // Buffers of one call.
  struct Workspace {
    std::vector<AlignedVector<float>> slots;
    RotaryTable rotary;
    std::vector<float> q;  // rotated
  };

  // With `calibrating` products are exact and inputs stay in float.
  struct Call {
    std::span<const int> tokens;
    KvCache& cache;
    const Executor& executor;
    bool only_last = false;
    bool calibrating = false;
    const InputVisitor& visit;
  };
  std::vector<float> Run(const Call& call) const;
  void CheckCall(const Call& call) const;
  void RunLayer(std::size_t i, const Call& call, Workspace& workspace,
                std::span<const float> in, std::span<float> out) const;
  void RunEmbedding(std::size_t i, const Call& call,
                    std::span<float> out) const;
  void RunLinear(std::size_t i, const Call& call, std::span<const float> in,
                 std::span<float> out) const;
  void RunAttention(std::size_t i, const Call& call, Workspace& workspace,
                    std::span<const float> q, std::span<const float> k,
                    std::span<const float> v, std::span<float> out) const;
  std::span<const float> Output(int layer, std::size_t tokens,
                                const Workspace& workspace) const;

  Model model;
  QuantSpec spec;
  Products products;
  std::vector<TokenUnit> units;   // by layer
  std::vector<std::size_t> slot;  // by layer: the buffer of its output
  std::size_t slots = 0;
  std::size_t attentions = 0;
};

}  // namespace nibble::nn
