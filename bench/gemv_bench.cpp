// int8 matrix times vector: Gemv/s8s8/AVX3_DL/N4096/K4096/packed/threads1. The
// rate is bytes of weights per second, the limit the read bandwidth of this
// machine over 1 GiB, measured when the program starts. Weights beyond the
// caches are as many matrices as fill 512 MiB, taken in turn. oneDNN (see
// gemm_bench.cpp) runs on the same shapes by turns.
#include <benchmark/benchmark.h>
#include <hwy/highway.h>

#include <memory>
#include <string>
#include <vector>

#include "alternate.hpp"
#include "limits.hpp"
#include "nibble/quant/gemv_int8.hpp"
#if NIBBLE_HAVE_ONEDNN
#include "peer_onednn.hpp"
#endif

namespace nibble::bench {
namespace {

struct Shape {
  std::size_t n, k;
  bool from_memory;
};

// Sweeps over enough matrices that none is left in a cache when its turn comes.
constexpr std::size_t kMemory = std::size_t{512} << 20;

double Bandwidth() {
  static const double bandwidth = ReadBandwidth(std::size_t{1} << 30, 3);
  return bandwidth;
}

void BM_Read(benchmark::State& state) {
  for (auto _ : state) state.SetIterationTime(0x1p30 / Bandwidth());
  state.counters["rate"] = Bandwidth();
}
BENCHMARK(BM_Read)->UseManualTime()->Iterations(1);

template <class Weights>
Weights Make(std::span<const std::int8_t> codes, const Shape& s) {
  if constexpr (std::same_as<Weights, PackedInt8>) {
    return PackInt8({codes, s.n, s.k});
  } else {
    return MatrixInt8{codes, s.n, s.k};
  }
}

template <ByteCode Code, class Weights>
void BM_Gemv(benchmark::State& state, std::int64_t target, const Shape& s,
             std::size_t threads) {
  hwy::SetSupportedTargetsForTest(target);
  const std::size_t count = s.from_memory ? kMemory / (s.n * s.k) : 1;
  const std::vector<Code> x(s.k, Code{3});
  std::vector<std::vector<std::int8_t>> codes(
      std::same_as<Weights, PackedInt8> ? 1 : count,
      std::vector<std::int8_t>(s.n * s.k, 5));
  std::vector<Weights> weights;
  for (std::size_t i = 0; i < count; ++i) {
    weights.push_back(Make<Weights>(codes[i % codes.size()], s));
  }
  std::vector<float> y(s.n);
  const float scale = 0.1f;
  const std::span<const float> one(&scale, 1);
  ThreadPool pool(threads);
  const Executor executor = threads == 1 ? Executor() : pool.executor();
  std::function<void()> peer;
#if NIBBLE_HAVE_ONEDNN
  if (threads == 1 && std::same_as<Weights, PackedInt8>) {
    auto peers = std::make_shared<std::vector<PeerProduct>>();
    for (std::size_t i = 0; i < count; ++i) {
      peers->push_back(
          OneDnnInt8(1, s.n, s.k, std::same_as<Code, std::int8_t>));
    }
    state.SetLabel("peer: oneDNN " + peers->front().implementation);
    peer = [peers] {
      for (const PeerProduct& one_peer : *peers) one_peer.run();
    };
  }
#endif
  const double bandwidth = Bandwidth();
  Alternate(
      state, static_cast<double>(count * s.n * s.k),
      [&] {
        for (const Weights& w : weights) {
          GemvInt8(Activations<Code>{x, one}, w, FloatOutput{one},
                   std::span(y), executor);
        }
      },
      [&](double) { return bandwidth; }, peer);
  hwy::SetSupportedTargetsForTest(0);
}

template <ByteCode Code, class Weights>
void Register(const std::string& kind, std::int64_t target, const Shape& s,
              const std::string& layout, std::size_t threads) {
  const std::string name =
      "Gemv/" + kind + "/" + hwy::TargetName(target) + "/N" +
      std::to_string(s.n) + "/K" + std::to_string(s.k) +
      (s.from_memory ? "/memory/" : "/cache/") + layout + "/threads" +
      std::to_string(threads);
  benchmark::RegisterBenchmark(name.c_str(), BM_Gemv<Code, Weights>, target, s,
                               threads)
      ->UseManualTime();
}

[[maybe_unused]] const bool registered = [] {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (target == HWY_SCALAR) continue;
    for (const Shape& s : {Shape{1024, 1024, false}, Shape{4096, 4096, false},
                           Shape{4096, 4096, true}}) {
      for (const std::size_t threads : {1u, 2u}) {
        Register<std::int8_t, PackedInt8>("s8s8", target, s, "packed", threads);
        Register<std::uint8_t, PackedInt8>("u8s8", target, s, "packed",
                                           threads);
        Register<std::int8_t, MatrixInt8>("s8s8", target, s, "rows", threads);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace nibble::bench
