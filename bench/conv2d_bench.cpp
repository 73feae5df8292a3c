// Float convolution at the shapes of ResNet-20, beside the multiply-add rate of
// the machine. FLOP/s count two operations per tap inside the image.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "nibble/nn/conv2d.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "../bench/conv2d_bench.cpp"  // from include/
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 12 independent chains of multiply-adds in registers: the limit. Returns the
// operations of one call.
size_t PeakFma(size_t rounds, float* sink) {
  const hn::ScalableTag<float> d;
  const auto x = hn::Set(d, 0.999f), y = hn::Set(d, 0.001f);
  // Chains that begin alike would be one chain to the compiler.
  auto a = hn::Iota(d, *sink);
  auto b = hn::Add(a, x), c = hn::Add(b, x), e = hn::Add(c, x);
  auto f = hn::Add(e, x), g = hn::Add(f, x), h = hn::Add(g, x);
  auto i = hn::Add(h, x), j = hn::Add(i, x), k = hn::Add(j, x);
  auto l = hn::Add(k, x), m = hn::Add(l, x);
  for (size_t r = 0; r < rounds; ++r) {
    a = hn::MulAdd(a, x, y), b = hn::MulAdd(b, x, y), c = hn::MulAdd(c, x, y);
    e = hn::MulAdd(e, x, y), f = hn::MulAdd(f, x, y), g = hn::MulAdd(g, x, y);
    h = hn::MulAdd(h, x, y), i = hn::MulAdd(i, x, y), j = hn::MulAdd(j, x, y);
    k = hn::MulAdd(k, x, y), l = hn::MulAdd(l, x, y), m = hn::MulAdd(m, x, y);
  }
  a = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)),
              hn::Add(hn::Add(f, g), hn::Add(h, i)));
  a = hn::Add(a, hn::Add(hn::Add(j, k), hn::Add(l, m)));
  *sink = hn::GetLane(hn::SumOfLanes(d, a));
  return rounds * 12 * 2 * hn::Lanes(d);
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nibble {
HWY_EXPORT(PeakFma);
namespace {

void SetFlops(benchmark::State& state, double flops) {
  state.counters["FLOP/s"] =
      benchmark::Counter(flops * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

void BM_PeakFma(benchmark::State& state, std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  float sink = 1;
  double flops = 0;
  for (auto _ : state) {
    flops = static_cast<double>(HWY_DYNAMIC_DISPATCH(PeakFma)(10000, &sink));
    benchmark::DoNotOptimize(sink);
  }
  SetFlops(state, flops);
  hwy::SetSupportedTargetsForTest(0);
}

// Taps inside the image, over all outputs.
double UsefulFlops(const nn::Conv2dShape& s) {
  const auto inside = [](std::size_t in, std::size_t out, std::size_t kernel,
                         std::size_t stride, std::size_t padding) {
    std::size_t taps = 0;
    for (std::size_t o = 0; o < out; ++o) {
      for (std::size_t k = 0; k < kernel; ++k) {
        taps += o * stride + k - padding < in;
      }
    }
    return static_cast<double>(taps);
  };
  return 2 *
         inside(s.in.height, s.out.height, s.kernel.height, s.stride.height,
                s.padding.height) *
         inside(s.in.width, s.out.width, s.kernel.width, s.stride.width,
                s.padding.width) *
         static_cast<double>(s.in.channels * s.out.channels / s.groups);
}

void BM_Conv2d(benchmark::State& state, const nn::Conv2dShape& shape,
               std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  const std::vector<float> weight(shape.out.channels * shape.reduction(), 0.1f);
  const std::vector<float> bias(shape.out.channels, 0.5f);
  const nn::Filter filter = nn::PackFilter(shape, weight, bias);
  const std::vector<float> in(shape.in.size(), 1.0f);
  std::vector<float> out(shape.out.size());
  for (auto _ : state) {
    nn::Conv2d(shape, filter, 1, in, out, true);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  SetFlops(state, UsefulFlops(shape));
  hwy::SetSupportedTargetsForTest(0);
}

struct Case {
  const char* name;
  nn::Conv2dShape shape;
};
const Case kCases[] = {
    {"32x32x3_16", {{32, 32, 3}, {32, 32, 16}, {3, 3}, {1, 1}, {1, 1}}},
    {"32x32x16_16", {{32, 32, 16}, {32, 32, 16}, {3, 3}, {1, 1}, {1, 1}}},
    {"16x16x32_32", {{16, 16, 32}, {16, 16, 32}, {3, 3}, {1, 1}, {1, 1}}},
    {"8x8x64_64", {{8, 8, 64}, {8, 8, 64}, {3, 3}, {1, 1}, {1, 1}}},
    {"56x56x64_64", {{56, 56, 64}, {56, 56, 64}, {3, 3}, {1, 1}, {1, 1}}},
    {"14x14x256_256", {{14, 14, 256}, {14, 14, 256}, {3, 3}, {1, 1}, {1, 1}}},
};

[[maybe_unused]] const bool registered = [] {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const std::string name = hwy::TargetName(target);
    benchmark::RegisterBenchmark(("PeakFma/" + name).c_str(), BM_PeakFma,
                                 target);
    for (const Case& c : kCases) {
      benchmark::RegisterBenchmark(
          ("Conv2d/f32/" + name + "/" + c.name).c_str(), BM_Conv2d, c.shape,
          target);
    }
  }
  return true;
}();

}  // namespace
}  // namespace nibble
#endif
