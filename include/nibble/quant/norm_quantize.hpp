// What stands before a ternary product: RMSNorm, and int8 codes per token.
//
//     rstd = 1 / sqrt(mean(x^2) + eps)
//     y    = (x * rstd) * weight
//     s_a  = 127 / max(max |y|, 1e-5)
//     q    = round(y * s_a), ties to even
//
// Shapes   x: [M, K], one token per row; weight: [K]; q: [M, K], s_a: [M].
// Domain   any; K > 0. A token of which some x, or some y, is infinite or NaN
//          has codes 0 and s_a = NaN, so that every result made of it is NaN.
// Range    q in [-127, 127].
// Error    every step is rounded once to float32, in the order written; squares
//          and their sum are doubles in a fixed order (sixteen partial sums,
//          element i going to number i % 16), so the bits are the same on every
//          instruction set.
// Source   FusedBitLinear of the MatMul-free language model. Its norms run with
//          eps 1e-6, whatever its configuration says.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/quant/finite_range.hpp"
#include "nibble/quant/integer_grid.hpp"

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/quant/norm_quantize-inl.hpp"
#else
namespace nibble::dispatch {
double SumOfSquaresKernel(const float* x, std::size_t n);
float NormKernel(const float* x, const float* weight, std::size_t n, float rstd,
                 float* y);
void CodesKernel(const float* y, std::size_t n, float s_a, std::int8_t* q);
}  // namespace nibble::dispatch
#endif
#endif

namespace nibble {

inline constexpr float kRmsNormEps = 1e-6f;

// Squares are exact in double; see above for the order.
constexpr double SumOfSquares(std::span<const float> x) {
  std::array<double, 16> sums{};
  for (std::size_t i = 0; i < x.size(); ++i) {
    sums[i % 16] += double{x[i]} * x[i];
  }
  return SumOfPartials(sums);
}

// rstd of n elements with this sum of squares.
inline float ReciprocalRms(double sum_of_squares, std::size_t n, float eps) {
  const auto mean = static_cast<float>(sum_of_squares / static_cast<double>(n));
  return 1.0f / std::sqrt(mean + eps);
}

constexpr float NormedValue(float x, float rstd, float weight) {
  return x * rstd * weight;
}

// s_a of a token whose largest |y| this is: NaN where it is NaN or infinite.
constexpr float TokenScale(float largest) {
  if (!(largest <= std::numeric_limits<float>::max())) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  return 127.0f / std::max(largest, 1e-5f);
}

// q of y; 0 where either is NaN.
constexpr std::int8_t TokenCode(float y, float s_a) {
  if (s_a != s_a) return 0;
  return QuantizeInt8(y, {.inverse = s_a});
}

#if NIBBLE_ENTRY_POINTS
inline namespace NIBBLE_ABI {

// One of several norms of the same x: its weight, and where its codes go.
struct NormedCodes {
  std::span<const float> weight;  // [k]
  std::span<std::int8_t> q;       // [m, k]
  std::span<float> s_a;           // [m]
};

namespace norm_internal {

// The largest |y| of y = x * rstd * weight; NaN if x or y holds one.
inline float Norm(std::span<const float> x, std::span<const float> weight,
                  double sum, float eps, float* y) {
  const float largest = NIBBLE_DISPATCH(NormKernel)(
      x.data(), weight.data(), x.size(), ReciprocalRms(sum, x.size(), eps), y);
  return std::isfinite(sum) ? largest : std::numeric_limits<float>::quiet_NaN();
}

}  // namespace norm_internal

// Codes under each of several norms, whose rstd is computed once.
//
// Errors   std::invalid_argument if a size disagrees or K is 0; nothing is
//          written.
inline void RmsNormQuantize(std::span<const float> x, std::size_t m,
                            std::size_t k, float eps,
                            std::span<const NormedCodes> norms) {
  NIBBLE_CHECK("RmsNormQuantize", k > 0);
  NIBBLE_CHECK("RmsNormQuantize", x.size() == m * k);
  for (const NormedCodes& norm : norms) {
    NIBBLE_CHECK("RmsNormQuantize", norm.weight.size() == k);
    NIBBLE_CHECK("RmsNormQuantize", norm.q.size() == m * k);
    NIBBLE_CHECK("RmsNormQuantize", norm.s_a.size() == m);
  }
  std::vector<float> y(k);
  for (std::size_t t = 0; t < m; ++t) {
    const auto row = x.subspan(t * k, k);
    const double sum = NIBBLE_DISPATCH(SumOfSquaresKernel)(row.data(), k);
    for (const NormedCodes& norm : norms) {
      const float s_a =
          TokenScale(norm_internal::Norm(row, norm.weight, sum, eps, y.data()));
      norm.s_a[t] = s_a;
      NIBBLE_DISPATCH(CodesKernel)(y.data(), k, s_a, norm.q.data() + t * k);
    }
  }
}

// The same for one norm.
inline void RmsNormQuantize(std::span<const float> x, std::size_t m,
                            std::size_t k, std::span<const float> weight,
                            float eps, std::span<std::int8_t> q,
                            std::span<float> s_a) {
  const NormedCodes norm{weight, q, s_a};
  RmsNormQuantize(x, m, k, eps, std::span(&norm, 1));
}

// y alone, [m, k]; out may be x. NaN and infinity go the way of the formula.
//
// Errors   as above.
inline void RmsNorm(std::span<const float> x, std::size_t m, std::size_t k,
                    std::span<const float> weight, float eps,
                    std::span<float> out) {
  NIBBLE_CHECK("RmsNorm", k > 0);
  NIBBLE_CHECK("RmsNorm", x.size() == m * k);
  NIBBLE_CHECK("RmsNorm", weight.size() == k);
  NIBBLE_CHECK("RmsNorm", out.size() == x.size());
  for (std::size_t t = 0; t < m; ++t) {
    const auto row = x.subspan(t * k, k);
    const double sum = NIBBLE_DISPATCH(SumOfSquaresKernel)(row.data(), k);
    norm_internal::Norm(row, weight, sum, eps, out.data() + t * k);
  }
}

// Codes without a norm: y = x.
//
// Errors   as above.
inline void QuantizeTokens(std::span<const float> x, std::size_t m,
                           std::size_t k, std::span<std::int8_t> q,
                           std::span<float> s_a) {
  NIBBLE_CHECK("QuantizeTokens", k > 0);
  NIBBLE_CHECK("QuantizeTokens", x.size() == m * k);
  NIBBLE_CHECK("QuantizeTokens", q.size() == m * k);
  NIBBLE_CHECK("QuantizeTokens", s_a.size() == m);
  for (std::size_t t = 0; t < m; ++t) {
    s_a[t] = TokenScale(
        NIBBLE_DISPATCH(NormKernel)(x.data() + t * k, nullptr, k, 1, nullptr));
    NIBBLE_DISPATCH(CodesKernel)
    (x.data() + t * k, k, s_a[t], q.data() + t * k);
  }
}

}  // namespace NIBBLE_ABI
#endif  // NIBBLE_ENTRY_POINTS

}  // namespace nibble
