#include "nibble/qat/mlp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "nibble/io/images.hpp"

namespace nibble::qat {
namespace {

// The class that the trained layers give one input.
std::size_t Classify(const std::vector<DenseLayer>& layers,
                     std::vector<float> x) {
  for (const DenseLayer& layer : layers) {
    std::vector<float> y = layer.bias;
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      for (std::size_t i = 0; i < layer.inputs; ++i) {
        y[o] += layer.weight[o * layer.inputs + i] * x[i];
      }
      if (&layer != &layers.back()) y[o] = std::max(y[o], 0.0f);
    }
    x = y;
  }
  return static_cast<std::size_t>(std::ranges::max_element(x) - x.begin());
}

const std::vector<float> kXor = {0, 0, 0, 1, 1, 0, 1, 1};
const std::vector<std::uint8_t> kXorLabels = {0, 1, 1, 0};

TEST(Mlp, LearnsWhatNoLinearLayerCan) {
  const auto layers = TrainMlp(
      kXor, kXorLabels, {.sizes = {2, 16, 2}, .epochs = 800, .batch = 4});
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(Classify(layers, {kXor[2 * i], kXor[2 * i + 1]}), kXorLabels[i]);
  }
}

TEST(Mlp, SameSeedSameBits) {
  const MlpTraining options{.sizes = {2, 8, 2}, .epochs = 50, .batch = 3};
  MlpTraining other = options;
  other.seed = 2;
  const auto a = TrainMlp(kXor, kXorLabels, options);
  EXPECT_EQ(a[0].weight, TrainMlp(kXor, kXorLabels, options)[0].weight);
  EXPECT_NE(a[0].weight, TrainMlp(kXor, kXorLabels, other)[0].weight);
}

// Nearly all of the last 797 digits, written by other hands than the first
// 1,000. A linear classifier gets 90 %.
TEST(Mlp, LearnsTheDigits) {
  const auto digits =
      io::LoadDigits(NIBBLE_SOURCE_DIR "/tools/data/digits.csv.gz");
  std::vector<float> x(digits.pixels.begin(), digits.pixels.end());
  for (float& v : x) v /= 16;
  constexpr std::size_t kTrain = 1000, kSize = 64;
  const auto layers =
      TrainMlp(std::span(x).first(kTrain * kSize),
               std::span(digits.labels).first(kTrain), {.sizes = {64, 64, 10}});
  std::size_t correct = 0;
  for (std::size_t i = kTrain; i < digits.count; ++i) {
    const auto* pixels = x.data() + i * kSize;
    correct += Classify(layers, {pixels, pixels + kSize}) == digits.labels[i];
  }
  RecordProperty("correct", static_cast<int>(correct));
  EXPECT_GE(correct, 733u) << "of 797: below 92 %";
}

TEST(Mlp, RefusesWhatDoesNotFit) {
  const auto train = [](std::vector<std::uint8_t> labels, MlpTraining options) {
    TrainMlp(kXor, labels, options);
  };
  EXPECT_THROW(train({0, 1, 1}, {.sizes = {2, 2}}), std::invalid_argument);
  EXPECT_THROW(train({0, 1, 1, 2}, {.sizes = {2, 2}}), std::invalid_argument);
  EXPECT_THROW(train(kXorLabels, {.sizes = {3, 2}}), std::invalid_argument);
  EXPECT_THROW(train(kXorLabels, {.sizes = {2}}), std::invalid_argument);
  EXPECT_THROW(train(kXorLabels, {.sizes = {2, 0, 2}}), std::invalid_argument);
  EXPECT_THROW(train(kXorLabels, {.sizes = {2, 2}, .epochs = 0}),
               std::invalid_argument);
  EXPECT_THROW(TrainMlp({}, {}, {.sizes = {2, 2}}), std::invalid_argument);
}

}  // namespace
}  // namespace nibble::qat
