// MLPerf Tiny's 8-bit networks: golden logits and accuracies.
#include <gtest/gtest.h>

#include "data.hpp"
#include "nibble/io/labels.hpp"
#include "nibble/nn/tflite.hpp"

namespace nibble::nn {
namespace {

using testing::DataDir;

TEST(TfliteData, LogitsOfResNet8AreGolden) {
  NIBBLE_NEED_DATA("mlperf_tiny/pretrainedResnet_quant.tflite");
  NIBBLE_NEED_DATA("cifar10");
  const auto net = TfliteNetwork::Load(
      DataDir() / "mlperf_tiny/pretrainedResnet_quant.tflite");
  const auto golden = testing::ReadRaw<std::int8_t>(
      "mlperf_tiny/golden_resnet8_int8_test256_logits_i8.bin");
  const auto images =
      io::LoadCifar10(DataDir() / "cifar10", io::Split::kTest, 256);
  const auto logits = net.Run(PixelCodes(net, images, 0, images.count));
  ASSERT_EQ(logits.size(), golden.size());
  EXPECT_EQ(logits, golden);
}

// Sanitizers make everything ten times slower: a tenth of the images there.
#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kImages = 1000, kCorrect = 875;
#else
constexpr std::size_t kImages = 10000, kCorrect = 8697;
#endif

TEST(TfliteData, AccuracyOfResNet8IsThePublishedOne) {
  NIBBLE_NEED_DATA("mlperf_tiny/pretrainedResnet_quant.tflite");
  NIBBLE_NEED_DATA("cifar10");
  const auto net = TfliteNetwork::Load(
      DataDir() / "mlperf_tiny/pretrainedResnet_quant.tflite");
  const auto images =
      io::LoadCifar10(DataDir() / "cifar10", io::Split::kTest, kImages);
  ThreadPool pool;
  const Evaluation e = Evaluate(net, PixelCodes(net, images, 0, images.count),
                                images.labels, pool.executor());
  EXPECT_EQ(e.total, kImages);
  EXPECT_EQ(e.correct, kCorrect);
}

TEST(TfliteData, AccuracyOfKeywordSpottingIsThePublishedOne) {
  NIBBLE_NEED_DATA("mlperf_tiny/kws_ref_model.tflite");
  const auto net =
      TfliteNetwork::Load(DataDir() / "mlperf_tiny/kws_ref_model.tflite");
  const auto inputs =
      testing::ReadRaw<std::int8_t>("mlperf_tiny/kws01_mfcc_int8.bin");
  const auto labels =
      io::LoadLabels(DataDir() / "mlperf_tiny/kws01_y_labels.csv");
  const Evaluation e = Evaluate(net, inputs, labels);
  EXPECT_EQ(e.total, 1000u);
  EXPECT_EQ(e.correct, 902u);
}

}  // namespace
}  // namespace nibble::nn
