// Matrix products with another multiplication.
//
//     out[m, n] = sum over k of multiplier(x[m, k], w[n, k])
//
// The first operand of a product is the activation, the second the weight.
// approx_dot.hpp defines each element, with its order of additions.
#pragma once

#include <cstddef>
#include <span>

#include "nibble/arith/approx_dot.hpp"
#include "nibble/arith/approx_weights.hpp"
#include "nibble/arith/multiplier.hpp"
#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/core/executor.hpp"

namespace nibble {

// The product with any multiplication of yours (product.hpp), one element at a
// time.
//
// Shapes   x: [m, k], w: [n, k], out: [m, n], row-major.
// Errors   std::invalid_argument if a size disagrees; out is then untouched.
template <Product P>
void ApproxGemm(const P& product, std::span<const typename P::Operand> x,
                std::span<const typename P::Operand> w, std::size_t m,
                std::size_t n, std::size_t k, std::span<typename P::Result> out,
                const Executor& executor = {}) {
  NIBBLE_CHECK("ApproxGemm", x.size() == m * k);
  NIBBLE_CHECK("ApproxGemm", w.size() == n * k);
  NIBBLE_CHECK("ApproxGemm", out.size() == m * n);
  executor(m, [&](std::size_t i) {
    for (std::size_t j = 0; j < n; ++j) {
      out[i * n + j] =
          ApproxDot(product, x.subspan(i * k, k), w.subspan(j * k, k));
    }
  });
}

}  // namespace nibble

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/arith/approx_gemm-inl.hpp"
#else
namespace nibble::dispatch {
void PackApproxKernel(const float* w, ApproxWeights& out);
ApproxPath ApproxGemmKernel(const ApproxWeights& w, const float* x,
                            std::size_t m, float* out,
                            const Executor& executor);
void TableGemmKernel(const ProductTable& table, const std::int8_t* x,
                     const std::int8_t* w, const TableShape& shape,
                     std::int32_t* out, const Executor& executor);
}  // namespace nibble::dispatch
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// Weights for ApproxGemm, to be packed once and used often, with the same
// instruction set.
//
// Shapes   w: [n, k], row-major.
// Errors   std::invalid_argument if the size disagrees, or sums of a multiplier
//          of bytes could leave int32: k * largest product >= 2^31.
inline ApproxWeights PackApproxWeights(const Multiplier& multiplier,
                                       std::span<const float> w, std::size_t n,
                                       std::size_t k) {
  NIBBLE_CHECK("PackApproxWeights", w.size() == n * k);
  if (multiplier.on_bytes()) {
    const auto largest = static_cast<std::size_t>(multiplier.table().largest());
    NIBBLE_CHECK("PackApproxWeights", k * largest < std::size_t{1} << 31);
  }
  ApproxWeights out;
  out.multiplier = multiplier;
  out.n = n;
  out.k = k;
  NIBBLE_DISPATCH(PackApproxKernel)(w.data(), out);
  return out;
}

// out[m, n] = ApproxDot(multiplier, row m of x, row n of w), the same bits on
// every instruction set and for any executor. Returns which path it took.
//
// Shapes   x: [m, k], out: [m, n], row-major.
// Errors   std::invalid_argument if a size disagrees; out is then untouched.
// Cost     m n k products. L-Mul, Mitchell and PAM take the path kAdd, an
//          integer and a float addition for each product, if the operands are
//          finite and the exponents of x and of w spread over no more than some
//          50 binades together (lmul_window.hpp), zeros aside.
inline ApproxPath ApproxGemm(const ApproxWeights& w, std::span<const float> x,
                             std::size_t m, std::span<float> out,
                             const Executor& executor = {}) {
  NIBBLE_CHECK("ApproxGemm", x.size() == m * w.k);
  NIBBLE_CHECK("ApproxGemm", out.size() == m * w.n);
  return NIBBLE_DISPATCH(ApproxGemmKernel)(w, x.data(), m, out.data(),
                                           executor);
}

// The same with weights packed for this one product.
//
// Shapes   x: [m, k], w: [n, k], out: [m, n], row-major.
// Errors   std::invalid_argument if a size disagrees; out is then untouched.
inline ApproxPath ApproxGemm(const Multiplier& multiplier,
                             std::span<const float> x, std::span<const float> w,
                             std::size_t m, std::size_t n, std::size_t k,
                             std::span<float> out,
                             const Executor& executor = {}) {
  NIBBLE_CHECK("ApproxGemm", x.size() == m * k);
  NIBBLE_CHECK("ApproxGemm", out.size() == m * n);
  return ApproxGemm(PackApproxWeights(multiplier, w, n, k), x, m, out,
                    executor);
}

// out[n] = ApproxDot(multiplier, x, row n of w).
//
// Shapes   x: [k], w: [n, k], out: [n].
inline ApproxPath ApproxGemv(const ApproxWeights& w, std::span<const float> x,
                             std::span<float> out,
                             const Executor& executor = {}) {
  return ApproxGemm(w, x, 1, out, executor);
}
inline ApproxPath ApproxGemv(const Multiplier& multiplier,
                             std::span<const float> x, std::span<const float> w,
                             std::span<float> out,
                             const Executor& executor = {}) {
  return ApproxGemm(multiplier, x, w, 1, out.size(), x.size(), out, executor);
}

// out[m, n] = sum over k of table(x[m, k], w[n, k]), exact.
//
// Shapes   x: [m, k], w: [n, k], out: [m, n], row-major.
// Domain   k * table.largest() < 2^31.
// Errors   std::invalid_argument if a size disagrees or sums could leave int32;
//          out is then untouched.
inline void ApproxGemm(const ProductTable& table,
                       std::span<const std::int8_t> x,
                       std::span<const std::int8_t> w, std::size_t m,
                       std::size_t n, std::size_t k,
                       std::span<std::int32_t> out,
                       const Executor& executor = {}) {
  NIBBLE_CHECK("ApproxGemm", x.size() == m * k);
  NIBBLE_CHECK("ApproxGemm", w.size() == n * k);
  NIBBLE_CHECK("ApproxGemm", out.size() == m * n);
  const auto largest = static_cast<std::size_t>(table.largest());
  NIBBLE_CHECK("ApproxGemm", k * largest < std::size_t{1} << 31);
  NIBBLE_DISPATCH(TableGemmKernel)
  (table, x.data(), w.data(), {m, n, k}, out.data(), executor);
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
