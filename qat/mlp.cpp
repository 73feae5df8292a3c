#include "nibble/qat/mlp.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "nibble/core/check.hpp"
#include "nibble/core/random.hpp"

namespace nibble::qat {
namespace {

using Matrix =
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::RowVectorXf;
using Eigen::Index;

// Streams of random bits that never meet.
enum : std::uint64_t { kInitStream = 1ull << 40, kShuffleStream = 2ull << 40 };

struct Layer {
  Matrix w, dw, vw;  // [outputs, inputs]: weights, gradient, velocity
  Row b, db, vb;     // [outputs]
  Matrix x;          // [B, inputs]: the input, kept for the backward pass
};

// In [0, 1).
float Uniform(std::uint64_t seed, std::uint64_t index) {
  return static_cast<float>(RandomBits(seed, index) >> 8) * 0x1p-24f;
}

std::vector<Layer> Initialize(const MlpTraining& options) {
  std::vector<Layer> layers;
  std::uint64_t index = kInitStream;
  for (std::size_t i = 0; i + 1 < options.sizes.size(); ++i) {
    const auto inputs = static_cast<Index>(options.sizes[i]);
    const auto outputs = static_cast<Index>(options.sizes[i + 1]);
    Layer layer;
    layer.w.resize(outputs, inputs);
    // Uniform of variance 2 / inputs (He et al., arXiv:1502.01852).
    const float bound = std::sqrt(6.0f / static_cast<float>(inputs));
    for (float& w : layer.w.reshaped<Eigen::RowMajor>()) {
      w = bound * (2 * Uniform(options.seed, index++) - 1);
    }
    layer.b = Row::Zero(outputs);
    layer.vw = Matrix::Zero(outputs, inputs);
    layer.vb = Row::Zero(outputs);
    layers.push_back(std::move(layer));
  }
  return layers;
}

// x: [B, inputs] -> logits: [B, classes].
Matrix Forward(std::vector<Layer>& layers, Matrix x) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    Layer& layer = layers[i];
    layer.x = std::move(x);
    x = layer.x * layer.w.transpose();
    x.rowwise() += layer.b;
    if (i + 1 < layers.size()) x = x.cwiseMax(0.0f);
  }
  return x;
}

// logits -> gradient of the mean cross-entropy by the logits, in place.
void CrossEntropyBackward(Matrix& logits,
                          std::span<const std::uint8_t> labels) {
  const float scale = 1.0f / static_cast<float>(logits.rows());
  for (Index i = 0; i < logits.rows(); ++i) {
    auto row = logits.row(i);
    row = (row.array() - row.maxCoeff()).exp().matrix();
    row *= scale / row.sum();
    row(labels[static_cast<std::size_t>(i)]) -= scale;
  }
}

// d: [B, classes], gradient by the logits. Fills dw and db of every layer.
void Backward(std::vector<Layer>& layers, Matrix d) {
  for (std::size_t i = layers.size(); i-- > 0;) {
    Layer& layer = layers[i];
    layer.dw = d.transpose() * layer.x;
    layer.db = d.colwise().sum();
    if (i == 0) break;
    d = (d * layer.w)
            .cwiseProduct((layer.x.array() > 0.0f).cast<float>().matrix());
  }
}

// v = momentum v + g;  w -= rate (g + momentum v).
void Step(std::vector<Layer>& layers, const MlpTraining& options, float rate) {
  const float m = options.momentum;
  for (Layer& layer : layers) {
    layer.dw += options.weight_decay * layer.w;
    layer.vw = m * layer.vw + layer.dw;
    layer.vb = m * layer.vb + layer.db;
    layer.w -= rate * (layer.dw + m * layer.vw);
    layer.b -= rate * (layer.db + m * layer.vb);
  }
}

// Fisher and Yates's shuffle of 0..n-1 for one epoch.
std::vector<std::size_t> Shuffled(std::size_t n, std::uint64_t seed,
                                  std::uint64_t epoch) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::uint64_t base = kShuffleStream + epoch * n;
  for (std::size_t i = n; i > 1; --i) {
    const std::uint64_t bits = RandomBits(seed, base + i - 1);
    std::swap(order[i - 1], order[static_cast<std::size_t>(bits * i >> 32)]);
  }
  return order;
}

void Check(std::span<const float> x, std::span<const std::uint8_t> labels,
           const MlpTraining& options) {
  NIBBLE_CHECK("TrainMlp", options.sizes.size() >= 2);
  NIBBLE_CHECK("TrainMlp", *std::ranges::min_element(options.sizes) > 0);
  NIBBLE_CHECK("TrainMlp", options.epochs > 0 && options.batch > 0);
  NIBBLE_CHECK("TrainMlp", !labels.empty());
  NIBBLE_CHECK("TrainMlp", x.size() == labels.size() * options.sizes.front());
  NIBBLE_CHECK("TrainMlp",
               *std::ranges::max_element(labels) < options.sizes.back());
}

}  // namespace

std::vector<DenseLayer> TrainMlp(std::span<const float> x,
                                 std::span<const std::uint8_t> labels,
                                 const MlpTraining& options) {
  Check(x, labels, options);
  const std::size_t n = labels.size(), inputs = options.sizes.front();
  const std::size_t batches = (n + options.batch - 1) / options.batch;
  const auto steps =
      static_cast<float>(batches) * static_cast<float>(options.epochs);
  std::vector<Layer> layers = Initialize(options);
  float step = 0;
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    const auto order =
        Shuffled(n, options.seed, static_cast<std::uint64_t>(epoch));
    for (std::size_t begin = 0; begin < n; begin += options.batch, ++step) {
      const std::size_t count = std::min(options.batch, n - begin);
      Matrix batch(static_cast<Index>(count), static_cast<Index>(inputs));
      std::vector<std::uint8_t> batch_labels(count);
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t image = order[begin + i];
        std::ranges::copy(x.subspan(image * inputs, inputs),
                          batch.row(static_cast<Index>(i)).data());
        batch_labels[i] = labels[image];
      }
      Matrix d = Forward(layers, std::move(batch));
      CrossEntropyBackward(d, batch_labels);
      Backward(layers, std::move(d));
      const float rate =
          options.learning_rate * 0.5f *
          (1 + std::cos(std::numbers::pi_v<float> * step / steps));
      Step(layers, options, rate);
    }
  }
  std::vector<DenseLayer> trained;
  for (const Layer& layer : layers) {
    trained.push_back({static_cast<std::size_t>(layer.w.cols()),
                       static_cast<std::size_t>(layer.w.rows()),
                       {layer.w.data(), layer.w.data() + layer.w.size()},
                       {layer.b.data(), layer.b.data() + layer.b.size()}});
  }
  return trained;
}

}  // namespace nibble::qat
