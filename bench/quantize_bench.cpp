// Floats to codes and the search for scales, one line per instruction set, as
// Quantize/int8/AVX2/4096. Bytes are those of the floats. A plain copy stands
// beside them; peer_xnnpack.cpp adds XNNPACK's converter.
#include <benchmark/benchmark.h>
#include <hwy/highway.h>

#include <cstring>
#include <string>
#include <vector>

#include "bench_data.hpp"
#include "nibble/quant/quantize.hpp"
#include "nibble/quant/range.hpp"
#include "nibble/quant/tensor.hpp"

namespace {

using nibble::Codec;
using nibble::FormatId;
using nibble::bench::Input;
using nibble::bench::kSizes;
using nibble::bench::Register;

void Report(benchmark::State& state) {
  nibble::bench::Report(state);
  hwy::SetSupportedTargetsForTest(0);
}

void BM_Quantize(benchmark::State& state, std::int64_t target,
                 const Codec& codec, std::size_t group) {
  hwy::SetSupportedTargetsForTest(target);
  const auto n = static_cast<std::size_t>(state.range(0));
  const nibble::AlignedVector<float> x = Input(n);
  const std::size_t size = group == 0 ? n : group;
  const std::vector<nibble::QuantParams> params(
      n / size, nibble::bench::Params(codec.format));
  nibble::AlignedVector<std::uint8_t> codes(codec.wide ? 0 : n);
  nibble::AlignedVector<std::uint16_t> wide(codec.wide ? n : 0);
  for (auto _ : state) {
    if (codec.wide) {
      nibble::QuantizeGroups(std::span(x), size, std::span(params), codec,
                             std::span(wide));
    } else {
      nibble::QuantizeGroups(std::span(x), size, std::span(params), codec,
                             std::span(codes));
    }
    benchmark::ClobberMemory();
  }
  Report(state);
}

void BM_FindRange(benchmark::State& state, std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  const nibble::AlignedVector<float> x =
      Input(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    nibble::Range range = nibble::FindRange(x);
    benchmark::DoNotOptimize(range);
  }
  Report(state);
}

// A whole matrix of rows of 4096 under a scheme: scales, codes and back.
void BM_Scheme(benchmark::State& state, std::int64_t target, const char* name) {
  hwy::SetSupportedTargetsForTest(target);
  const auto n = static_cast<std::size_t>(state.range(0));
  const nibble::Scheme scheme = nibble::ParseScheme(name);
  const nibble::AlignedVector<float> x = Input(n);
  nibble::AlignedVector<float> out(n);
  for (auto _ : state) {
    nibble::QuantizeDequantize(scheme, x, n / 4096, 4096, out);
    benchmark::ClobberMemory();
  }
  Report(state);
}

// The yardstick: as many floats read, and as many written.
void BM_Copy(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const nibble::AlignedVector<float> x = Input(n);
  nibble::AlignedVector<float> out(n);
  for (auto _ : state) {
    std::memcpy(out.data(), x.data(), n * sizeof(float));
    benchmark::ClobberMemory();
  }
  Report(state);
}
BENCHMARK(BM_Copy)->Arg(kSizes[0])->Arg(kSizes[1])->Arg(kSizes[2]);

[[maybe_unused]] const bool registered = [] {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const std::string isa = std::string("/") + hwy::TargetName(target);
    Register("FindRange" + isa, BM_FindRange, target);
    for (const nibble::FormatInfo& info : nibble::bench::Formats()) {
      Register("Quantize/" + std::string(info.name) + isa, BM_Quantize, target,
               nibble::CodecOf(info.id), 0);
    }
    Register("Quantize/int8/group32" + isa, BM_Quantize, target,
             nibble::CodecOf(FormatId::kInt8), 32);
    Register("Quantize/aqt:int8" + isa, BM_Quantize, target,
             nibble::CodecOf(nibble::ParseScheme("aqt:int8")), 0);
    for (const char* scheme :
         {"int8", "int8/channel", "int4/group32", "asym:uint8", "mxfp4",
          "mxfp8_e4m3", "mxint8", "nvfp4", "nf4/group64", "gguf:q4_0",
          "gguf:q8_0", "gguf:tq2_0", "absmean:ternary", "posit8_es1"}) {
      Register("Scheme/" + std::string(scheme) + isa, BM_Scheme, target,
               scheme);
    }
  }
  return true;
}();

}  // namespace
