// Optimizers, schedules, order and augmentation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "nibble/core/check.hpp"
#include "nibble/qat/batches.hpp"
#include "nibble/qat/layout.hpp"
#include "nibble/qat/optimizer.hpp"

namespace nibble::qat {
namespace {

// One weight that decays and one bias that does not.
ParameterTable TwoParameters() {
  ParameterTable table;
  table.Add("w", {1, 1}, true);
  table.Add("b", {1}, false);
  return table;
}

TEST(Optimizer, SgdIsNesterovsByHand) {
  const OptimizerOptions o{.momentum = 0.5f, .weight_decay = 0.25f};
  std::vector<float> w = {4, 2}, v = {0, 0};
  const std::vector<float> g = {1, 1};
  OptimizerStep(o, TwoParameters(), 0.5, 0, g, v, w);
  // w: g = 1 + 4/4 = 2, v = 2, step 0.5 * (2 + 1); b: 0.5 * (1 + 0.5).
  EXPECT_EQ(w, (std::vector<float>{2.5f, 1.25f}));
  EXPECT_EQ(v, (std::vector<float>{2, 1}));
  OptimizerStep(o, TwoParameters(), 0.5, 1, g, v, w);
  // w: g = 1.625, v = 2.625; b: v = 1.5.
  EXPECT_EQ(v, (std::vector<float>{2.625f, 1.5f}));
  EXPECT_EQ(w[0], 2.5f - 0.5f * (1.625f + 0.5f * 2.625f));
  EXPECT_EQ(w[1], 1.25f - 0.5f * (1 + 0.75f));
}

TEST(Optimizer, AdamWsFirstStepIsTheRateAndTheDecay) {
  const OptimizerOptions o{.kind = OptimizerKind::kAdamW,
                           .weight_decay = 0.1f};
  std::vector<float> w = {1, 1}, slots(4);
  const std::vector<float> g = {3, -0.01f};
  OptimizerStep(o, TwoParameters(), 0.01, 0, g, slots, w);
  EXPECT_NEAR(w[0], 1 - 0.01 * (1 + 0.1), 1e-6);
  EXPECT_NEAR(w[1], 1 + 0.01, 1e-6);
  EXPECT_NEAR(slots[0], 0.3, 1e-6);
  EXPECT_NEAR(slots[2], 0.009, 1e-6);
  EXPECT_THROW(OptimizerStep(o, TwoParameters(), 0.01, 0, g,
                             std::span(slots).first(2), w),
               std::invalid_argument);
}

TEST(Schedule, IsAqts) {
  const ScheduleOptions o{.rate = 2, .steps = 100, .warmup = 10, .cooldown = 30};
  const auto cosine = [](double share) {
    return 2 * (0.999 * 0.5 * (1 + std::cos(3.14159265358979 * share)) + 0.001);
  };
  EXPECT_EQ(LearningRate(o, 0), 0);
  EXPECT_NEAR(LearningRate(o, 5), cosine(5.0 / 60) * 0.5, 1e-12);
  EXPECT_NEAR(LearningRate(o, 10), cosine(10.0 / 60), 1e-12);
  EXPECT_NEAR(LearningRate(o, 60), 0.002, 1e-12);
  EXPECT_NEAR(LearningRate(o, 85), 0.002 * 0.5, 1e-12);
  EXPECT_EQ(LearningRate(o, 100), 0);
  EXPECT_EQ(LearningRate({.rate = 3, .steps = 10, .cosine = false}, 9), 3);
}

TEST(Batches, OrderIsAPermutationOfTheEpoch) {
  const auto order = EpochOrder(1000, 1, 0);
  EXPECT_EQ(std::set<std::uint32_t>(order.begin(), order.end()).size(), 1000u);
  EXPECT_EQ(order, EpochOrder(1000, 1, 0));
  EXPECT_NE(order, EpochOrder(1000, 1, 1));
  EXPECT_NE(order, EpochOrder(1000, 2, 0));
  EXPECT_EQ(EpochOrder(1, 1, 0), std::vector<std::uint32_t>{0});
}

// 81 crops and two sides, each as likely: counts within 5 standard deviations.
TEST(Batches, AugmentationsAreUniform) {
  int down[9] = {}, right[9] = {}, mirrored = 0;
  constexpr int kDraws = 90000;
  for (std::size_t i = 0; i < kDraws; ++i) {
    const Augmentation a = AugmentationOf(3, i / 1000, 1000, i % 1000);
    ASSERT_LE(std::abs(a.down), 4);
    ASSERT_LE(std::abs(a.right), 4);
    ++down[a.down + 4], ++right[a.right + 4], mirrored += a.mirror;
  }
  for (int i = 0; i < 9; ++i) {
    EXPECT_NEAR(down[i], kDraws / 9, 5 * std::sqrt(kDraws / 9.0));
    EXPECT_NEAR(right[i], kDraws / 9, 5 * std::sqrt(kDraws / 9.0));
  }
  EXPECT_NEAR(mirrored, kDraws / 2, 5 * std::sqrt(kDraws / 4.0));
}

io::Images Numbered() {
  io::Images images;
  images.count = 2, images.height = images.width = 32, images.channels = 3;
  for (std::size_t i = 0; i < 2 * images.image_size(); ++i) {
    images.pixels.push_back(static_cast<std::uint8_t>(i * 7 % 251));
  }
  images.labels = {0, 1};
  return images;
}

TEST(Batches, InputsAreThoseOfInference) {
  const nn::Model model = nn::MakeModel("resnet20");
  const io::Images images = Numbered();
  const auto want = nn::Preprocess(model, images, 1, 1);
  std::vector<float> got(want.size());
  InputWriter(model, images).Write(1, {}, Layout{model.input}.view(got.data()));
  EXPECT_EQ(got, want);
}

TEST(Batches, CropsAndMirrors) {
  const nn::Model model = nn::MakeModel("resnet8");  // raw pixels
  const io::Images images = Numbered();
  std::vector<float> got(model.input.size());
  const InputWriter writer(model, images);
  writer.Write(0, {-3, 2, true}, Layout{model.input}.view(got.data()));
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) {
      const int v = y - 3, u = 31 - x + 2;
      const bool inside = v >= 0 && u < 32;
      for (int c = 0; c < 3; ++c) {
        const float want =
            inside ? images.pixels[static_cast<std::size_t>((v * 32 + u) * 3 + c)]
                   : 0.0f;
        ASSERT_EQ(got[static_cast<std::size_t>((y * 32 + x) * 3 + c)], want)
            << y << " " << x;
      }
    }
  }
}

TEST(Batches, RefusesImagesOfAnotherSize) {
  const io::Images images = Numbered();
  EXPECT_THROW(InputWriter(nn::MakeModel("lenet"), images), InputError);
}

}  // namespace
}  // namespace nibble::qat
