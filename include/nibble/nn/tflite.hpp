// Networks from TensorFlow Lite files, run on integers from input to logits.
//
//     const auto net = nn::TfliteNetwork::Load("resnet_quant.tflite");
//     std::vector<std::int8_t> logits = net.Run(codes, pool.executor());
//
// Signed 8-bit files: activations with one scale per tensor, weights with zero
// points of zero and one scale per tensor or per output channel. The arithmetic
// is nn/tflite_ops.hpp's, bit for bit, on every instruction set. A softmax at
// the end is left out: it changes no answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nibble/core/executor.hpp"
#include "nibble/io/images.hpp"
#include "nibble/io/tflite.hpp"
#include "nibble/nn/model.hpp"
#include "nibble/nn/network.hpp"
#include "nibble/nn/quant_spec.hpp"
#include "nibble/quant/params.hpp"

namespace nibble::nn {

class TfliteNetwork {
 public:
  // Keeps no reference to the file. `origin` stands for it in messages.
  //
  // Errors   InputError naming the file, the operator or tensor, what was found
  //          and expected, for what is none of the above: other types or
  //          shapes, a pool over a part of the image, an operator that reads
  //          what no earlier one has written.
  TfliteNetwork(const io::Tflite& file, const std::string& origin);
  static TfliteNetwork Load(const std::filesystem::path& path);
  ~TfliteNetwork();
  TfliteNetwork(TfliteNetwork&&) noexcept;
  TfliteNetwork& operator=(TfliteNetwork&&) noexcept;

  // The layers, for shapes and costs, and what their costs are counted with.
  const Model& model() const;
  QuantSpec spec() const;

  // What the codes of inputs and logits stand for.
  QuantParams input() const;
  QuantParams output() const;

  // Logits [n, classes] for inputs [n, model().input].
  //
  // Errors   std::invalid_argument if the size is no multiple of the input's.
  std::vector<std::int8_t> Run(std::span<const std::int8_t> inputs,
                               const Executor& executor = {}) const;

  // Every layer's output for one input, by the scalar definitions; Run gives
  // the last of them.
  std::vector<std::vector<std::int8_t>> RunReference(
      std::span<const std::int8_t> input) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The codes of pixels [count, model().input] taken as they are, 0 to 255.
//
// Errors   InputError if the images have another size than the input.
std::vector<std::int8_t> PixelCodes(const TfliteNetwork& network,
                                    const io::Images& images, std::size_t first,
                                    std::size_t count);

// Answers for inputs [labels.size(), model().input] against their labels.
// `progress` is called as by Logits.
Evaluation Evaluate(const TfliteNetwork& network,
                    std::span<const std::int8_t> inputs,
                    std::span<const std::uint8_t> labels,
                    const Executor& executor = {},
                    const Progress& progress = {});

}  // namespace nibble::nn
