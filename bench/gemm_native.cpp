// Products of bytes in a program that has nibble as headers alone, compiled for
// this machine: it shall be as fast as the library is (gemm_bench).
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "alternate.hpp"
#include "limits.hpp"
#include "nibble/quant/gemm_int8.hpp"

namespace nibble::bench {
namespace {

void BM_GemmNative(benchmark::State& state) {
  const auto m = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  const std::size_t k = n;
  const std::vector<std::int8_t> x(m * k, 3), w(n * k, 5);
  const PackedInt8 packed = PackInt8({w, n, k});
  std::vector<float> y(m * n);
  const float scale = 0.1f;
  const std::span<const float> one(&scale, 1);
  state.SetLabel(hwy::TargetName(HWY_STATIC_TARGET));
  Alternate(
      state, 2 * static_cast<double>(m * n * k),
      [&] {
        GemmInt8(Activations<std::int8_t>{x, one}, packed, FloatOutput{one},
                 std::span(y));
      },
      DotRate, {});
}
BENCHMARK(BM_GemmNative)
    ->ArgNames({"M", "NK"})
    ->ArgsProduct({{1, 16, 128, 512}, {1024, 4096}})
    ->UseManualTime();

}  // namespace
}  // namespace nibble::bench
