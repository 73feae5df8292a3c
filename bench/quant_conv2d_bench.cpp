// Convolution of bytes, with ReLU and requantization to bytes, beside the
// machine's rate of byte products and oneDNN (peer_onednn_conv.cpp).
//
//     taskset -c 1 build/release/bench/quant_conv2d_bench
//
// ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI keeps oneDNN from AMX tiles.
#include <benchmark/benchmark.h>
#include <hwy/highway.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "bench/conv_shapes.hpp"
#include "bench/limits.hpp"
#include "nibble/quant/conv2d.hpp"

namespace nibble {
namespace {

// The machine's limit.
void BM_DotRate(benchmark::State& state, std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  double rate = 0;
  for (auto _ : state) rate = std::max(rate, bench::DotRate(0.01));
  state.counters["OP/s"] = rate;
  hwy::SetSupportedTargetsForTest(0);
}

// One layer with its buffers.
template <class In>
struct Layer {
  Layer(const Conv2dShape& s, int bits, std::size_t n) : shape(s), images(n) {
    std::mt19937 rng(1);
    std::vector<std::int8_t> weight(s.out.channels * s.reduction());
    for (auto& w : weight) w = static_cast<std::int8_t>(rng() % 15 - 7);
    const std::vector<std::int32_t> bias(s.out.channels, 100);
    factor.assign(s.out.channels, FixedFactorOf(0.001));
    scale.assign(s.out.channels, 0.001f);
    filter = PackByteFilter(s, weight, bias, In(-1) < In(0) ? 128 : 0, bits);
    in.assign(n * s.in.size(), 3);
    out.resize(n * s.out.size());
  }
  template <class Finish>
  void Run(const Finish& finish) {
    Conv2d(shape, filter, images, std::span<const In>(in), finish,
           std::span(out));
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  // In float, as oneDNN; or by integers, as TensorFlow Lite.
  void RunRound() { Run(RoundSums{scale, 0, 0, 127}); }
  void RunFixed() { Run(Requantize{factor, 0, 0, 127}); }

  Conv2dShape shape;
  std::size_t images;
  std::vector<FixedFactor> factor;
  std::vector<float> scale;
  ByteFilter filter;
  std::vector<In> in, out;
};

template <class In, bool kFixed>
void BM_Conv2d(benchmark::State& state, const Conv2dShape& shape, int bits,
               std::size_t images, std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  Layer<In> layer(shape, bits, images);
  for (auto _ : state) {
    kFixed ? layer.RunFixed() : layer.RunRound();
  }
  SetOps(state, static_cast<double>(images) * UsefulOps(shape));
  hwy::SetSupportedTargetsForTest(0);
}

// All convolutions of ResNet-20, each with its own buffers.
void BM_ResNet20(benchmark::State& state, std::size_t images,
                 std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  std::vector<Layer<std::uint8_t>> layers;
  double ops = 0;
  for (const std::size_t i : kResNet20) {
    layers.emplace_back(kConvCases[i].shape, 8, images);
    ops += static_cast<double>(images) * UsefulOps(kConvCases[i].shape);
  }
  for (auto _ : state) {
    for (auto& layer : layers) layer.RunRound();
  }
  SetOps(state, ops);
  hwy::SetSupportedTargetsForTest(0);
}

[[maybe_unused]] const bool registered = [] {
  using benchmark::RegisterBenchmark;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (target == HWY_SCALAR) continue;
    const std::string name = hwy::TargetName(target);
    RegisterBenchmark(("DotRate/" + name).c_str(), BM_DotRate, target);
    for (const std::size_t images : {1u, 256u}) {
      RegisterBenchmark(
          ("ResNet20/u8s8/" + name + "/" + std::to_string(images)).c_str(),
          BM_ResNet20, images, target);
    }
    for (const ConvCase& c : kConvCases) {
      for (const std::size_t images : {1u, 32u}) {
        const std::string tail =
            name + "/" + c.name + "/" + std::to_string(images);
        RegisterBenchmark(("Conv2d/u8s8/" + tail).c_str(),
                          BM_Conv2d<std::uint8_t, false>, c.shape, 8, images,
                          target);
        RegisterBenchmark(("Conv2d/s8s8/" + tail).c_str(),
                          BM_Conv2d<std::int8_t, false>, c.shape, 8, images,
                          target);
        RegisterBenchmark(("Conv2d/u8s8fixed/" + tail).c_str(),
                          BM_Conv2d<std::uint8_t, true>, c.shape, 8, images,
                          target);
        RegisterBenchmark(("Conv2d/u8s4/" + tail).c_str(),
                          BM_Conv2d<std::uint8_t, false>, c.shape, 4, images,
                          target);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace nibble
