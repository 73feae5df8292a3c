// Matrix products of 8-bit codes: activations x int8 weights.
//
//     sum[m, n] = sum_k (x[m, k] - x.zero_point) * w[n, k]
//
// and then what product.hpp makes of a sum: int32, float, or codes again. Sums
// are exact, outputs the bits of the specification there, on every instruction
// set and for any number of threads.
//
// Shapes   x.codes: [M, K], w: [N, K], out: [M, N], all row-major; any M, N and
//          K from 1 (M also 0). M comes from the size of out.
// Domain   weights -127 to 127, as PackInt8 demands. Activations -127 to 127
//          or 0 to 255; a -128 is multiplied like any other code, but the
//          bounds below do not count on it.
// Range    K * max|x - zero_point| * 127 + max|bias| < 2^31 keeps every total
//          in int32: for int8 K <= 133,144, for uint8 with zero point 0 (or
//          255) K <= 66,311. Beyond, outputs to int32 and by fixed-point
//          multipliers are refused; float and nearest outputs go on with totals
//          of 64 bits, as exact and slower.
// Errors   std::invalid_argument if sizes disagree, a span is null, a scale is
//          not finite and above 0, or K is beyond the bound; nothing is written
//          then.
// Cost     M * N * K products at the rate of the dot-product instruction where
//          M is 8 or more; with M near 1 the N * K bytes of w read once. Weights
//          that are not packed are packed at each call.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "nibble/core/config.hpp"
#include "nibble/core/executor.hpp"
#include "nibble/quant/gemm_int8_call.hpp"
#include "nibble/quant/packed_int8.hpp"
#include "nibble/quant/product.hpp"
#include "nibble/quant/product_finish.hpp"

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/quant/gemm_int8-inl.hpp"
#else
namespace nibble::dispatch {
void GemmInt8Kernel(const product::GemmInt8Call& call,
                    const product::Finish& finish, const Executor& executor);
}
#endif

namespace nibble {
inline namespace NIBBLE_ABI {
namespace product_internal {

// The call of x times w. The kernel sees code + 128 for int8.
template <ByteCode Code>
product::GemmInt8Call CallOf(const Activations<Code>& x, const PackedInt8& w,
                             std::size_t m, void* out) {
  return {.x = reinterpret_cast<const std::uint8_t*>(x.codes.data()),
          .flip = std::same_as<Code, std::int8_t> ? std::uint8_t{0x80}
                                                  : std::uint8_t{0},
          .m = m,
          .n = w.n(),
          .k = w.k(),
          .k_begin = 0,
          .k_end = w.k(),
          .w = w.codes().data(),
          .correction = {std::same_as<Code, std::int8_t> ? 128 : x.zero_point,
                         w.sums().data()},
          .out = out};
}

// Totals that need 64 bits: sums over at most 2^15 k's each are exact in int32
// (255 * 127 * 2^15 < 2^31) and are added up in int64, some rows at a time.
inline void GemmInt8Wide(product::GemmInt8Call call,
                         const product::Finish& finish,
                         const Executor& executor) {
  constexpr std::size_t kBlock = std::size_t{1} << 15;
  constexpr std::size_t kRows = 32;
  const std::size_t m = call.m, n = call.n;
  const product::Finish to_int32 =
      product::MakeFinish("GemmInt8", {}, m, n, std::span<std::int32_t>());
  const auto [zero, weight_sums] = std::exchange(
      call.correction, {0, call.correction.weight_sums});
  void* const out = std::exchange(call.out, nullptr);
  std::vector<std::int32_t> part(kRows * n);
  std::vector<std::int64_t> totals(kRows * n);
  call.out = part.data();
  for (std::size_t m0 = 0; m0 < m; m0 += kRows, call.x += kRows * call.k) {
    call.m = std::min(kRows, m - m0);
    for (std::size_t i = 0; i < call.m * n; ++i) {
      totals[i] = finish.bias[i % n] - std::int64_t{zero} * weight_sums[i % n];
    }
    for (std::size_t k = 0; k < call.k; k += kBlock) {
      call.k_begin = k;
      call.k_end = std::min(call.k, k + kBlock);
      NIBBLE_DISPATCH(GemmInt8Kernel)(call, to_int32, executor);
      for (std::size_t i = 0; i < call.m * n; ++i) totals[i] += part[i];
    }
    for (std::size_t i = 0; i < call.m * n; ++i) {
      product::FinishOne(finish, totals[i], m0 + i / n, i % n, m0 * n + i, out);
    }
  }
}

// Whether totals fit in int32; where outputs need that, it must be so.
template <ByteCode Code>
bool CheckRange(const char* op, std::size_t k, std::int32_t zero_point,
                const product::Finish& finish) {
  const bool narrow =
      k <= LargestK(LargestStep<Code>(zero_point), 127, finish.largest_bias);
  product::Require(op,
                   narrow || finish.kind == product::Kind::kFloat ||
                       finish.kind == product::Kind::kNearest,
                   "K * max|x - zero_point| * 127 + max|bias| < 2^31");
  return narrow;
}

// The product of checked arguments.
template <ByteCode Code>
void GemmInt8Checked(const char* op, const Activations<Code>& x,
                     const PackedInt8& w, std::size_t m,
                     const product::Finish& finish, void* out,
                     const Executor& executor) {
  const bool narrow = CheckRange<Code>(op, w.k(), x.zero_point, finish);
  if (m == 0) return;
  const product::GemmInt8Call call = CallOf(x, w, m, out);
  if (!narrow) return GemmInt8Wide(call, finish, executor);
  NIBBLE_DISPATCH(GemmInt8Kernel)(call, finish, executor);
}

template <ByteCode Code, class Out, class... Output>
void GemmInt8Any(const char* op, const Activations<Code>& x,
                 const PackedInt8& w, std::span<Out> out,
                 const Executor& executor, const Output&... output) {
  const std::size_t m = product::CheckShapes(op, x, w.n(), w.k(), out);
  const product::Finish finish =
      product::MakeFinish(op, x.scales, m, w.n(), out, output...);
  GemmInt8Checked(op, x, w, m, finish, out.data(), executor);
}

}  // namespace product_internal

// out[m, n] = sum[m, n]. The scales of x are not used.
template <ByteCode Code>
void GemmInt8(const Activations<Code>& x, const PackedInt8& w,
              std::span<std::int32_t> out, const Executor& executor = {}) {
  product_internal::GemmInt8Any("GemmInt8", x, w, out, executor);
}

// out[m, n] = ScaleTotal(sum[m, n] + bias[n], x.scales[m], output.scales[n],
//                        output.relu)
template <ByteCode Code>
void GemmInt8(const Activations<Code>& x, const PackedInt8& w,
              const FloatOutput& output, std::span<float> out,
              const Executor& executor = {}) {
  product_internal::GemmInt8Any("GemmInt8", x, w, out, executor, output);
}

// out[m, n] = RequantizeNearest(sum[m, n] + bias[n], x.scales[m],
//                               output.scales[n], output.range)
template <ByteCode Code, ByteCode OutCode>
void GemmInt8(const Activations<Code>& x, const PackedInt8& w,
              const NearestOutput& output, std::span<OutCode> out,
              const Executor& executor = {}) {
  product_internal::GemmInt8Any("GemmInt8", x, w, out, executor, output);
}

// out[m, n] = RequantizeFixedPoint(sum[m, n] + bias[n], output.multipliers[n],
//                                  output.range)
template <ByteCode Code, ByteCode OutCode>
void GemmInt8(const Activations<Code>& x, const PackedInt8& w,
              const FixedPointOutput& output, std::span<OutCode> out,
              const Executor& executor = {}) {
  product_internal::GemmInt8Any("GemmInt8", x, w, out, executor, output);
}

// Any of the above with weights as they lie in a file, packed at each call.
template <ByteCode Code, class... Args>
void GemmInt8(const Activations<Code>& x, const MatrixInt8& w,
              const Args&... args) {
  GemmInt8(x, PackInt8(w), args...);
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
