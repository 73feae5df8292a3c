// Float convolution at the shapes of ResNet-20 and of deeper networks, beside
// the multiply-add rate of the machine. OP/s count two operations per tap
// inside the image.
#include <benchmark/benchmark.h>
#include <hwy/highway.h>

#include <string>
#include <vector>

#include "conv_shapes.hpp"
#include "limits.hpp"
#include "nibble/nn/conv2d.hpp"

namespace nibble {
namespace {

void BM_FmaRate(benchmark::State& state, std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  double rate = 0;
  for (auto _ : state) rate = bench::FmaRate(0.01);
  state.counters["OP/s"] = rate;
  hwy::SetSupportedTargetsForTest(0);
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
  SetOps(state, UsefulOps(shape));
  hwy::SetSupportedTargetsForTest(0);
}

[[maybe_unused]] const bool registered = [] {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const std::string name = hwy::TargetName(target);
    benchmark::RegisterBenchmark(("FmaRate/" + name).c_str(), BM_FmaRate,
                                 target);
    for (const ConvCase& c : kConvCases) {
      benchmark::RegisterBenchmark(
          ("Conv2d/f32/" + name + "/" + c.name).c_str(), BM_Conv2d, c.shape,
          target);
    }
  }
  return true;
}();

}  // namespace
}  // namespace nibble
