// Elementary functions, one line per function, form and instruction set, as
// Exp/poly6/AVX2/4096, beside Highway's (hwy/contrib/math) and xsimd's, each
// compiled for the widest vectors of the machine that the peer has. In the L1
// cache and beyond L2.
#include <benchmark/benchmark.h>
#include <hwy/highway.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/functions_peers.hpp"
#include "nibble/arith/activation.hpp"
#include "nibble/arith/exp.hpp"
#include "nibble/arith/log2.hpp"
#include "nibble/arith/reciprocal.hpp"
#include "nibble/arith/softmax.hpp"
#include "nibble/core/aligned.hpp"

namespace {

using nibble::Accuracy;
using Floats = std::span<const float>;
using Array = std::function<void(Floats, std::span<float>)>;

constexpr std::int64_t kSizes[] = {2048, 1 << 20};

void BM_Array(benchmark::State& state, std::int64_t target, const Array& array,
              float low, float high) {
  hwy::SetSupportedTargetsForTest(target);
  const auto n = static_cast<std::size_t>(state.range(0));
  nibble::AlignedVector<float> x(n), out(n);
  std::uint32_t random = 1;
  for (float& v : x) {
    random = random * 1664525 + 1013904223;
    v = low + (high - low) * static_cast<float>(random >> 8) * 0x1p-24f;
  }
  for (auto _ : state) {
    array(x, out);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * state.range(0) * 8);
  state.counters["ns"] = benchmark::Counter(
      static_cast<double>(state.iterations() * state.range(0)) * 1e-9,
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  hwy::SetSupportedTargetsForTest(0);
}

void Register(const std::string& name, std::int64_t target, const Array& array,
              float low = -10, float high = 10) {
  auto* bench = benchmark::RegisterBenchmark(name.c_str(), BM_Array, target,
                                             array, low, high);
  for (const std::int64_t size : kSizes) bench->Arg(size);
}

// name/form/ISA for every form of a family.
template <class Form, std::size_t kForms, class F>
void RegisterForms(const std::string& name, std::int64_t target,
                   const nibble::FormInfo (&forms)[kForms], F f,
                   float low = -10, float high = 10) {
  for (std::size_t i = 0; i < kForms; ++i) {
    Register(
        name + "/" + std::string(forms[i].name) + "/" + hwy::TargetName(target),
        target,
        [f, i](Floats x, std::span<float> out) {
          f(x, out, static_cast<Form>(i));
        },
        low, high);
  }
}

template <class F>
void RegisterAccuracies(const std::string& name, std::int64_t target, F f) {
  constexpr const char* kNames[] = {"bf16", "f16", "f32"};
  for (std::size_t i = 0; i < 3; ++i) {
    Register(name + "/" + kNames[i] + "/" + hwy::TargetName(target), target,
             [f, i](Floats x, std::span<float> out) {
               f(x, out, static_cast<Accuracy>(i));
             });
  }
}

[[maybe_unused]] const bool registered = [] {
  using nibble::ExpForm;
  using nibble::Log2Form;
  using nibble::ReciprocalForm;
  for (const nibble::bench::Peer& peer : nibble::bench::Peers()) {
    Register(
        peer.name, 0,
        [&peer](Floats x, std::span<float> out) {
          peer.run(x.data(), out.data(), x.size());
        },
        peer.low, 10);
  }
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    RegisterForms<ExpForm>(
        "Exp", target, nibble::kExpForms,
        [](auto x, auto out, ExpForm form) { nibble::Exp(x, out, form); });
    RegisterForms<ExpForm>(
        "Exp2", target, nibble::kExpForms,
        [](auto x, auto out, ExpForm form) { nibble::Exp2(x, out, form); });
    RegisterForms<Log2Form>(
        "Log2", target, nibble::kLog2Forms,
        [](auto x, auto out, Log2Form form) { nibble::Log2(x, out, form); },
        0.01f, 10);
    RegisterForms<ReciprocalForm>(
        "Reciprocal", target, nibble::kReciprocalForms,
        [](auto x, auto out, ReciprocalForm form) {
          nibble::Reciprocal(x, out, form);
        },
        0.01f, 10);
    RegisterForms<ReciprocalForm>(
        "Rsqrt", target, nibble::kRsqrtForms,
        [](auto x, auto out, ReciprocalForm form) {
          nibble::Rsqrt(x, out, form);
        },
        0.01f, 10);
    RegisterAccuracies("Sigmoid", target, [](auto x, auto out, Accuracy a) {
      nibble::Sigmoid(x, out, a);
    });
    RegisterAccuracies("Silu", target, [](auto x, auto out, Accuracy a) {
      nibble::Silu(x, out, a);
    });
    RegisterAccuracies("Tanh", target, [](auto x, auto out, Accuracy a) {
      nibble::Tanh(x, out, a);
    });
    RegisterAccuracies("Gelu", target, [](auto x, auto out, Accuracy a) {
      nibble::Gelu(x, out, a);
    });
    RegisterAccuracies("Softmax", target, [](auto x, auto out, Accuracy a) {
      nibble::Softmax(x, x.size() / 1024, 1024, out, a);
    });
  }
  return true;
}();

}  // namespace
