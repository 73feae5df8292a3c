// From images to answers: preprocessing, calibration and accuracy.
#include <algorithm>
#include <array>
#include <cmath>

#include "nibble/core/check.hpp"
#include "nibble/nn/network.hpp"

namespace nibble::nn {
namespace {

constexpr std::size_t kImagesAtOnce = 500;

std::string Size(std::size_t height, std::size_t width, std::size_t channels) {
  return std::to_string(height) + "x" + std::to_string(width) + "x" +
         std::to_string(channels);
}

}  // namespace

void CheckSize(const Model& model, const io::Images& images) {
  const Shape& in = model.input;
  const Shape found{images.height, images.width, images.channels};
  // A network that flattens its input takes any shape of that many pixels.
  const bool flat = in.pixels() == 1 && found.size() == in.size();
  if (flat || found == in) return;
  throw InputError(
      "images", "size", Size(found.height, found.width, found.channels),
      Size(in.height, in.width, in.channels) + " for " + model.name);
}

std::array<float, 256> InputTable(const Preprocessing& p, int max_value,
                                  std::size_t channel) {
  const float divisor = p.unit_range ? static_cast<float>(max_value) : 1.0f;
  std::array<float, 256> table;
  for (std::size_t pixel = 0; pixel < table.size(); ++pixel) {
    float x = static_cast<float>(pixel) / divisor;
    if (!p.mean.empty()) x -= p.mean[channel];
    if (!p.stddev.empty()) x /= p.stddev[channel];
    table[pixel] = x;
  }
  return table;
}

std::vector<float> Preprocess(const Model& model, const io::Images& images,
                              std::size_t first, std::size_t count) {
  CheckSize(model, images);
  NIBBLE_CHECK("Preprocess", first <= images.count);
  NIBBLE_CHECK("Preprocess", count <= images.count - first);
  const Preprocessing& p = model.preprocessing;
  // Without mean and deviation all channels are alike.
  const std::size_t channels =
      p.mean.empty() && p.stddev.empty() ? 1 : model.input.channels;
  const std::size_t size = images.image_size();
  const std::uint8_t* pixels = images.pixels.data() + first * size;
  std::vector<float> inputs(count * size);
  for (std::size_t c = 0; c < channels; ++c) {
    const auto table = InputTable(p, images.max_value, c);
    for (std::size_t i = c; i < inputs.size(); i += channels) {
      inputs[i] = table[pixels[i]];
    }
  }
  return inputs;
}

void Calibrate(Network& network, const io::Images& images, std::size_t count,
               Calibration method, const Executor& executor) {
  if (!network.needs_calibration()) return;
  network.Calibrate(
      Preprocess(network.model(), images, 0, std::min(count, images.count)),
      method, executor);
}

std::vector<float> Logits(const Network& network, const io::Images& images,
                          const Executor& executor, const Progress& progress) {
  std::vector<float> logits;
  for (std::size_t done = 0; done < images.count;) {
    const std::size_t count = std::min(kImagesAtOnce, images.count - done);
    const auto some =
        network.Run(Preprocess(network.model(), images, done, count), executor);
    logits.insert(logits.end(), some.begin(), some.end());
    done += count;
    if (progress) progress(done);
  }
  return logits;
}

Evaluation Score(std::span<const float> logits,
                 std::span<const std::uint8_t> labels,
                 std::span<const float> reference) {
  NIBBLE_CHECK("Score", reference.empty() || reference.size() == logits.size());
  if (labels.empty()) return {};
  NIBBLE_CHECK("Score", logits.size() % labels.size() == 0);
  const std::size_t classes = logits.size() / labels.size();
  NIBBLE_CHECK("Score", classes > 0);
  Evaluation result{.total = labels.size()};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = logits.subspan(i * classes, classes);
    if (std::ranges::max_element(row) - row.begin() == labels[i]) {
      ++result.correct;
    }
  }
  double error = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    error += std::abs(double{logits[i]} - double{reference[i]});
  }
  result.mean_logit_error = error / static_cast<double>(logits.size());
  return result;
}

Evaluation Evaluate(const Network& network, const io::Images& images,
                    const Executor& executor, const Network* reference,
                    const Progress& progress) {
  const auto logits = Logits(network, images, executor, progress);
  if (reference == nullptr) return Score(logits, images.labels);
  return Score(logits, images.labels, Logits(*reference, images, executor));
}

}  // namespace nibble::nn
