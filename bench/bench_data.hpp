// What the benchmarks of quantization share: sizes, inputs, formats.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "nibble/core/aligned.hpp"
#include "nibble/format/registry.hpp"
#include "nibble/quant/recipe.hpp"

namespace nibble::bench {

// In the L1 cache; in the L2 or L3 cache; beyond all of them.
inline constexpr std::int64_t kSizes[] = {4096, 65536, 32 << 20};

// Evenly distributed in [-1, 1).
inline AlignedVector<float> Input(std::size_t n) {
  AlignedVector<float> x(n);
  std::uint32_t state = 1;
  for (float& v : x) {
    state = state * 1664525 + 1013904223;
    v = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
  }
  return x;
}

// The plain recipe's for Input.
inline QuantParams Params(FormatId format) {
  return ChooseParams({.format = format}, {-1, 1});
}

// Formats of elements; of the integers, which differ in nothing but limits,
// those of 8 bits and of 1.
inline std::vector<FormatInfo> Formats() {
  std::vector<FormatInfo> out;
  for (const FormatInfo& info : AllFormats()) {
    const bool element =
        info.family != Family::kBlock && info.family != Family::kScale;
    const bool integer = info.family == Family::kInteger;
    if (element && (!integer || info.bits == 8 || info.bits == 1)) {
      out.push_back(info);
    }
  }
  return out;
}

// Elements and the bytes of their floats.
inline void Report(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * state.range(0) *
                          static_cast<std::int64_t>(sizeof(float)));
}

template <class... Args>
void Register(const std::string& name, Args... args) {
  auto* bench = benchmark::RegisterBenchmark(name.c_str(), args...);
  for (const std::int64_t size : kSizes) bench->Arg(size);
}

}  // namespace nibble::bench
