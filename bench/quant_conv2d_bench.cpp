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
  for (size_t r = 0; r < rounds; ++r) AddRows<0, 12, 0>(x, 4, weights, sums);
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
    ops = static_cast<double>(HWY_DYNAMIC_DISPATCH(PeakBytes)(
        10000, x.data(), w.data(), &sink));
    benchmark::DoNotOptimize(sink);
  }
  SetOps(state, ops);
  hwy::SetSupportedTargetsForTest(0);
}

template <class In>
void BM_Conv2d(benchmark::State& state, const Conv2dShape& shape, int bits,
               std::size_t images, std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  std::mt19937 rng(1);
  std::vector<std::int8_t> weight(shape.out.channels * shape.reduction());
  for (auto& w : weight) w = static_cast<std::int8_t>(rng() % 15 - 7);
  const std::vector<std::int32_t> bias(shape.out.channels, 100);
  const std::vector<FixedFactor> factor(shape.out.channels,
                                        FixedFactorOf(0.001));
  const ByteFilter filter =
      PackByteFilter(shape, weight, bias, In(-1) < In(0) ? 128 : 0, bits);
  std::vector<In> in(images * shape.in.size(), 3);
  std::vector<In> out(images * shape.out.size());
  const Requantize finish{factor, 0, 0, 127};
  for (auto _ : state) {
    Conv2d(shape, filter, images, std::span<const In>(in), finish,
           std::span(out));
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  SetOps(state, static_cast<double>(images) * UsefulOps(shape));
  hwy::SetSupportedTargetsForTest(0);
}

[[maybe_unused]] const bool registered = [] {
  using benchmark::RegisterBenchmark;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (target == HWY_SCALAR) continue;
    const std::string name = hwy::TargetName(target);
    RegisterBenchmark(("PeakBytes/" + name).c_str(), BM_PeakBytes, target);
    for (const ConvCase& c : kConvCases) {
      for (const std::size_t images : {1, 32}) {
        const std::string tail =
            name + "/" + c.name + "/" + std::to_string(images);
        RegisterBenchmark(("Conv2d/u8s8/" + tail).c_str(),
                          BM_Conv2d<std::uint8_t>, c.shape, 8, images, target);
        RegisterBenchmark(("Conv2d/s8s8/" + tail).c_str(),
                          BM_Conv2d<std::int8_t>, c.shape, 8, images, target);
        RegisterBenchmark(("Conv2d/u8s4/" + tail).c_str(),
                          BM_Conv2d<std::uint8_t>, c.shape, 4, images, target);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace nibble
#endif
