// Convolution of bytes, with ReLU and requantization to bytes, beside the
// machine's rate of byte products and oneDNN (peer_onednn_conv.cpp).
//
//     taskset -c 1 build/release/bench/quant_conv2d_bench
//
// ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI keeps oneDNN from AMX tiles.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "bench/conv_shapes.hpp"
#include "nibble/quant/conv2d.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "../bench/quant_conv2d_bench.cpp"  // from include/
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/conv2d-inl.hpp"

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {

#if !NIBBLE_CONV_PLAIN
// 12 independent chains in registers: the limit. Returns the operations.
size_t PeakBytes(size_t rounds, const std::uint8_t* x, const std::int8_t* w,
                 std::int32_t* sink) {
  using namespace conv2d_internal;  // NOLINT
  TileSums<12, 1> sums;
  HWY_ALIGN const std::int32_t zeros[hn::MaxLanes(Sums())] = {};
  HWY_ALIGN std::int32_t out[12 * hn::MaxLanes(Sums())];
  SetSums<0>(zeros, sums);
  TileWeights<1> weights;
  weights.at[0] = LoadWeights(w);
  // The pointers do not move, but the compiler does not know it.
  TilePixels pixels(x, 4);
  for (size_t r = 0; r < rounds; ++r) {
    AddRows<0, 12, 0>(pixels, weights, sums);
    asm("" : "+r"(pixels.p0), "+r"(pixels.p3) : : "memory");
  }
  StoreSums<0>(sums, out);
  *sink = out[0];
  return rounds * 12 * 8 * hn::Lanes(Sums());
}
#else
size_t PeakBytes(size_t, const std::uint8_t*, const std::int8_t*,
                 std::int32_t*) {
  return 0;
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nibble {
HWY_EXPORT(PeakBytes);
namespace {

void BM_PeakBytes(benchmark::State& state, std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  AlignedVector<std::uint8_t> x(64, 1);
  AlignedVector<std::int8_t> w(64, 1);
  std::int32_t sink = 0;
  double ops = 0;
  for (auto _ : state) {
    ops = static_cast<double>(
        HWY_DYNAMIC_DISPATCH(PeakBytes)(10000, x.data(), w.data(), &sink));
    benchmark::DoNotOptimize(sink);
  }
  SetOps(state, ops);
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
    RegisterBenchmark(("PeakBytes/" + name).c_str(), BM_PeakBytes, target);
    for (const std::size_t images : {1, 256}) {
      RegisterBenchmark(
          ("ResNet20/u8s8/" + name + "/" + std::to_string(images)).c_str(),
          BM_ResNet20, images, target);
    }
    for (const ConvCase& c : kConvCases) {
      for (const std::size_t images : {1, 32}) {
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
#endif
