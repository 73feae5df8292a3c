// Ternary products: Ternary/2bit/AVX3_DL/N4096/K4096/M1/cache. From memory the
// rate is bytes of packed weights per second and the limit the read bandwidth
// of this machine over 1 GiB, measured when the program starts; weights are as
// many matrices as fill 1 GiB, taken in turn. Else the rate is operations per
// second, two per weight and token, and the limit that of the instruction that
// multiplies bytes, measured by turns.
#include <benchmark/benchmark.h>
#include <hwy/highway.h>

#include <algorithm>
#include <string>
#include <vector>

#include "alternate.hpp"
#include "limits.hpp"
#include "nibble/quant/ternary_gemm.hpp"

namespace nibble::bench {
namespace {

// Beyond the largest cache that processors have today.
constexpr std::size_t kMemory = std::size_t{1} << 30;

double Bandwidth() {
  static const double bandwidth = ReadBandwidth(kMemory, 3);
  return bandwidth;
}

void BM_Read(benchmark::State& state) {
  for (auto _ : state) state.SetIterationTime(0x1p30 / Bandwidth());
  state.counters["rate"] = Bandwidth();
}
BENCHMARK(BM_Read)->UseManualTime()->Iterations(1);

// Copies of one matrix [n, n], `bytes` in all, at least one. Kept from one
// benchmark to the next of the same matrix.
const std::vector<TernaryMatrix>& Matrices(TernaryPacking packing,
                                           std::size_t n, std::size_t bytes) {
  static std::vector<TernaryMatrix> w;
  if (w.empty() || w[0].layout.packing != packing || w[0].layout.n != n) {
    std::vector<std::int8_t> t(n * n);
    for (std::size_t i = 0; i < t.size(); ++i) {
      t[i] = static_cast<std::int8_t>((i * 2654435761u >> 13) % 3) - 1;
    }
    const float s_w = 2;
    w = {PackTernary(t, n, n, std::span(&s_w, 1), packing)};
  }
  const std::size_t count = bytes / w[0].bytes.size() + 1;
  w.resize(std::max(w.size(), count), w[0]);
  return w;
}

struct Case {
  std::size_t n, m;
  bool from_memory;
};

void BM_Ternary(benchmark::State& state, std::int64_t target,
                TernaryPacking packing, const Case& c) {
  hwy::SetSupportedTargetsForTest(target);
  std::vector<std::int8_t> q(c.m * c.n);
  for (std::size_t i = 0; i < q.size(); ++i) {
    q[i] = static_cast<std::int8_t>((i * 2654435761u >> 13) % 255) - 127;
  }
  const std::vector<float> s_a(c.m, 3.0f);
  std::vector<float> y(c.m * c.n);
  const std::vector<TernaryMatrix>& w =
      Matrices(packing, c.n, c.from_memory ? kMemory : 0);
  if (c.from_memory) {
    const double bandwidth = Bandwidth();
    Alternate(
        state, static_cast<double>(w.size() * w[0].bytes.size()), 1,
        [&] {
          for (const TernaryMatrix& one : w) TernaryGemm(one, c.m, q, s_a, y);
        },
        [&](double) { return bandwidth; }, {});
  } else {
    // Enough calls that a clock can time them.
    const std::size_t calls =
        std::max<std::size_t>((std::size_t{1} << 25) / (c.n * c.n * c.m), 1);
    Alternate(state, 2.0 * static_cast<double>(c.n * c.n * c.m * calls), 1,
              [&] {
                for (std::size_t i = 0; i < calls; ++i) {
                  TernaryGemm(w[0], c.m, q, s_a, y);
                }
              },
              DotRate, {});
  }
  hwy::SetSupportedTargetsForTest(0);
}

[[maybe_unused]] const bool registered = [] {
  for (const TernaryPacking packing :
       {TernaryPacking::kTwoBits, TernaryPacking::kBase3}) {
    for (const Case& c :
         {Case{1024, 1, false}, Case{2048, 1, false}, Case{4096, 1, false},
          Case{4096, 1, true}, Case{4096, 2, false}, Case{4096, 3, false},
          Case{4096, 4, false}, Case{4096, 8, false}, Case{4096, 16, false},
          Case{4096, 128, false}, Case{4096, 512, false}}) {
      for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        if (target == HWY_SCALAR) continue;
        const std::string name =
            std::string("Ternary/") +
            (packing == TernaryPacking::kTwoBits ? "2bit/" : "base3/") +
            hwy::TargetName(target) + "/N" + std::to_string(c.n) + "/K" +
            std::to_string(c.n) + "/M" + std::to_string(c.m) +
            (c.from_memory ? "/memory" : "/cache");
        benchmark::RegisterBenchmark(name.c_str(), BM_Ternary, target, packing,
                                     c)
            ->UseManualTime();
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace nibble::bench
