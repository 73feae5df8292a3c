// The step that the elementary functions are made of: a product and a sum with
// one rounding.
//
// A product that is rounded before it is added costs two instructions where
// there is FMA, and compilers fuse the two where they can, so that bits differ
// between machines. Here every product that meets a sum is fused by definition.
// SSE4 and older have no such instruction; fma-inl.hpp computes the same bits
// there in double.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace nibble {

// a * b + c, rounded once to nearest even.
//
// In a constant expression, where std::fma may not be called: the product is
// exact in double (48 bits), the sum p + c is rounded to odd, that is to an odd
// last bit unless it is exact, and 53 bits so rounded round to 24 as the exact
// sum does (Boldo and Melquiond, IEEE Trans. Computers 57(4), 2008).
constexpr float Fma(float a, float b, float c) {
  if (!std::is_constant_evaluated()) return std::fma(a, b, c);
  const double p = static_cast<double>(a) * static_cast<double>(b);
  const double s = p + static_cast<double>(c);
  const double q = s - p;
  const double lost = (p - (s - q)) + (static_cast<double>(c) - q);
  auto bits = std::bit_cast<std::uint64_t>(s);
  const bool inexact = lost < 0 || lost > 0;  // false where s is not finite
  if (inexact && bits % 2 == 0) {
    bits = (lost > 0) == (s > 0) ? bits + 1 : bits - 1;
  }
  return static_cast<float>(std::bit_cast<double>(bits));
}

}  // namespace nibble
