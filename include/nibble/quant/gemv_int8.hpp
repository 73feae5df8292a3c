// int8 matrix times a vector of 8-bit codes: the products of gemm_int8.hpp with
// one row of activations. All that is said there holds here, with M = 1.
//
// Cost     N * K bytes of w read once: bound by memory. Packed weights are one
//          stream; rows as they lie in a file are four, and need no copy.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/quant/dot_int8.hpp"
#include "nibble/quant/gemm_int8.hpp"

#if NIBBLE_ENTRY_POINTS
namespace nibble {
inline namespace NIBBLE_ABI {
namespace product_internal {

// Rows that one task takes.
inline constexpr std::size_t kGemvRows = 256;

template <ByteCode Code, class Out, class... Output>
void GemvInt8Rows(const Activations<Code>& x, const MatrixInt8& w,
                  std::span<Out> out, const Executor& executor,
                  const Output&... output) {
  constexpr const char* kOp = "GemvInt8";
  product::Require(kOp, w.k > 0 && w.codes.size() % w.k == 0 &&
                            w.codes.size() / w.k == w.n,
                   "w.codes.size() == N * K, K > 0");
  product::RequireSpan(kOp, w.codes, "w.codes.data() != nullptr");
  product::CheckShapes(kOp, x, w.n, w.k, out);
  const product::Finish finish =
      product::MakeFinish(kOp, x.scales, 1, w.n, out, output...);
  CheckRange<Code>(kOp, w.k, x.zero_point, finish);
  executor((w.n + kGemvRows - 1) / kGemvRows, [&](std::size_t task) {
    const std::size_t n0 = task * kGemvRows;
    std::int64_t totals[kGemvRows];
    const std::size_t rows = std::min(kGemvRows, w.n - n0);
    DotInt8Rows(x.codes.data(), x.zero_point, w.codes.data() + n0 * w.k, w.k,
                std::span(totals, rows), w.k);
    for (std::size_t i = 0; i < rows; ++i) {
      product::FinishOne(finish, totals[i] + finish.bias[n0 + i], 0, n0 + i,
                         n0 + i, out.data());
    }
  });
}

inline std::size_t RowsOf(const PackedInt8& w) { return w.n(); }
inline std::size_t RowsOf(const MatrixInt8& w) { return w.n; }

template <ByteCode Code, class Out, class... Output>
void GemvInt8Any(const Activations<Code>& x, const PackedInt8& w,
                 std::span<Out> out, const Executor& executor,
                 const Output&... output) {
  GemmInt8Any("GemvInt8", x, w, out, executor, output...);
}
template <ByteCode Code, class Out, class... Output>
void GemvInt8Any(const Activations<Code>& x, const MatrixInt8& w,
                 std::span<Out> out, const Executor& executor,
                 const Output&... output) {
  GemvInt8Rows(x, w, out, executor, output...);
}

}  // namespace product_internal

template <class T>
concept Int8Weights = std::same_as<T, PackedInt8> || std::same_as<T, MatrixInt8>;

// out[n] = sum[n].
//
// Shapes   x.codes: [K], w: [N, K], out: [N].
template <ByteCode Code, Int8Weights Weights>
void GemvInt8(const Activations<Code>& x, const Weights& w,
              std::span<std::int32_t> out, const Executor& executor = {}) {
  NIBBLE_CHECK("GemvInt8", out.size() == product_internal::RowsOf(w));
  product_internal::GemvInt8Any(x, w, out, executor);
}

// out[n] = ScaleTotal(sum[n] + bias[n], ...).
template <ByteCode Code, Int8Weights Weights>
void GemvInt8(const Activations<Code>& x, const Weights& w,
              const FloatOutput& output, std::span<float> out,
              const Executor& executor = {}) {
  NIBBLE_CHECK("GemvInt8", out.size() == product_internal::RowsOf(w));
  product_internal::GemvInt8Any(x, w, out, executor, output);
}

// out[n] = RequantizeNearest(sum[n] + bias[n], ...).
template <ByteCode Code, Int8Weights Weights, ByteCode OutCode>
void GemvInt8(const Activations<Code>& x, const Weights& w,
              const NearestOutput& output, std::span<OutCode> out,
              const Executor& executor = {}) {
  NIBBLE_CHECK("GemvInt8", out.size() == product_internal::RowsOf(w));
  product_internal::GemvInt8Any(x, w, out, executor, output);
}

// out[n] = RequantizeFixedPoint(sum[n] + bias[n], ...).
template <ByteCode Code, Int8Weights Weights, ByteCode OutCode>
void GemvInt8(const Activations<Code>& x, const Weights& w,
              const FixedPointOutput& output, std::span<OutCode> out,
              const Executor& executor = {}) {
  NIBBLE_CHECK("GemvInt8", out.size() == product_internal::RowsOf(w));
  product_internal::GemvInt8Any(x, w, out, executor, output);
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
