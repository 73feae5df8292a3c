// A model with weights, ready to run in float or under quantization schemes.
//
//     nn::Model model = nn::MakeModel("resnet20");
//     nn::Weights weights = nn::Weights::Load(file);
//     nn::Network exact(model, weights);
//     nn::Network net(model, weights, {.weights = ParseScheme("int8/channel"),
//                                      .activations = ParseScheme("int8")});
//     ThreadPool pool;
//     nn::Calibrate(net, train_images, 1024, Calibration::kMse,
//     pool.executor()); nn::Evaluation e = nn::Evaluate(net, test_images,
//     pool.executor(), &exact);
//     // e.correct, e.total, e.mean_logit_error
//
// Products of convolutions and linear layers can be computed by other means:
// the fourth argument, and product.hpp.
//
// What is quantized, where and how: docs/quantization-points.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "nibble/core/executor.hpp"
#include "nibble/io/images.hpp"
#include "nibble/nn/model.hpp"
#include "nibble/nn/product.hpp"
#include "nibble/nn/quant_spec.hpp"
#include "nibble/nn/weights.hpp"
#include "nibble/quant/calibrate.hpp"

namespace nibble::nn {

// Who multiplies what is quantized. kFake: plain loops in double, any scheme.
// kInteger: the integer kernels, where integers hold the schemes; the same
// logits, bit for bit.
enum class QuantEngine { kFake, kInteger };

class Network {
 public:
  // Takes from `weights` what `model` names; keeps no reference to either.
  //
  // Errors   InputError if a tensor is absent or has another shape, or if a
  //          scheme does not fit where the specification puts it; with
  //          kInteger also if integers do not hold the schemes of a layer.
  Network(Model model, const Weights& weights, QuantSpec spec = {},
          QuantEngine engine = QuantEngine::kFake);
  // The same with products by other means where there are any.
  //
  // Errors   also if the specification is chained, which no products are.
  Network(Model model, const Weights& weights, QuantSpec spec,
          const Products& products);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  const Model& model() const;
  const QuantSpec& spec() const;

  // Whether some layer's input needs a range before Run: a scheme with a
  // static scale (granularity tensor or channel).
  bool needs_calibration() const;

  // Finds those ranges by running `inputs` [n, model().input] in float. The
  // answer does not depend on the executor.
  void Calibrate(std::span<const float> inputs, Calibration method,
                 const Executor& executor = {});

  // Returns logits [n, classes] for inputs [n, model().input]. The same bits
  // for every executor and every way to cut the inputs into batches.
  //
  // Errors   std::invalid_argument if the size is no multiple of the input's,
  //          or if calibration is needed and missing.
  std::vector<float> Run(std::span<const float> inputs,
                         const Executor& executor = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The input that each of the 256 values of a pixel becomes, in float
// arithmetic; `max_value` is the images' largest.
std::array<float, 256> InputTable(const Preprocessing& preprocessing,
                                  int max_value, std::size_t channel);

// Throws InputError if the images have another size than model.input.
void CheckSize(const Model& model, const io::Images& images);

// Images first, ..., first + count - 1 as network inputs, by the model's
// preprocessing.
//
// Errors   InputError if the images have another size than model.input.
std::vector<float> Preprocess(const Model& model, const io::Images& images,
                              std::size_t first, std::size_t count);

// Network::Calibrate on the first `count` images, if the network needs it.
// Never give it test images.
void Calibrate(Network& network, const io::Images& images, std::size_t count,
               Calibration method, const Executor& executor = {});

// Logits [images.count, classes], some hundred images at a time. `progress` is
// called with the number of images done, from the calling thread.
using Progress = std::function<void(std::size_t images)>;
std::vector<float> Logits(const Network& network, const io::Images& images,
                          const Executor& executor = {},
                          const Progress& progress = {});

struct Evaluation {
  std::size_t correct = 0;
  std::size_t total = 0;
  double mean_logit_error = 0;  // mean |logit - reference logit|
  double accuracy() const {
    return total == 0
               ? 0
               : static_cast<double>(correct) / static_cast<double>(total);
  }
};

// Compares logits [labels.size(), classes] with the labels and, where there is
// a reference, with its logits. Of equal logits the first one counts.
//
// Errors   std::invalid_argument if a size disagrees.
Evaluation Score(std::span<const float> logits,
                 std::span<const std::uint8_t> labels,
                 std::span<const float> reference = {});

// Logits and Score. `reference`, the same model in float, runs beside the
// network; who evaluates many networks keeps its logits and calls Score.
Evaluation Evaluate(const Network& network, const io::Images& images,
                    const Executor& executor = {},
                    const Network* reference = nullptr,
                    const Progress& progress = {});

}  // namespace nibble::nn
