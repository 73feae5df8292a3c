// Ternary products, beside the rate of dot-product instructions and the read
// bandwidth of the machine. Gop/s count two operations per weight and token;
// GB/s are bytes of packed weights.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "nibble/core/aligned.hpp"
#include "nibble/quant/ternary_gemm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "../bench/ternary_bench.cpp"  // from include/
#include <hwy/foreach_target.h>

#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/ternary_line-inl.hpp"

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {

// 12 chains of quad products in registers. Returns the operations of one call.
NIBBLE_ATTR double PeakDot(size_t rounds, std::int32_t* sink) {
#if NIBBLE_TERNARY_VBMI
  __m512i acc[12];
  for (int i = 0; i < 12; ++i) acc[i] = _mm512_set1_epi32(*sink + i);
  const __m512i x = _mm512_set1_epi32(*sink), y = _mm512_set1_epi32(*sink + 7);
  for (size_t r = 0; r < rounds; ++r) {
    ternary::Repeat<12>([&](auto i) NIBBLE_ATTR
                        __attribute__((always_inline)) {
      acc[i] = _mm512_dpbusd_epi32(acc[i], x, y);
    });
  }
  for (int i = 1; i < 12; ++i) acc[0] = _mm512_add_epi32(acc[0], acc[i]);
  *sink = _mm512_reduce_add_epi32(acc[0]) & 1;
  return static_cast<double>(rounds) * 12 * 128;
#else
  (void)rounds, (void)sink;
  return 0;
#endif
}

// Reads n bytes as one stream.
NIBBLE_ATTR void Read(const std::uint8_t* from, size_t n,
                      std::int32_t* sink) {
  const hn::ScalableTag<std::int32_t> d;
  const size_t N = hn::Lanes(d);
  const auto* p = reinterpret_cast<const std::int32_t*>(from);
  auto a = hn::Zero(d), b = a, c = a, e = a;
  for (size_t i = 0; i + 4 * N <= n / 4; i += 4 * N) {
    a = hn::Or(a, hn::Load(d, p + i));
    b = hn::Or(b, hn::Load(d, p + i + N));
    c = hn::Or(c, hn::Load(d, p + i + 2 * N));
    e = hn::Or(e, hn::Load(d, p + i + 3 * N));
  }
  *sink = hn::GetLane(hn::Or(hn::Or(a, b), hn::Or(c, e)));
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nibble {
HWY_EXPORT(PeakDot);
HWY_EXPORT(Read);
namespace {

void SetRate(benchmark::State& state, double operations, double bytes) {
  const auto per_run = [&](double x) {
    return benchmark::Counter(x * static_cast<double>(state.iterations()),
                              benchmark::Counter::kIsRate);
  };
  state.counters["op/s"] = per_run(operations);
  state.counters["B/s"] = per_run(bytes);
}

void BM_PeakDot(benchmark::State& state) {
  std::int32_t sink = 1;
  double operations = 0;
  for (auto _ : state) {
    operations = HWY_DYNAMIC_DISPATCH(PeakDot)(10000, &sink);
    benchmark::DoNotOptimize(sink);
  }
  SetRate(state, operations, 0);
}
BENCHMARK(BM_PeakDot);

void BM_Read(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const AlignedVector<std::uint8_t> buffer(n, 1);
  std::int32_t sink = 0;
  for (auto _ : state) {
    HWY_DYNAMIC_DISPATCH(Read)(buffer.data(), n, &sink);
    benchmark::DoNotOptimize(sink);
  }
  SetRate(state, 0, static_cast<double>(n));
}
BENCHMARK(BM_Read)->Arg(1 << 20)->Arg(4 << 20)->Arg(1 << 30);

// Copies of one matrix [n, n], worked through in turn: `bytes` in all, at least
// one. Kept from one benchmark to the next.
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

void BM_Ternary(benchmark::State& state, std::int64_t target,
                TernaryPacking packing, std::size_t n, std::size_t m,
                std::size_t bytes) {
  hwy::SetSupportedTargetsForTest(target);
  std::vector<std::int8_t> q(m * n);
  for (std::size_t i = 0; i < q.size(); ++i) {
    q[i] = static_cast<std::int8_t>((i * 2654435761u >> 13) % 255) - 127;
  }
  const std::vector<float> s_a(m, 3.0f);
  std::vector<float> y(m * n);
  const std::vector<TernaryMatrix>& w = Matrices(packing, n, bytes);
  const std::size_t count = bytes == 0 ? 1 : w.size();
  std::size_t at = 0;
  for (auto _ : state) {
    TernaryGemm(w[at], m, q, s_a, y);
    at = (at + 1) % count;
    benchmark::ClobberMemory();
  }
  SetRate(state, 2.0 * static_cast<double>(n * n * m),
          static_cast<double>(w[0].bytes.size()));
  hwy::SetSupportedTargetsForTest(0);
}

[[maybe_unused]] const bool registered = [] {
  for (const TernaryPacking packing :
       {TernaryPacking::kTwoBits, TernaryPacking::kBase3}) {
    const auto add = [&](const std::string& what, std::size_t n, std::size_t m,
                         std::size_t bytes) {
      for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        const std::string name =
            what +
            (packing == TernaryPacking::kTwoBits ? "/2bit/" : "/base3/") +
            hwy::TargetName(target);
        benchmark::RegisterBenchmark(name.c_str(), BM_Ternary, target, packing,
                                     n, m, bytes);
      }
    };
    add("Gemv/1024", 1024, 1, 0);
    add("Gemv/4096", 4096, 1, 0);
    add("Gemv/memory", 4096, 1, std::size_t{1} << 30);
    for (const std::size_t m : {2, 3, 4, 8, 16, 128, 512}) {
      add("Gemm/4096x" + std::to_string(m), 4096, m, 0);
    }
  }
  return true;
}();

}  // namespace
}  // namespace nibble
#endif
