// y = x W^T: int8 activations times ternary weights, summed exactly in int32.
//
//     sum[m, n] = sum over k of t[n, k] * q[m, k]
//     y[m, n]   = sum[m, n] / (s_a[m] * s_w)
//
// x = q / s_a is quantized per token (norm_quantize.hpp), w = t / s_w packed by
// ternary_pack.hpp. Few tokens or many, two bits or base 3, any number of
// threads: the same sums, and the same bits of y, on every instruction set.
//
// Shapes   W: [N, K], q: [M, K], s_a: [M], sum and y: [M, N], all row-major.
//          Any M, N and K < 2^24.
// Domain   q: any int8. s_a, s_w: any; a zero or NaN gives what division does.
// Range    |sum| <= 128 K < 2^31 for K < 2^24. Weights ride as codes t + 1, and
//          the sum of q is subtracted: int32 arithmetic is modulo 2^32, so only
//          the result has to fit. Sums of codes that lie at 4, 16 or 64 times
//          their value are shifted down before they can overflow: see
//          ternary_sums-inl.hpp for each instruction set.
// Error    y: three roundings, of the sum to float, of s_a * s_w, of the
//          quotient. With scales per group, the quotients are added in the
//          order of the groups, each addition rounded.
// Cost     the packed weights are read once for two tokens with VNNI, three with
//          AVX-512BW, one elsewhere. From 24 tokens on, VNNI unpacks a panel of
//          32 rows once for some hundred of them.
// Source   the integer form of BitNet's BitLinear and of the MatMul-free
//          language model.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/core/executor.hpp"
#include "nibble/quant/ternary_call.hpp"
#include "nibble/quant/ternary_pack.hpp"

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/quant/ternary_gemm-inl.hpp"
#else
namespace nibble::dispatch {
void TernaryOffsetsKernel(const TernaryLayout& layout, std::size_t m,
                          const std::int8_t* q, std::int32_t* offsets);
void TernaryKernel(std::span<const TernaryCall> calls,
                   const Executor& executor);
}  // namespace nibble::dispatch
#endif
#endif

namespace nibble {

// Sum of t * q over columns that share a scale.
//
// Shapes   t, q: [k].
constexpr std::int32_t TernaryDot(std::span<const std::int8_t> t,
                                  std::span<const std::int8_t> q) {
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < t.size(); ++k) sum += t[k] * q[k];
  return sum;
}

// y from the sums and the scales s_w of its groups, one each.
constexpr float TernaryResult(std::span<const std::int32_t> sums, float s_a,
                              std::span<const float> s_w) {
  float y = 0;
  for (std::size_t g = 0; g < sums.size(); ++g) {
    y += static_cast<float>(sums[g]) / (s_a * s_w[g]);
  }
  return y;
}

#if NIBBLE_ENTRY_POINTS
inline namespace NIBBLE_ABI {

// One of several products that are done together: see TernaryGemm below.
struct TernaryProduct {
  const TernaryMatrix* w = nullptr;
  std::span<const std::int8_t> q;  // [m, k]
  std::span<const float> s_a;      // [m]
  std::span<float> y;              // [m, n]
};

namespace ternary_calls {

// Activations as kernels want them: rows that reach as far as the last line
// does, and the offsets of their groups.
struct TokenRows {
  std::vector<std::int8_t> padded;  // empty where the rows reach far enough
  std::vector<std::int32_t> offsets;
};

inline void PrepareTokens(const TernaryMatrix& w, std::size_t m,
                          std::span<const std::int8_t> q, TokenRows& rows,
                          TernaryCall& call) {
  const TernaryLayout& layout = w.layout;
  const std::size_t groups = layout.groups();
  std::size_t reach = layout.k;
  for (std::size_t g = groups - std::min<std::size_t>(groups, 2); g < groups;
       ++g) {
    reach = std::max(
        reach, g * layout.group + layout.lines(g) * layout.columns_per_line());
  }
  call.q = q.data();
  call.stride = layout.k;
  if (reach > layout.k) {
    rows.padded.assign(m * reach, 0);
    for (std::size_t t = 0; t < m; ++t) {
      std::memcpy(rows.padded.data() + t * reach, q.data() + t * layout.k,
                  layout.k);
    }
    call.q = rows.padded.data();
    call.stride = reach;
  }
  rows.offsets.resize(m * groups);
  NIBBLE_DISPATCH(TernaryOffsetsKernel)
  (layout, m, q.data(), rows.offsets.data());
  call.offsets = rows.offsets.data();
}

inline TernaryCall CallOf(const TernaryMatrix& w, std::size_t m) {
  TernaryCall call{};
  call.layout = w.layout;
  call.bytes = w.bytes.data();
  call.scales = w.scales.data();
  call.row_offsets = w.row_offsets.data();
  call.scale_stride = w.one_scale() ? 0 : w.layout.panels() * kTernaryPanel;
  call.m = m;
  return call;
}

inline constexpr std::size_t kMaxTernaryK = (std::size_t{1} << 24) - 1;

}  // namespace ternary_calls

// The exact sums; those of all groups together where scales are per group.
//
// Errors   std::invalid_argument if a size disagrees or K is 2^24 or more;
//          nothing is written.
inline void TernaryGemm(const TernaryMatrix& w, std::size_t m,
                        std::span<const std::int8_t> q,
                        std::span<std::int32_t> sums,
                        const Executor& executor = {}) {
  NIBBLE_CHECK("TernaryGemm", q.size() == m * w.layout.k);
  NIBBLE_CHECK("TernaryGemm", sums.size() == m * w.layout.n);
  NIBBLE_CHECK("TernaryGemm", w.layout.k <= ternary_calls::kMaxTernaryK);
  TernaryCall call = ternary_calls::CallOf(w, m);
  ternary_calls::TokenRows rows;
  ternary_calls::PrepareTokens(w, m, q, rows, call);
  call.sums = sums.data();
  NIBBLE_DISPATCH(TernaryKernel)(std::span(&call, 1), executor);
}

// Several products with the same number of tokens, as one piece of work: the
// projections of a layer, whose inputs may differ (each its own norm) and whose
// matrices need not be joined.
//
// Errors   as above.
inline void TernaryGemm(std::span<const TernaryProduct> products, std::size_t m,
                        const Executor& executor = {}) {
  std::vector<TernaryCall> calls;
  std::vector<ternary_calls::TokenRows> rows(products.size());
  for (const TernaryProduct& product : products) {
    NIBBLE_CHECK("TernaryGemm", product.w != nullptr);
    const TernaryLayout& layout = product.w->layout;
    NIBBLE_CHECK("TernaryGemm", product.q.size() == m * layout.k);
    NIBBLE_CHECK("TernaryGemm", product.s_a.size() == m);
    NIBBLE_CHECK("TernaryGemm", product.y.size() == m * layout.n);
    NIBBLE_CHECK("TernaryGemm", layout.k <= ternary_calls::kMaxTernaryK);
    TernaryCall& call =
        calls.emplace_back(ternary_calls::CallOf(*product.w, m));
    ternary_calls::PrepareTokens(*product.w, m, product.q,
                                 rows[calls.size() - 1], call);
    call.token_scales = product.s_a.data();
    call.y = product.y.data();
  }
  NIBBLE_DISPATCH(TernaryKernel)(calls, executor);
}

// y of one product.
//
// Errors   as above.
inline void TernaryGemm(const TernaryMatrix& w, std::size_t m,
                        std::span<const std::int8_t> q,
                        std::span<const float> s_a, std::span<float> y,
                        const Executor& executor = {}) {
  const TernaryProduct product{&w, q, s_a, y};
  TernaryGemm(std::span(&product, 1), m, executor);
}

}  // namespace NIBBLE_ABI
#endif  // NIBBLE_ENTRY_POINTS

}  // namespace nibble
