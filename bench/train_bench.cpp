// Steps of training, one thread: images per second, float and quantized; and
// the three products of a convolution beside the multiply-add rate of the
// machine. OP/s count two operations per tap, those in the border of zeros
// included; a step's count 3 * 2 per multiply-accumulate of the model.
#include <benchmark/benchmark.h>

#include <random>
#include <string>

#include "conv_shapes.hpp"
#include "limits.hpp"
#include "nibble/cost/cost.hpp"
#include "nibble/qat/trainer.hpp"

namespace nibble {
namespace {

void BM_Limit(benchmark::State& state) {
  double rate = 0;
  for (auto _ : state) rate = bench::FmaRate(0.01);
  state.counters["OP/s"] = rate;
}
BENCHMARK(BM_Limit);

enum Product { kForward, kBackwardData, kBackwardWeights };

void BM_Product(benchmark::State& state, std::size_t size,
                std::size_t in_channels, std::size_t channels,
                Product product) {
  constexpr std::size_t kImages = 4;
  const nn::Conv2dShape shape{{size, size, in_channels},
                              {size, size, channels},
                              {3, 3},
                              {1, 1},
                              {1, 1}};
  const qat::Layout in = qat::Conv::Border(shape);
  const qat::Conv conv(shape, in, false, kImages);
  const std::vector<float> w(channels * shape.reduction(), 0.01f);
  AlignedVector<float> packed(conv.packed_size());
  conv.Pack(w.data(), packed.data());
  AlignedVector<float> x(kImages * in.image() + qat::kSlack, 0.5f);
  AlignedVector<float> z(kImages * conv.gradient().image() + qat::kSlack, 0.5f);
  std::vector<float> dw(w.size());
  for (auto _ : state) {
    if (product == kForward) {
      conv.Forward(x.data(), packed.data(), kImages, z.data());
    } else if (product == kBackwardData) {
      conv.BackwardData(z.data(), packed.data(), kImages, false, x.data());
    } else {
      conv.BackwardWeights(z.data(), x.data(), kImages, dw.data());
    }
    benchmark::ClobberMemory();
  }
  SetOps(state, static_cast<double>(2 * kImages * shape.out.size() *
                                    shape.reduction()));
}

// A data set of noise: time does not depend on what is learned.
io::Images Noise(const nn::Shape& shape, std::size_t count) {
  io::Images images;
  images.count = count;
  images.height = shape.height, images.width = shape.width;
  images.channels = shape.channels;
  std::mt19937 rng(1);
  for (std::size_t i = 0; i < count * shape.size(); ++i) {
    images.pixels.push_back(static_cast<std::uint8_t>(rng()));
  }
  for (std::size_t i = 0; i < count; ++i) {
    images.labels.push_back(static_cast<std::uint8_t>(i % 10));
  }
  return images;
}

// Augmentation, forward, backward and optimizer, batches of 128.
void BM_Step(benchmark::State& state, const std::string& name,
             const std::string& recipe) {
  const nn::Model model = qat::TrainingModel(nn::MakeModel(name));
  const io::Images images = Noise(model.input, 1024);
  qat::TrainOptions options;
  options.epochs = 1 << 20;
  options.rate = 1e-3;
  options.augment = true;
  if (!recipe.empty()) {
    options.recipe = recipe;
    options.freeze_epoch = 0.125;  // after one step
    options.spec = {ParseScheme("int4/channel"), ParseScheme("uint4"),
                    ParseScheme("int8")};
  }
  qat::Trainer trainer(model, images, options);
  for (auto _ : state) trainer.Step();
  const auto done = static_cast<double>(state.iterations()) * 128;
  state.SetItemsProcessed(static_cast<std::int64_t>(done));
  SetOps(state, 6 * 128 * static_cast<double>(cost::Count(model).macs));
}

[[maybe_unused]] const bool registered = [] {
  const struct {
    std::size_t size, in, out;
  } shapes[] = {{32, 3, 16}, {32, 16, 16}, {16, 32, 32}, {8, 64, 64}};
  const char* products[] = {"forward", "backward_data", "backward_weights"};
  for (const auto& s : shapes) {
    for (const Product p : {kForward, kBackwardData, kBackwardWeights}) {
      const std::string name = "Conv/" + std::to_string(s.size) + "x" +
                               std::to_string(s.size) + "x" +
                               std::to_string(s.in) + "_" +
                               std::to_string(s.out) + "/" + products[p];
      benchmark::RegisterBenchmark(name.c_str(), BM_Product, s.size, s.in,
                                   s.out, p);
    }
  }
  for (const char* model : {"resnet8", "resnet20"}) {
    for (const char* recipe : {"", "aqt", "lsq", "pact"}) {
      const std::string name =
          std::string("Step/") + model + "/" + (*recipe ? recipe : "float");
      benchmark::RegisterBenchmark(name.c_str(), BM_Step, std::string(model),
                                   std::string(recipe))
          ->Unit(benchmark::kMillisecond);
    }
  }
  return true;
}();

}  // namespace
}  // namespace nibble
