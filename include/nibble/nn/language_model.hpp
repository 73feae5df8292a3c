// A language model with weights, ready to run in float, under quantization
// schemes, or with products computed by other means.
//
//     const nn::LlamaFile file = nn::LoadLlama("stories260K.bin");
//     const nn::LanguageModel model(nn::Llama(file.config), file.weights);
//     nn::KvCache cache;
//     std::vector<float> logits = model.Run(tokens, cache);  // [tokens, vocab]
//     logits = model.Run(next, cache);                       // goes on
//
// What is quantized, where and how: docs/quantization-points.md.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "nibble/core/executor.hpp"
#include "nibble/nn/model.hpp"
#include "nibble/nn/product.hpp"
#include "nibble/nn/quant_spec.hpp"
#include "nibble/nn/weights.hpp"
#include "nibble/quant/calibrate.hpp"

namespace nibble::nn {

// The keys and values of the tokens that have been run, layer by layer.
struct KvCache {
  std::size_t tokens = 0;
  std::vector<std::vector<float>> keys, values;  // [attention][tokens, kv]
};

class LanguageModel {
 public:
  // Takes from `weights` what `model` names; keeps no reference to either.
  //
  // Errors   InputError if a tensor is absent or has another shape, or if a
  //          scheme does not fit where the specification puts it;
  //          std::invalid_argument for a model of images.
  LanguageModel(Model model, const Weights& weights, QuantSpec spec = {},
                Products products = {});
  ~LanguageModel();
  LanguageModel(LanguageModel&&) noexcept;
  LanguageModel& operator=(LanguageModel&&) noexcept;

  const Model& model() const;
  const QuantSpec& spec() const;
  std::size_t vocab() const { return model().classes; }

  // Whether some layer's input needs a range before Run: a scheme with a
  // static scale (granularity tensor or channel).
  bool needs_calibration() const;

  // Finds those ranges by running the windows, each on its own, in float with
  // exact products. The answer does not depend on the executor.
  //
  // Errors   std::invalid_argument as Run; also without a window.
  void Calibrate(std::span<const std::vector<int>> windows, Calibration method,
                 const Executor& executor = {});

  // Runs tokens that follow those in the cache, which then holds them too, and
  // returns logits [tokens, vocab] for what comes after each. The same bits
  // for every executor and every way to cut a sequence into calls, if those of
  // `products` do not depend on other rows (those of ProductOf do not).
  //
  // Errors   std::invalid_argument if a token does not exist, if the sequence
  //          would be longer than model().context, if the cache is another
  //          model's, or if calibration is needed and missing.
  std::vector<float> Run(std::span<const int> tokens, KvCache& cache,
                         const Executor& executor = {}) const;

  // The same, but only the last token's logits, [vocab].
  std::vector<float> RunLast(std::span<const int> tokens, KvCache& cache,
                             const Executor& executor = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nibble::nn
