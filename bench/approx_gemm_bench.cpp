// Matrix products under other multiplications, one line per instruction set, as
// ApproxGemm/lmul/AVX3_DL/128. Operations are two per product. Beside them the
// limits of the machine: multiply-adds, a float addition after an integer one,
// sums of pairs of bf16 products, and those sums after an integer addition.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "nibble/arith/approx_gemm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "../bench/approx_gemm_bench.cpp"  // from include/
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "nibble/arith/product_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct FmaOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V sum, V x, V w) const {
    return hn::MulAdd(x, w, sum);
  }
};
// Nine independent sums in registers: the limit. Returns the operations of one
// call. As in a tile, each of 3 + 3 operands meets the others; anew in each
// round.
template <class Op>
size_t Peak(const Op& op, size_t per_lane, size_t rounds, float* sink) {
  const hn::ScalableTag<float> d;
  auto x0 = hn::Set(d, 0.999f), x1 = hn::Set(d, 0.998f),
       x2 = hn::Set(d, 0.997f);
  const auto y0 = Barrier(hn::Set(d, 0.001f)), y1 = Barrier(hn::Set(d, 0.002f)),
             y2 = Barrier(hn::Set(d, 0.003f));
  auto a = hn::Iota(d, *sink), b = hn::Add(a, x0), c = hn::Add(b, x0),
       e = hn::Add(c, x0), f = hn::Add(e, x0), g = hn::Add(f, x0),
       h = hn::Add(g, x0), i = hn::Add(h, x0), j = hn::Add(i, x0);
  for (size_t r = 0; r < rounds; ++r) {
    x0 = Barrier(x0), x1 = Barrier(x1), x2 = Barrier(x2);
    a = op(d, a, x0, y0), b = op(d, b, x0, y1), c = op(d, c, x0, y2);
    e = op(d, e, x1, y0), f = op(d, f, x1, y1), g = op(d, g, x1, y2);
    h = op(d, h, x2, y0), i = op(d, i, x2, y1), j = op(d, j, x2, y2);
  }
  a = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)),
              hn::Add(hn::Add(f, g), hn::Add(h, i)));
  *sink = hn::GetLane(hn::SumOfLanes(d, hn::Add(a, j)));
  return rounds * 9 * per_lane * hn::Lanes(d);
}

size_t PeakFma(size_t rounds, float* sink) {
  return Peak(FmaOp(), 2, rounds, sink);
}
size_t PeakAdds(size_t rounds, float* sink) {
  return Peak(AddOp(), 2, rounds, sink);
}
#if NIBBLE_PAIR_SUMS
struct PairFmaOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V sum, V x, V w) const {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
    return sum;
  }
};
size_t PeakPairs(size_t rounds, float* sink) {
  return HasPairSums() ? Peak(PairFmaOp(), 4, rounds, sink) : 0;
}
size_t PeakPairSums(size_t rounds, float* sink) {
  return HasPairSums() ? Peak(PairSumOp(), 4, rounds, sink) : 0;
}
#else
size_t PeakPairs(size_t, float*) { return 0; }
size_t PeakPairSums(size_t, float*) { return 0; }
#endif

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nibble {
HWY_EXPORT(PeakFma);
HWY_EXPORT(PeakAdds);
HWY_EXPORT(PeakPairs);
HWY_EXPORT(PeakPairSums);
namespace {

void SetOps(benchmark::State& state, double ops) {
  state.counters["op/s"] =
      benchmark::Counter(ops * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
  hwy::SetSupportedTargetsForTest(0);
}

size_t RunPeak(int which, float* sink) {
  switch (which) {
    case 0:
      return HWY_DYNAMIC_DISPATCH(PeakFma)(10000, sink);
    case 1:
      return HWY_DYNAMIC_DISPATCH(PeakAdds)(10000, sink);
    case 2:
      return HWY_DYNAMIC_DISPATCH(PeakPairs)(10000, sink);
    default:
      return HWY_DYNAMIC_DISPATCH(PeakPairSums)(10000, sink);
  }
}

void BM_Peak(benchmark::State& state, int which, std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  float sink = 1;
  double ops = 0;
  for (auto _ : state) {
    ops = static_cast<double>(RunPeak(which, &sink));
    benchmark::DoNotOptimize(sink);
  }
  SetOps(state, ops);
}

std::vector<float> Input(std::size_t n) {
  std::vector<float> x(n);
  std::uint32_t state = 1;
  for (float& v : x) {
    state = state * 1664525 + 1013904223;
    v = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
  }
  return x;
}

constexpr std::size_t kK = 1024, kN = 4096;

// x: [m, 1024], weights [4096, 1024] packed before.
void BM_ApproxGemm(benchmark::State& state, const char* name, bool wide,
                   std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  const auto m = static_cast<std::size_t>(state.range(0));
  std::vector<float> x = Input(m * kK), w = Input(kN * kK), out(m * kN);
  if (wide) x[0] = 0x1p-60f, w[0] = 0x1p-50f;
  const ApproxWeights weights =
      PackApproxWeights(ParseMultiplier(name), w, kN, kK);
  ApproxPath path{};
  for (auto _ : state) {
    path = ApproxGemm(weights, x, m, out);
    benchmark::ClobberMemory();
  }
  const char* const paths[] = {"products", "add", "tested add", "table"};
  state.SetLabel(paths[static_cast<int>(path)]);
  SetOps(state, 2.0 * static_cast<double>(m * kN * kK));
}

[[maybe_unused]] const bool registered = [] {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const std::string isa = std::string("/") + hwy::TargetName(target);
    const char* const peaks[] = {"PeakFma", "PeakAdds", "PeakPairs",
                                 "PeakPairSums"};
    for (int i = 0; i < 4; ++i) {
      benchmark::RegisterBenchmark((peaks[i] + isa).c_str(), BM_Peak, i,
                                   target);
    }
    for (const char* name :
         {"lmul", "lmul:bf16", "lmul:fp8_e4m3", "lmul-formula", "exact", "drum",
          "lns", "truncated"}) {
      benchmark::RegisterBenchmark(
          ("ApproxGemm/" + std::string(name) + isa).c_str(), BM_ApproxGemm,
          name, false, target)
          ->Arg(1)
          ->Arg(128);
    }
    benchmark::RegisterBenchmark(("ApproxGemm/lmul/wide" + isa).c_str(),
                                 BM_ApproxGemm, "lmul", true, target)
        ->Arg(1)
        ->Arg(128);
  }
  return true;
}();

}  // namespace
}  // namespace nibble
#endif
