// What a Network holds; shared by the files that run and calibrate it.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "nibble/core/aligned.hpp"
#include "nibble/nn/conv2d.hpp"
#include "nibble/nn/fake_layer.hpp"
#include "nibble/nn/integer_layer.hpp"
#include "nibble/nn/network.hpp"
#include "nibble/nn/product_layer.hpp"
#include "src/nn/chain.hpp"

namespace nibble::nn {

enum class Engine { kExact, kQuantized };

// One buffer per slot, each for the activations of a batch.
using Workspace = std::vector<AlignedVector<float>>;

// Workspaces that tasks leave to the next task, whatever thread that is on.
class Workspaces {
 public:
  Workspace Take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return {};
    Workspace workspace = std::move(free_.back());
    free_.pop_back();
    return workspace;
  }
  void Return(Workspace workspace) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(workspace));
  }

 private:
  std::mutex mutex_;
  std::vector<Workspace> free_;
};

// A layer with weights, ready to run. Empty for the others.
struct Unit {
  Filter exact;                       // in float, for calibration too
  std::optional<Filter> weight_only;  // weights quantized, input not
  std::optional<FakeLayer> fake;      // input quantized; or, by the engine:
  std::optional<IntegerLayer> integer;
  std::optional<ProductLayer> product;  // or products by other means
  bool trained = false;  // the range of the input came with the weights

  // Whether the input's scheme has a range that is found beforehand.
  bool is_static() const { return scheme() != nullptr && IsStatic(*scheme()); }
  // Null where the input is not quantized.
  const Scheme* scheme() const {
    if (integer) return &integer->input_scheme();
    if (product) {
      return product->input_scheme() ? &*product->input_scheme() : nullptr;
    }
    return fake ? &fake->input_scheme() : nullptr;
  }
  bool needs_params() const {
    if (integer) return integer->needs_params();
    if (product) return product->needs_params();
    return fake && fake->needs_params();
  }
  void SetParams(std::vector<QuantParams> params) {
    if (integer) return integer->SetParams(std::move(params));
    if (product) return product->SetParams(std::move(params));
    fake->SetParams(std::move(params));
  }
};

struct Network::Impl {
  Impl(Model m, const Weights& weights, QuantSpec s, QuantEngine engine,
       const Products& products);

  // Sees the inputs of layer i before it runs; in2 is an add's.
  using InputVisitor = std::function<void(
      std::size_t i, std::span<const float> in, std::span<const float> in2)>;

  // Runs all layers; the result lies in the workspace.
  std::span<const float> RunBatch(Engine engine, std::span<const float> inputs,
                                  Workspace& workspace,
                                  const InputVisitor& visit) const;
  void RunLayer(std::size_t i, Engine engine, std::size_t images,
                std::span<const float> in, std::span<const float> in2,
                std::span<float> out) const;

  // Logits of a batch under a chained specification.
  std::vector<float> RunChain(std::span<const float> inputs) const;

  Model model;
  QuantSpec spec;
  QuantEngine quantized = QuantEngine::kFake;
  std::vector<Unit> units;  // by layer
  // Chained specifications only: by layer, and what calibration makes of them.
  std::vector<FoldedWeights> folded;
  std::optional<Chain> chain;
  std::vector<std::size_t> slot;  // by layer: the buffer of its output
  std::size_t slots = 0;
  std::size_t slot_size = 0;  // elements per image
  std::size_t batch = 1;      // images that one task takes
};

}  // namespace nibble::nn
