// XNNPACK's converters, as Debian packages them: float32 to int8 and back.
// Linked into quantize_bench; same sizes and bytes as there. xnnpack.h needs
// the header of libpthreadpool-dev, which libxnnpack-dev does not ask for:
// without it this file is empty.
#if __has_include(<pthreadpool.h>)
#include <benchmark/benchmark.h>
#include <xnnpack.h>

#include <cstdint>
#include <stdexcept>

#include "nibble/core/aligned.hpp"

namespace {

void Check(xnn_status status) {
  if (status != xnn_status_success) throw std::runtime_error("XNNPACK");
}

void Report(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * state.range(0) *
                          static_cast<std::int64_t>(sizeof(float)));
}

// One row of n channels. XNNPACK reads up to 16 bytes past the end.
void BM_XnnpackQuantize(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  nibble::AlignedVector<float> x(n + XNN_EXTRA_BYTES, 0.25f);
  nibble::AlignedVector<std::int8_t> codes(n);
  xnn_operator_t op = nullptr;
  Check(xnn_initialize(nullptr));
  Check(
      xnn_create_convert_nc_f32_qs8(n, n, n, 1.0f / 127, 0, -127, 127, 0, &op));
  Check(xnn_setup_convert_nc_f32_qs8(op, 1, x.data(), codes.data(), nullptr));
  for (auto _ : state) {
    Check(xnn_run_operator(op, nullptr));
    benchmark::ClobberMemory();
  }
  Check(xnn_delete_operator(op));
  Report(state);
}

void BM_XnnpackDequantize(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  nibble::AlignedVector<std::int8_t> codes(n + XNN_EXTRA_BYTES, 3);
  nibble::AlignedVector<float> out(n);
  xnn_operator_t op = nullptr;
  Check(xnn_initialize(nullptr));
  Check(xnn_create_convert_nc_qs8_f32(n, n, n, 0.01f, 0, 0, &op));
  Check(xnn_setup_convert_nc_qs8_f32(op, 1, codes.data(), out.data(), nullptr));
  for (auto _ : state) {
    Check(xnn_run_operator(op, nullptr));
    benchmark::ClobberMemory();
  }
  Check(xnn_delete_operator(op));
  Report(state);
}

BENCHMARK(BM_XnnpackQuantize)->Arg(4096)->Arg(65536)->Arg(32 << 20);
BENCHMARK(BM_XnnpackDequantize)->Arg(4096)->Arg(65536)->Arg(32 << 20);

}  // namespace
#endif  // pthreadpool.h
