// How layers are quantized in training: a recipe is a name, a quantizer for
// weights and one for inputs. Each lies in a file of its own; Recipes() lists
// them. Gradients pass through rounding as if it were the identity
// ("straight-through").
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/nn/model.hpp"
#include "nibble/qat/input_grid.hpp"
#include "nibble/quant/scheme.hpp"

namespace nibble::qat {

// Weights of one layer: a matrix [rows, cols] of output channels.
class WeightQuantizer {
 public:
  virtual ~WeightQuantizer() = default;

  // Learned numbers beside the weights, and their first values.
  virtual std::size_t learned() const { return 0; }
  virtual void Initialize(std::span<const float> /*w*/,
                          std::span<float> /*learned*/) const {}

  // wq = Q(w).
  virtual void Forward(std::span<const float> w, std::span<const float> learned,
                       std::span<float> wq) const = 0;

  // In place: dw, gradient by wq, becomes the gradient by w. Adds to d_learned.
  virtual void Backward(std::span<const float> /*w*/,
                        std::span<const float> /*learned*/,
                        std::span<float> /*dw*/,
                        std::span<float> /*d_learned*/) const {}

  // What inference needs: weights that the scheme quantizes to wq, and scales
  // [rows] where those are not found from the weights.
  virtual std::vector<float> Export(std::span<const float> w) const {
    return {w.begin(), w.end()};
  }
  virtual std::vector<float> ExportScales(
      std::span<const float> /*w*/, std::span<const float> /*learned*/) const {
    return {};
  }
  // The scheme under which inference has the same codes.
  virtual Scheme scheme() const = 0;
};

// The sums of all shards of a step, in order, and how much they cover.
struct InputStep {
  InputSums sums;
  std::size_t elements = 0;  // of the input, over the batch
};

// Inputs of one layer, `channels` of them.
class InputQuantizer {
 public:
  virtual ~InputQuantizer() = default;

  // Learned numbers, and their first values from a batch that ran in float.
  virtual std::size_t learned() const { return 0; }
  virtual bool decays() const { return false; }  // the learned ones
  virtual void Initialize(const InputStep& /*batch*/,
                          std::span<float> /*learned*/) const {}

  // Numbers that are kept from step to step and not learned, and their change
  // after a step. A grid that asks to `observe` gets extremes.
  virtual std::size_t state() const { return 0; }
  virtual void Observe(std::uint64_t /*step*/, const InputStep& /*batch*/,
                       std::span<float> /*state*/) const {}

  virtual InputGrid Grid(std::uint64_t step, std::span<const float> learned,
                         std::span<const float> state) const = 0;

  // Adds to d_learned.
  virtual void Gradient(const InputStep& /*batch*/,
                        std::span<const float> /*learned*/,
                        std::span<float> /*d_learned*/) const {}

  virtual Scheme scheme() const = 0;
};

// What a recipe makes its quantizers from.
struct RecipeContext {
  const nn::Layer& layer;
  bool positive = false;  // no input of the layer is below zero
  std::uint64_t freeze_step = 0;  // activations are float before it
};

struct TrainingRecipe {
  std::string_view name, description;
  std::unique_ptr<WeightQuantizer> (*weights)(const Scheme&,
                                              const RecipeContext&);
  std::unique_ptr<InputQuantizer> (*input)(const Scheme&,
                                           const RecipeContext&);
};

// All recipes. FindRecipe throws an InputError that lists them.
std::span<const TrainingRecipe> Recipes();
const TrainingRecipe& FindRecipe(std::string_view name);

// Throws an InputError naming layer and scheme.
[[noreturn]] void RefuseScheme(const nn::Layer& layer, const Scheme& scheme,
                               const std::string& why);

// The recipe's own files.
#define NIBBLE_RECIPE(name)                                              \
  std::unique_ptr<WeightQuantizer> name##Weights(const Scheme& scheme,   \
                                                 const RecipeContext& c); \
  std::unique_ptr<InputQuantizer> name##Input(const Scheme& scheme,      \
                                              const RecipeContext& c)
NIBBLE_RECIPE(Plain);
NIBBLE_RECIPE(Aqt);
NIBBLE_RECIPE(Aqt2);
NIBBLE_RECIPE(Lsq);
NIBBLE_RECIPE(LsqRounded);
NIBBLE_RECIPE(Pact);
NIBBLE_RECIPE(Dorefa);
#undef NIBBLE_RECIPE

}  // namespace nibble::qat
