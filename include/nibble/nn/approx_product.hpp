// A multiplier of arith/ as the product of a network.
#pragma once

#include "nibble/arith/approx_gemm.hpp"
#include "nibble/nn/product.hpp"

namespace nibble::nn {

// ApproxGemm under the multiplier: the activation is the first operand. In
// attention the query is, and then the softmax.
// Each token's products are its own, however many tokens are run at once.
inline MatrixProduct ProductOf(const Multiplier& multiplier) {
  // Bytes and additive powers of two are found by the largest of a row.
  const bool by_rows =
      multiplier.on_bytes() || multiplier.kind() == MultiplierKind::kApot;
  const auto bind = [multiplier](std::size_t n, std::size_t k,
                                 std::span<const float> b) {
    return [weights = PackApproxWeights(multiplier, b, n, k)](
               std::size_t m, std::span<const float> a, std::span<float> out) {
      ApproxGemm(weights, a, m, out);
    };
  };
  return {bind, !by_rows};
}

}  // namespace nibble::nn
