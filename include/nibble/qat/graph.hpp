// A model, forward and backward, over one shard of a batch.
//
// The layers are those of nn::Model's table. Each keeps what its backward pass
// needs, in one block of memory that a shard owns while it runs:
//
//     x    [images, in]    the layer's input, with its reader's border of zeros
//     xq   [images, in]    the same quantized, where the layer has a grid
//     z    [images, out]   a convolution before batch norm
//     y    [images, out]   the layer's output; the x of who reads it
//     dy   [images, out]   gradient by y, in memory that others use later
//
// Convolutions run a few images at a time, so that what one pass writes is in
// the cache when the next reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nibble/core/aligned.hpp"
#include "nibble/nn/model.hpp"
#include "nibble/qat/conv.hpp"
#include "nibble/qat/input_grid.hpp"
#include "nibble/qat/parameters.hpp"

namespace nibble::qat {

// What one step gives to every shard.
struct StepInputs {
  std::span<const float> parameters;       // biases, gamma, beta
  std::vector<AlignedVector<float>> packed;  // weights, by layer
  std::vector<InputGrid> grids;              // by layer
  // Running means and variances, to normalize with as inference does; empty:
  // those of the shard.
  std::span<const float> moments;
  bool backward = true;  // whether who runs the shard shall go back too
};

// What a shard gives back.
struct ShardResult {
  std::vector<float> gradient;  // as the parameters, of the sum of losses
  std::vector<double> moments;  // batch norm: mean, then unbiased variance
  std::vector<InputSums> inputs;  // by layer
  double loss = 0;              // sum over the images
  std::size_t correct = 0;
  int bad_layer = nn::kNoLayer;  // where a loss that is not finite came from
};

// The memory of a shard that runs.
class Workspace {
 public:
  std::span<float> input() { return memory_; }

 private:
  friend class Graph;
  AlignedVector<float> memory_;
  std::vector<std::vector<float>> affine_;  // by layer: batch norm, see .cpp
};

class Graph {
 public:
  // images: the most that a shard holds. quantized: whether a step may have
  // grids, which need memory.
  Graph(const nn::Model& model, std::size_t images, bool quantized);

  const nn::Model& model() const { return model_; }
  const ParameterTable& table() const { return table_; }
  // How the network's input lies: write it with its view, borders stay zero.
  const Layout& input_layout() const { return layouts_[0]; }

  Workspace MakeWorkspace() const;

  // Packs a layer's weights, [out][kernel height][kernel width][in / groups].
  void Pack(std::size_t layer, const float* weights,
            AlignedVector<float>& packed) const;

  // Runs the images that lie in workspace.input(). Returns logits [images,
  // classes].
  std::span<const float> Forward(const StepInputs& step, std::size_t images,
                                 Workspace& workspace,
                                 ShardResult& result) const;

  // After Forward: adds to result.gradient.
  void Backward(const StepInputs& step, std::size_t images,
                std::span<const float> logits_gradient, Workspace& workspace,
                ShardResult& result) const;

  // Sizes of `result`, all zero, and nothing seen of the inputs.
  ShardResult MakeResult() const;

  // After Forward: the first layer with an output that is not finite, or
  // nn::kNoLayer.
  int FirstNotFinite(std::size_t images, const Workspace& workspace) const;

 private:
  struct Unit {
    std::optional<Conv> conv;
    std::size_t xq = 0, z = 0, y = 0;  // offsets in the memory
    std::size_t d = 0, dxq = 0;        // scratch of `group` images
    std::size_t group = 1;             // images that run together
  };
  struct Pass;
  void PlanMemory(std::size_t images, bool quantized);
  void PlanGradients(std::size_t images);
  std::size_t Take(std::size_t elements);

  void ForwardConv(const Pass& pass, std::size_t i) const;
  void FinishNorm(const Pass& pass, std::size_t i,
                  std::span<const double> sums) const;
  void ForwardPool(const Pass& pass, std::size_t i) const;
  void ForwardAdd(const Pass& pass, std::size_t i) const;
  void BackwardConv(const Pass& pass, std::size_t i) const;
  void PrepareNorm(const Pass& pass, std::size_t i) const;
  void BackwardPool(const Pass& pass, std::size_t i) const;
  void BackwardAdd(const Pass& pass, std::size_t i) const;
  void Quantize(const Pass& pass, std::size_t i, std::size_t first,
                std::size_t count) const;
  void QuantizeBack(const Pass& pass, std::size_t i, std::size_t first,
                    std::size_t count, bool add) const;

  const Layout& LayoutOf(int layer) const {
    return layouts_[static_cast<std::size_t>(layer + 1)];
  }
  // The input of layer i as its convolution has it: flat for a dense one.
  Layout InputOf(std::size_t i) const {
    const nn::Layer& layer = model_.layers[i];
    if (layer.kind != nn::LayerKind::kLinear) return LayoutOf(layer.input);
    return {{1, 1, layer.in.size()}};
  }
  std::size_t OffsetOf(int layer) const {
    return layer == nn::kImage ? 0 : units_[static_cast<std::size_t>(layer)].y;
  }

  nn::Model model_;
  ParameterTable table_;
  std::vector<Layout> layouts_;  // of the image, then of each layer's output
  std::vector<Unit> units_;      // by layer
  // Offset of the gradient by the image (unused), then by each layer's output;
  // and whether the layer, walking back, is the first to write its inputs'.
  std::vector<std::size_t> gradients_;
  std::vector<bool> first_writer_[2];
  std::size_t memory_ = 0;
};

}  // namespace nibble::qat
