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
#include "nibble/arith/multiplier.hpp"
#include "nibble/core/check.hpp"
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

// The product of floats under a multiplier by name.
//
// Shapes   x: [m, k], w: [n, k], out: [m, n], row-major.
// Errors   std::invalid_argument if a size disagrees; out is then untouched.
inline void ApproxGemm(const Multiplier& multiplier, std::span<const float> x,
                       std::span<const float> w, std::size_t m, std::size_t n,
                       std::size_t k, std::span<float> out,
                       const Executor& executor = {}) {
  ApproxGemm<Multiplier>(multiplier, x, w, m, n, k, out, executor);
}

// out[n] = sum over k of multiplier(x[k], w[n, k]).
//
// Shapes   x: [k], w: [n, k], out: [n].
inline void ApproxGemv(const Multiplier& multiplier, std::span<const float> x,
                       std::span<const float> w, std::span<float> out,
                       const Executor& executor = {}) {
  ApproxGemm(multiplier, x, w, 1, out.size(), x.size(), out, executor);
}

}  // namespace nibble
