// Matrix products of bytes: Gemm/s8s8/AVX3_DL/M128/N4096/K4096/threads1. The
// rate counts two operations per product and stands beside that of the bare
// dot-product instruction and of oneDNN, measured by turns (alternate.hpp).
//
// oneDNN takes AMX where it is; ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI or =AVX2 in
// the environment holds it to the instruction set that is compared.
#include <benchmark/benchmark.h>
#include <hwy/highway.h>

#include <string>
#include <vector>

#include "alternate.hpp"
#include "limits.hpp"
#include "nibble/quant/gemm_int8.hpp"
#if NIBBLE_HAVE_ONEDNN
#include "peer_onednn.hpp"
#endif

namespace nibble::bench {
namespace {

struct Shape {
  std::size_t m, n, k;
};

template <ByteCode Code>
void BM_Gemm(benchmark::State& state, std::int64_t target, const Shape& s,
             std::size_t threads) {
  hwy::SetSupportedTargetsForTest(target);
  constexpr bool kSigned = std::same_as<Code, std::int8_t>;
  const std::vector<Code> x(s.m * s.k, Code{3});
  const std::vector<std::int8_t> w(s.n * s.k, 5);
  const PackedInt8 packed = PackInt8({w, s.n, s.k});
  std::vector<float> y(s.m * s.n);
  const float scale = 0.1f;
  const std::span<const float> one(&scale, 1);
  ThreadPool pool(threads);
  const Executor executor = threads == 1 ? Executor() : pool.executor();
  std::function<void()> peer;
#if NIBBLE_HAVE_ONEDNN
  if (threads == 1) {
    PeerProduct dnn = OneDnnInt8(s.m, s.n, s.k, kSigned);
    state.SetLabel("peer: oneDNN " + dnn.implementation);
    peer = dnn.run;
  }
#endif
  Alternate(
      state,
      2 * static_cast<double>(s.m) * static_cast<double>(s.n) *
          static_cast<double>(s.k),
      [&] {
        GemmInt8(Activations<Code>{x, one}, packed, FloatOutput{one},
                 std::span(y), executor);
      },
      [&](double seconds) {
        return DotRate(seconds) * static_cast<double>(threads);
      },
      peer);
  hwy::SetSupportedTargetsForTest(0);
}

[[maybe_unused]] const bool registered = [] {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (target == HWY_SCALAR) continue;
    for (const Shape& s :
         {Shape{16, 4096, 4096}, Shape{128, 4096, 4096},
          Shape{512, 4096, 4096}, Shape{64, 1024, 1024}}) {
      for (const std::size_t threads : {1u, 2u}) {
        const std::string name =
            std::string(hwy::TargetName(target)) + "/M" + std::to_string(s.m) +
            "/N" + std::to_string(s.n) + "/K" + std::to_string(s.k) +
            "/threads" + std::to_string(threads);
        benchmark::RegisterBenchmark(("Gemm/s8s8/" + name).c_str(),
                                     BM_Gemm<std::int8_t>, target, s, threads)
            ->UseManualTime();
        benchmark::RegisterBenchmark(("Gemm/u8s8/" + name).c_str(),
                                     BM_Gemm<std::uint8_t>, target, s, threads)
            ->UseManualTime();
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace nibble::bench
