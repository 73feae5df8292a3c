// Whole runs: the same bits for every number of threads and after a resume,
// golden losses, and inference that agrees with training.
#include "nibble/qat/trainer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>

#include "nibble/core/check.hpp"
#include "nibble/qat/checkpoint.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble::qat {
namespace {

const io::Images& Digits() {
  static const io::Images images =
      io::LoadDigits(NIBBLE_SOURCE_DIR "/tools/data/digits.csv.gz");
  return images;
}

// Images [count, 32, 32, 3] of noise on one of ten tints.
io::Images Tinted(std::size_t count) {
  io::Images images;
  images.count = count;
  images.height = images.width = 32, images.channels = 3;
  std::mt19937 rng(5);
  for (std::size_t i = 0; i < count; ++i) {
    images.labels.push_back(static_cast<std::uint8_t>(i % 10));
    for (std::size_t j = 0; j < 32 * 32 * 3; ++j) {
      const std::size_t tint = (i % 10 * 25 + j % 3 * 40) % 200;
      images.pixels.push_back(static_cast<std::uint8_t>(tint + rng() % 56));
    }
  }
  return images;
}

nn::Model SmallResNet() { return nn::MakeModel("resnet8", 0.25); }

TrainOptions Quantized(const std::string& recipe) {
  TrainOptions o;
  o.epochs = 3;
  o.batch = 70;  // shards of 23 and 24 images, and a last batch of 30
  o.rate = 0.05;
  o.augment = true;
  o.recipe = recipe;
  o.spec = {.weights = ParseScheme("int4/channel"),
            .activations = ParseScheme("uint4"),
            .ends = ParseScheme("int8")};
  if (recipe == "aqt2") o.spec.activations = ParseScheme("int4");
  o.freeze_epoch = 1;
  return o;
}

TrainState RunWhole(const nn::Model& model, const io::Images& images,
               const TrainOptions& options, std::size_t threads,
               std::vector<double>* losses = nullptr) {
  ThreadPool pool(threads);
  Trainer trainer(model, images, options, pool.executor());
  while (!trainer.done()) {
    const StepReport report = trainer.Step();
    if (losses != nullptr) losses->push_back(report.loss);
  }
  return trainer.state();
}

void ExpectEqual(const TrainState& a, const TrainState& b) {
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.optimizer, b.optimizer);
  EXPECT_EQ(a.moments, b.moments);
  EXPECT_EQ(a.quantizer, b.quantizer);
}

TEST(Trainer, SameBitsForEveryNumberOfThreads) {
  const io::Images images = Tinted(100);
  const nn::Model model = TrainingModel(SmallResNet());
  for (const char* recipe : {"aqt", "lsq"}) {
    const TrainState one = RunWhole(model, images, Quantized(recipe), 1);
    for (const std::size_t threads : {2u, 3u}) {
      ExpectEqual(one, RunWhole(model, images, Quantized(recipe), threads));
    }
    TrainOptions other = Quantized(recipe);
    other.seed = 2;
    EXPECT_NE(one.parameters, RunWhole(model, images, other, 1).parameters);
  }
}

// Ten losses of the mlp on the digits, as golden_losses.py has them in float64:
// weights, order, gradients, optimizer and schedule by another program.
TEST(Trainer, GoldenLosses) {
  TrainOptions o;
  o.batch = 180;
  o.rate = 0.05;
  std::vector<double> losses;
  RunWhole(nn::MakeModel("mlp"), Digits(), o, 1, &losses);
  ASSERT_EQ(losses.size(), 10u);
  constexpr double kGolden[] = {2.3764891, 2.3348418, 2.2743450, 2.2163176, 2.1763017,
                                2.1305313, 2.1074261, 2.1231290, 2.0846800, 2.0901866};
  for (std::size_t i = 0; i < losses.size(); ++i) {
    EXPECT_NEAR(losses[i], kGolden[i], 1e-5) << "step " << i;
  }
}

TEST(Trainer, LearnsTheDigitsUnderEveryRecipe) {
  for (const TrainingRecipe& recipe : Recipes()) {
    TrainOptions o;
    o.epochs = 10;
    o.batch = 64;
    o.rate = 0.05;
    o.recipe = recipe.name;
    const bool aqt2 = recipe.name == "aqt2";
    o.spec = {.weights = ParseScheme("int4/channel"),
              .activations = ParseScheme(aqt2 ? "int4" : "uint4")};
    o.freeze_epoch = 2;
    Trainer trainer(nn::MakeModel("mlp"), Digits(), o);
    while (!trainer.done()) trainer.Step();
    EXPECT_GE(trainer.CountCorrect(Digits()), 1730u)
        << "of 1797 under " << recipe.name;
  }
}

TEST(Trainer, OtherFormatsStraightThrough) {
  const char* formats[][2] = {{"absmean:ternary/channel", "int8/token"},
                              {"fp8_e4m3/channel", "fp8_e4m3"},
                              {"mxfp4", "mxfp4"},
                              {"asym:int4/channel", "asym:uint4"},
                              {"int4/group32", "float"}};
  for (const auto& [weights, acts] : formats) {
    TrainOptions o;
    o.epochs = 10;
    o.batch = 64;
    o.rate = 0.05;
    o.spec.weights = ParseScheme(weights);
    if (std::string(acts) != "float") o.spec.activations = ParseScheme(acts);
    o.freeze_epoch = 2;
    Trainer trainer(nn::MakeModel("mlp"), Digits(), o);
    while (!trainer.done()) trainer.Step();
    EXPECT_GE(trainer.CountCorrect(Digits()), 1650u)
        << "of 1797 under " << weights;
  }
}

// A folder of its own for each test.
class TrainerFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::path(::testing::TempDir()) /
           (std::string("train_") +
            ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  const std::filesystem::path& dir() const { return dir_; }

 private:
  std::filesystem::path dir_;
};

TEST_F(TrainerFiles, ResumesToTheSameBits) {
  const io::Images images = Tinted(100);
  const nn::Model model = TrainingModel(SmallResNet());
  for (const char* recipe : {"aqt", "lsq", "pact"}) {
    const TrainState whole = RunWhole(model, images, Quantized(recipe), 2);
    Trainer first(model, images, Quantized(recipe));
    while (first.state().step < 3) first.Step();
    const auto file = dir() / "checkpoint";
    SaveCheckpoint(file, {.state = first.state(), .history = {}}, "test");
    Trainer second(model, images, Quantized(recipe));
    second.SetState(LoadCheckpoint(file, "test").state);
    while (!second.done()) second.Step();
    ExpectEqual(whole, second.state());
  }
}

TEST_F(TrainerFiles, CheckpointsAreChecked) {
  const auto file = dir() / "checkpoint";
  Checkpoint c;
  c.state.step = 7;
  c.state.parameters = {1, 2, 3};
  c.loss = 0.5;
  c.history = {{.epoch = 1, .loss = 2.5}, {.epoch = 2, .loss = 1.5}};
  SaveCheckpoint(file, c, "seed=1");
  const Checkpoint back = LoadCheckpoint(file, "seed=1");
  EXPECT_EQ(back.state.step, 7u);
  EXPECT_EQ(back.state.parameters, c.state.parameters);
  EXPECT_EQ(back.loss, 0.5);
  ASSERT_EQ(back.history.size(), 2u);
  EXPECT_EQ(back.history[1].loss, 1.5);
  EXPECT_THROW(LoadCheckpoint(file, "seed=2"), InputError);
  EXPECT_THROW(LoadCheckpoint(dir() / "none", "seed=1"), InputError);
  Trainer trainer(nn::MakeModel("mlp"), Digits(), {});
  EXPECT_THROW(trainer.SetState(back.state), std::invalid_argument);
  const nn::Model mlp = nn::MakeModel("mlp");
  Export(trainer, mlp, file);
  EXPECT_THROW(LoadCheckpoint(file, "seed=1"), InputError);
}

// Inference folds batch norm, finds codes anew and sums exactly; training has
// float sums. Both must give nearly all images the same answer.
TEST_F(TrainerFiles, InferenceAgreesWithTraining) {
  const io::Images images = Tinted(100);
  const nn::Model model = nn::MakeModel("resnet8", 0.5);
  for (const char* recipe : {"aqt", "aqt2", "lsq", "pact", "plain"}) {
    ThreadPool pool(2);
    TrainOptions options = Quantized(recipe);
    options.epochs = 8;
    Trainer trainer(TrainingModel(model), images, options, pool.executor());
    while (!trainer.done()) trainer.Step();
    const auto file = dir() / "weights";
    Export(trainer, model, file);
    const nn::Weights weights = nn::Weights::Load(file);
    const nn::QuantSpec spec = nn::TrainedSpec(weights);
    ASSERT_TRUE(spec.weights && spec.activations && spec.ends) << recipe;
    nn::Network network(model, weights, spec);
    EXPECT_FALSE(network.needs_calibration()) << recipe;
    const auto e = nn::Evaluate(network, images, pool.executor());
    EXPECT_NEAR(static_cast<double>(e.correct),
                static_cast<double>(trainer.CountCorrect(images)), 3)
        << recipe;
    EXPECT_GT(e.correct, 20u) << recipe;  // chance: 10
  }
}

// Every weight code of a folded layer is the one that training used.
TEST_F(TrainerFiles, ExportedCodesAreTraining) {
  const io::Images images = Tinted(70);
  const nn::Model model = nn::MakeModel("resnet14", 0.25);
  for (const char* recipe : {"lsq", "dorefa", "aqt"}) {
    TrainOptions options = Quantized(recipe);
    options.spec.activations = {};
    options.spec.ends = {};
    Trainer trainer(TrainingModel(model), images, options);
    while (!trainer.done()) trainer.Step();
    const auto file = dir() / "weights";
    Export(trainer, model, file);
    const nn::Weights weights = nn::Weights::Load(file);
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
      const nn::Layer& layer = model.layers[i];
      if (!layer.has_weights()) continue;
      const auto& q = trainer.quantizers()[i];
      const auto w = trainer.WeightsOf(i);
      std::vector<float> trained(w.size()), exported(w.size());
      q.weights->Forward(w, trainer.Learned(q, true), trained);
      const nn::FoldedWeights folded = nn::Fold(layer, weights);
      DequantizeTensor(
          nn::QuantizeFolded(layer, folded, q.weights->scheme()), exported);
      // The same up to batch norm's factor, which is one per row.
      const std::size_t cols = layer.reduction();
      for (std::size_t o = 0; o < layer.out.channels; ++o) {
        double dot = 0, square = 0, other = 0;
        for (std::size_t j = o * cols; j < (o + 1) * cols; ++j) {
          dot += double{trained[j]} * exported[j];
          square += double{trained[j]} * trained[j];
          other += double{exported[j]} * exported[j];
        }
        EXPECT_NEAR(std::abs(dot), std::sqrt(square * other), 1e-6 * other)
            << recipe << " " << layer.name << " row " << o;
      }
    }
  }
}

TEST(Trainer, StopsAtALossThatIsNotFinite) {
  TrainOptions o;
  o.rate = 1e30;
  o.epochs = 5;
  Trainer trainer(nn::MakeModel("mlp"), Digits(), o);
  try {
    while (!trainer.done()) trainer.Step();
    FAIL() << "a rate of 1e30 went well";
  } catch (const RunFailed& error) {
    EXPECT_NE(std::string(error.what()).find("step "), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("fc"), std::string::npos)
        << error.what();
  }
}

TEST(Trainer, DistillsATeacher) {
  const nn::Model mlp = nn::MakeModel("mlp");
  TrainOptions o;
  o.epochs = 10;
  o.batch = 64;
  o.rate = 0.05;
  Trainer teacher(mlp, Digits(), o);
  while (!teacher.done()) teacher.Step();
  nn::Weights weights;
  ExportTo(teacher, mlp, weights);
  o.loss.distillation = 1;  // no labels at all
  o.loss.temperature = 2;
  o.seed = 9;
  Trainer student(mlp, Digits(), o);
  EXPECT_THROW(student.Step(), std::invalid_argument);
  student.SetTeacher(nn::Network(mlp, weights));
  while (!student.done()) student.Step();
  EXPECT_GE(student.CountCorrect(Digits()), 1730u);
}

TEST(Trainer, RefusesWhatDoesNotFit) {
  const nn::Model mlp = nn::MakeModel("mlp");
  const auto make = [&](auto change, const char* says) {
    TrainOptions o;
    change(o);
    try {
      Trainer trainer(mlp, Digits(), o);
      FAIL() << "took what should say " << says;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(says), std::string::npos)
          << error.what();
    }
  };
  make([](TrainOptions& o) { o.epochs = 0; }, "epochs");
  make([](TrainOptions& o) { o.batch = 0; }, "batch");
  make([](TrainOptions& o) { o.rate = 0; }, "learning rate");
  make([](TrainOptions& o) { o.warmup_epochs = 2; }, "warm-up");
  make([](TrainOptions& o) { o.freeze_epoch = 1; }, "freeze");
  make(
      [](TrainOptions& o) {
        o.freeze_epoch = 0;  // nothing would have been seen
        o.spec.activations = ParseScheme("uint4");
      },
      "freeze");
  make([](TrainOptions& o) { o.loss.smoothing = 1; }, "smoothing");
  make([](TrainOptions& o) { o.loss.temperature = 0; }, "temperature");
  make([](TrainOptions& o) { o.recipe = "lsqq"; }, "lsq");
  make([](TrainOptions& o) { o.spec.weights = ParseScheme("uint4"); }, "fc1");
  make(
      [](TrainOptions& o) {
        o.recipe = "lsq";
        o.spec.activations = ParseScheme("fp8_e4m3");
      },
      "fc1");
  io::Images wrong = Digits();
  wrong.labels[3] = 10;
  EXPECT_THROW(Trainer(mlp, wrong, {}), InputError);
  EXPECT_THROW(Trainer(nn::MakeModel("lenet"), Digits(), {}), InputError);
  // Normalized images have negative values.
  const io::Images images = Tinted(10);
  TrainOptions o;
  o.spec.activations = ParseScheme("uint4");
  EXPECT_THROW(Trainer(nn::MakeModel("resnet20", 0.25), images, o), InputError);
}

}  // namespace
}  // namespace nibble::qat
