// The trained networks on real images: golden logits and accuracies.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "data.hpp"
#include "nibble/io/images.hpp"
#include "nibble/nn/network.hpp"

namespace nibble::nn {
namespace {

using testing::DataDir;

// Sanitizers make everything ten times slower: a tenth of the images there.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kAllOfThem = false;
#else
constexpr bool kAllOfThem = true;
#endif

struct Trained {
  const char* model;
  const char* weights;
  const char* golden;
  std::size_t correct_1000;
  std::size_t correct;  // of 10,000: data/*/SOURCE.txt
};
constexpr Trained kResNet20 = {
    "resnet20", "resnet_cifar10/resnet20.safetensors",
    "resnet_cifar10/golden_resnet20_test256_logits_f32.bin", 915, 9173};
constexpr Trained kResNet8 = {
    "resnet8", "mlperf_tiny/resnet8.safetensors",
    "mlperf_tiny/golden_resnet8_test256_logits_f32.bin", 881, 8719};

Network Load(const Trained& t, QuantSpec spec = {}) {
  return Network(MakeModel(t.model), Weights::Load(DataDir() / t.weights),
                 std::move(spec));
}

io::Images Images(io::Split split, std::size_t limit) {
  return io::LoadCifar10(DataDir() / "cifar10", split, limit);
}

class TrainedTest : public ::testing::TestWithParam<Trained> {};
INSTANTIATE_TEST_SUITE_P(Cifar10, TrainedTest,
                         ::testing::Values(kResNet20, kResNet8),
                         [](const auto& trained) {
                           return std::string(trained.param.model);
                         });

TEST_P(TrainedTest, LogitsAreGolden) {
  NIBBLE_NEED_DATA(GetParam().golden);
  NIBBLE_NEED_DATA("cifar10");
  const auto golden = testing::ReadRaw<float>(GetParam().golden);
  const auto logits = Logits(Load(GetParam()), Images(io::Split::kTest, 256));
  ASSERT_EQ(logits.size(), golden.size());
  for (std::size_t i = 0; i < golden.size(); ++i) {
    ASSERT_NEAR(logits[i], golden[i], 1e-4) << i;
  }
}

TEST_P(TrainedTest, AccuracyIsThePublishedOne) {
  NIBBLE_NEED_DATA(GetParam().weights);
  NIBBLE_NEED_DATA("cifar10");
  const auto images =
      Images(io::Split::kTest, kAllOfThem ? io::kAllImages : 1000);
  ThreadPool pool;
  const Evaluation e = Evaluate(Load(GetParam()), images, pool.executor());
  EXPECT_EQ(e.total, images.count);
  EXPECT_EQ(e.correct,
            kAllOfThem ? GetParam().correct : GetParam().correct_1000);
}

const QuantSpec kEightBits = {.weights = ParseScheme("int8/channel"),
                              .activations = ParseScheme("int8")};

// At most 0.3 points below float, on all test images.
TEST_P(TrainedTest, EightBitsKeepTheAccuracy) {
  NIBBLE_NEED_DATA(GetParam().weights);
  NIBBLE_NEED_DATA("cifar10");
  if (!kAllOfThem) GTEST_SKIP() << "too slow under a sanitizer";
  ThreadPool pool;
  Network net = Load(GetParam(), kEightBits);
  const auto train = Images(io::Split::kTrain, 1024);
  Calibrate(net, train, train.count, Calibration::kMse, pool.executor());
  const Evaluation e =
      Evaluate(net, Images(io::Split::kTest, io::kAllImages), pool.executor());
  std::printf("int8: %zu of %zu, float: %zu\n", e.correct, e.total,
              GetParam().correct);
  EXPECT_GE(e.correct + 30, GetParam().correct);
}

// The integer engine's logits are the fake one's, on real weights and images.
TEST(ResNet20Data, EnginesAgree) {
  NIBBLE_NEED_DATA(kResNet20.weights);
  NIBBLE_NEED_DATA("cifar10");
  const auto images = Images(io::Split::kTest, 8);
  const auto train = Images(io::Split::kTrain, 16);
  const auto spec = [](const char* weights, const char* activations,
                       const char* ends, bool chain) {
    QuantSpec s{.weights = ParseScheme(weights),
                .activations = ParseScheme(activations),
                .chain = chain};
    if (*ends != 0) s.ends = ParseScheme(ends);
    return s;
  };
  ThreadPool pool;
  for (const QuantSpec& s :
       {spec("int8/channel", "int8", "", false),
        spec("int4/channel", "int4", "", false),
        spec("int4/channel", "uint4", "int8", false),
        spec("int8/channel", "asym:uint8", "", false),
        spec("int8/channel", "int8/token", "", false),
        spec("int8/channel", "int8", "", true),
        spec("int4/channel", "asym:uint4", "int8", true)}) {
    std::vector<std::vector<float>> logits;
    for (const QuantEngine engine :
         {QuantEngine::kFake, QuantEngine::kInteger}) {
      Network net(MakeModel("resnet20"),
                  Weights::Load(DataDir() / kResNet20.weights), s, engine);
      Calibrate(net, train, train.count, Calibration::kMse, pool.executor());
      logits.push_back(Logits(net, images, pool.executor()));
    }
    EXPECT_EQ(logits[0], logits[1])
        << ToString(*s.weights) << " x " << ToString(*s.activations)
        << (s.chain ? " chained" : "");
  }
}

// Codes all the way: 8 bits lose at most 0.3 points.
TEST_P(TrainedTest, ChainedEightBitsKeepTheAccuracy) {
  NIBBLE_NEED_DATA(GetParam().weights);
  NIBBLE_NEED_DATA("cifar10");
  QuantSpec spec = kEightBits;
  spec.chain = true;
  ThreadPool pool;
  Network net(MakeModel(GetParam().model),
              Weights::Load(DataDir() / GetParam().weights), spec,
              QuantEngine::kInteger);
  const auto train = Images(io::Split::kTrain, 1024);
  Calibrate(net, train, train.count, Calibration::kMse, pool.executor());
  const auto images =
      Images(io::Split::kTest, kAllOfThem ? io::kAllImages : 1000);
  const Evaluation e = Evaluate(net, images, pool.executor());
  std::printf("chained int8: %zu of %zu\n", e.correct, e.total);
  if (kAllOfThem) {
    EXPECT_GE(e.correct + 30, GetParam().correct);
  } else {
    EXPECT_GE(e.correct + 10, GetParam().correct_1000);
  }
}

// Every calibration, on 500 images. Eight bits change about 1.5 % of the
// answers, for better and for worse: on 500 images the difference has a
// standard deviation of 2.7, so 0.3 points and two deviations are 7 images.
TEST_P(TrainedTest, EveryCalibrationServesEightBits) {
  NIBBLE_NEED_DATA(GetParam().weights);
  NIBBLE_NEED_DATA("cifar10");
  const auto images = Images(io::Split::kTest, 500);
  const auto train = Images(io::Split::kTrain, 128);
  ThreadPool pool;
  const auto reference = Logits(Load(GetParam()), images, pool.executor());
  const Evaluation exact = Score(reference, images.labels);
  for (const Calibration method :
       {Calibration::kAbsMax, Calibration::kPercentile, Calibration::kMse,
        Calibration::kKl}) {
    Network net = Load(GetParam(), kEightBits);
    Calibrate(net, train, train.count, method, pool.executor());
    const Evaluation e =
        Score(Logits(net, images, pool.executor()), images.labels, reference);
    EXPECT_GE(e.correct + 7, exact.correct) << ToString(method);
    EXPECT_GT(e.mean_logit_error, 0);
  }
}

}  // namespace
}  // namespace nibble::nn
