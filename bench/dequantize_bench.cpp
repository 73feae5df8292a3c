// Codes to floats, one line per instruction set: Dequantize/int8/AVX2/4096.
// Bytes are those of the floats.
#include <benchmark/benchmark.h>
#include <hwy/highway.h>

#include <string>
#include <vector>

#include "nibble/core/aligned.hpp"
#include "nibble/quant/dequantize.hpp"

namespace {

using nibble::Codec;

// In the L1 cache; in the L2 or L3 cache; beyond all of them.
constexpr std::int64_t kSizes[] = {4096, 65536, 32 << 20};

template <class Code>
void Run(benchmark::State& state, const Codec& codec, std::uint32_t count) {
  const auto n = static_cast<std::size_t>(state.range(0));
  nibble::AlignedVector<Code> codes(n);
  for (std::size_t i = 0; i < n; ++i) {
    codes[i] = static_cast<Code>((i * 40503u >> 3) % count);
  }
  nibble::AlignedVector<float> out(n);
  for (auto _ : state) {
    nibble::Dequantize(std::span<const Code>(codes), {.scale = 0.01f}, codec,
                       out);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * state.range(0) *
                          static_cast<std::int64_t>(sizeof(float)));
}

void BM_Dequantize(benchmark::State& state, std::int64_t target,
                   nibble::FormatId format) {
  hwy::SetSupportedTargetsForTest(target);
  const nibble::FormatInfo& info = nibble::Info(format);
  if (info.bits > 8) {
    Run<std::uint16_t>(state, nibble::CodecOf(format), info.codes);
  } else {
    Run<std::uint8_t>(state, nibble::CodecOf(format), info.codes);
  }
  hwy::SetSupportedTargetsForTest(0);
}

[[maybe_unused]] const bool registered = [] {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    for (const nibble::FormatInfo& info : nibble::AllFormats()) {
      if (info.family == nibble::Family::kBlock ||
          info.family == nibble::Family::kScale ||
          (info.family == nibble::Family::kInteger && info.bits != 8 &&
           info.bits != 1)) {
        continue;
      }
      const std::string name = "Dequantize/" + std::string(info.name) + "/" +
                               hwy::TargetName(target);
      auto* bench = benchmark::RegisterBenchmark(name.c_str(), BM_Dequantize,
                                                 target, info.id);
      for (const std::int64_t size : kSizes) bench->Arg(size);
    }
  }
  return true;
}();

}  // namespace
