// Codes to floats, one line per instruction set: Dequantize/int8/AVX2/4096.
// Bytes are those of the floats. The codes are those of evenly distributed
// numbers under the plain recipe; AnyCode/ takes all codes alike, of which bf16
// and fp16 have subnormal ones. A product of subnormal floats costs an Intel
// CPU over a hundred cycles.
#include <benchmark/benchmark.h>
#include <hwy/highway.h>

#include <string>
#include <vector>

#include "bench_data.hpp"
#include "nibble/quant/dequantize.hpp"
#include "nibble/quant/quantize.hpp"

namespace {

using nibble::Codec;
using nibble::FormatId;
using nibble::bench::kSizes;

template <class Code>
void Run(benchmark::State& state, const Codec& codec, std::size_t group,
         bool any_code) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::size_t size = group == 0 ? n : group;
  const std::vector<nibble::QuantParams> params(
      n / size, nibble::bench::Params(codec.format));
  nibble::AlignedVector<Code> codes(n);
  if (any_code) {
    for (std::size_t i = 0; i < n; ++i) {
      codes[i] = static_cast<Code>((i * 40503u >> 3) %
                                   nibble::Info(codec.format).codes);
    }
  } else {
    nibble::QuantizeGroups(std::span<const float>(nibble::bench::Input(n)),
                           size, std::span(params), codec, std::span(codes));
  }
  nibble::AlignedVector<float> out(n);
  for (auto _ : state) {
    nibble::DequantizeGroups(std::span<const Code>(codes), size,
                             std::span(params), codec, std::span(out));
    benchmark::ClobberMemory();
  }
  nibble::bench::Report(state);
}

void BM_Dequantize(benchmark::State& state, std::int64_t target,
                   FormatId format, std::size_t group, bool any_code) {
  hwy::SetSupportedTargetsForTest(target);
  const Codec& codec = nibble::CodecOf(format);
  if (codec.wide) {
    Run<std::uint16_t>(state, codec, group, any_code);
  } else {
    Run<std::uint8_t>(state, codec, group, any_code);
  }
  hwy::SetSupportedTargetsForTest(0);
}

[[maybe_unused]] const bool registered = [] {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const std::string isa = std::string("/") + hwy::TargetName(target);
    for (const nibble::FormatInfo& info : nibble::bench::Formats()) {
      const std::string name = std::string(info.name) + isa;
      nibble::bench::Register("Dequantize/" + name, BM_Dequantize, target,
                              info.id, 0, false);
      if (info.bits > 8) {
        nibble::bench::Register("AnyCode/" + name, BM_Dequantize, target,
                                info.id, 0, true);
      }
    }
    nibble::bench::Register("Dequantize/int8/group32" + isa, BM_Dequantize,
                            target, FormatId::kInt8, 32, false);
  }
  return true;
}();

}  // namespace
