// Element by element: out = multiplier(x, w) for arrays of floats.
#pragma once

#include <cstddef>
#include <span>

#include "nibble/arith/multiplier.hpp"
#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/arith/multiply-inl.hpp"
#else
namespace nibble::dispatch {
void MultiplyKernel(const Multiplier& multiplier, const float* x,
                    const float* w, std::size_t n, float* out);
}
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// out[i] = multiplier(x[i], w[i]), the bits of the scalar product.
//
// Shapes   x, w, out: [n], any n, any alignment. out may be x or w.
// Errors   std::invalid_argument if the sizes differ, or for a multiplier of
//          bytes; nothing is written.
inline void Multiply(const Multiplier& multiplier, std::span<const float> x,
                     std::span<const float> w, std::span<float> out) {
  NIBBLE_CHECK("Multiply", !multiplier.on_bytes());
  NIBBLE_CHECK("Multiply", x.size() == w.size());
  NIBBLE_CHECK("Multiply", x.size() == out.size());
  NIBBLE_DISPATCH(MultiplyKernel)
  (multiplier, x.data(), w.data(), x.size(), out.data());
}

// out[i] = LMul(x[i], w[i]), which is L-Mul by integer addition on float32.
inline void LMul(std::span<const float> x, std::span<const float> w,
                 std::span<float> out) {
  Multiply(Multiplier({.kind = MultiplierKind::kLMul}), x, w, out);
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
