// Images in, answers out.
#include <gtest/gtest.h>

#include "network_data.hpp"
#include "nibble/core/check.hpp"
#include "nibble/nn/network.hpp"

namespace nibble::nn {
namespace {

io::Images TwoImages() {
  io::Images images;
  images.count = 2;
  images.height = images.width = 32;
  images.channels = 3;
  images.pixels.assign(2 * 3072, 0);
  images.pixels[0] = 255;        // first image, red
  images.pixels[3072 + 2] = 51;  // second image, blue: 0.2
  images.labels = {3, 4};
  return images;
}

TEST(Preprocess, FollowsTheModel) {
  const io::Images images = TwoImages();
  const auto cifar = Preprocess(ResNetCifar(20), images, 0, 2);
  EXPECT_FLOAT_EQ(cifar[0], (1 - 0.485f) / 0.229f);
  EXPECT_FLOAT_EQ(cifar[1], -0.456f / 0.224f);
  EXPECT_FLOAT_EQ(cifar[3072 + 2], (0.2f - 0.406f) / 0.225f);
  const auto raw = Preprocess(ResNet8(), images, 1, 1);
  EXPECT_EQ(raw.size(), 3072u);
  EXPECT_EQ(raw[2], 51);

  const std::size_t flat[] = {3072, 10};
  EXPECT_FLOAT_EQ(Preprocess(Mlp(flat), images, 1, 1)[2], 0.2f);
  EXPECT_THROW(Preprocess(MakeModel("mlp"), images, 0, 1), InputError);
  EXPECT_THROW(Preprocess(ResNetCifar(20), images, 1, 2),
               std::invalid_argument);
}

TEST(Score, ByHand) {
  const std::vector<float> logits = {1, 3, 2, 5, 5, 0, 7, 8, 9};
  const std::vector<float> reference = {1, 3, 2.5f, 5, 4, 0, 7, 8, 12};
  const std::vector<std::uint8_t> labels = {1, 0, 1};
  const Evaluation e = Score(logits, labels, reference);
  EXPECT_EQ(e.correct, 2u);  // of two equal logits the first counts
  EXPECT_EQ(e.total, 3u);
  EXPECT_DOUBLE_EQ(e.mean_logit_error, 4.5 / 9);
  EXPECT_DOUBLE_EQ(e.accuracy(), 2.0 / 3);
  EXPECT_EQ(Score({}, {}).total, 0u);
  EXPECT_THROW(Score(logits, labels, std::span(reference).first(8)),
               std::invalid_argument);
}

TEST(Evaluate, ReportsProgressAndError) {
  const io::Images images = TwoImages();
  const Weights weights = RandomWeights(ResNetCifar(8), 13);
  const Network exact(ResNetCifar(8), weights);
  Network coarse(ResNetCifar(8), weights, Spec("int4", "int4"));
  Calibrate(coarse, images, 1024, Calibration::kAbsMax);
  std::size_t seen = 0;
  const Evaluation e =
      Evaluate(coarse, images, {}, &exact, [&](std::size_t n) { seen = n; });
  EXPECT_EQ(seen, 2u);
  EXPECT_EQ(e.total, 2u);
  EXPECT_GT(e.mean_logit_error, 0);
  EXPECT_EQ(Evaluate(exact, images, {}, &exact).mean_logit_error, 0);
}

}  // namespace
}  // namespace nibble::nn
