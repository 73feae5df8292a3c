// What surrounds the sums of an integer product: the codes that go in and what
// is made of the sums. The same for weights of every width.
//
//     sum[m, n]   = sum_k (x[m, k] - x_zero) * w[n, k]      exact
//     total[m, n] = sum[m, n] + bias[n]                     exact
//
//     int32          sum
//     FloatOutput    float(total) * (x_scale[m] * w_scale[n]), then ReLU
//     NearestOutput  clamp(round(that) + zero_point, low, high)
//     FixedPointOutput
//                    clamp(total * multiplier[n] + zero_point, low, high), the
//                    product rounded as gemmlowp does
//
// Bias joins as an integer, before the one multiplication by a float; the zero
// point after rounding. No product of floats is ever added to anything, so that
// compilers which fuse the two and such which do not give the same bits.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "nibble/format/rounding.hpp"
#include "nibble/quant/fixed_point.hpp"

namespace nibble {

template <class T>
concept ByteCode = std::same_as<T, std::int8_t> || std::same_as<T, std::uint8_t>;

// The left side of a product: M rows (tokens, pixels) of K codes.
//
// Shapes   codes: [M, K] row-major; scales: [1] (per tensor) or [M] (per
//          token), or none where the output asks for none.
// Domain   int8_t: symmetric, codes -127 to 127, zero_point 0. uint8_t: codes 0
//          to 255, zero_point 0 to 255. scales: finite, above 0.
// Units    scales: real value per step of a code.
template <ByteCode Code>
struct Activations {
  std::span<const Code> codes;
  std::span<const float> scales = {};
  std::int32_t zero_point = 0;
};

// y = float(total) * (x_scale * w_scale).
//
// Shapes   scales: [1] (per tensor) or [N] (per channel); bias: [N] or none.
// Units    scales: real value per step of a weight. bias: in steps of
//          x_scale * w_scale.
struct FloatOutput {
  std::span<const float> scales;
  std::span<const std::int32_t> bias = {};
  bool relu = false;
};

// Where codes lie, and which code stands for zero.
//
// Domain   low <= high; all three within the output's type. With low =
//          zero_point this is a ReLU.
struct CodeRange {
  std::int32_t zero_point = 0;
  std::int32_t low = -127;
  std::int32_t high = 127;
};

// q = clamp(round(float(total) * (x_scale * scale)) + zero_point, low, high),
// rounded to nearest, ties to even.
//
// Shapes   scales: [1] or [N]; bias: [N] or none.
// Units    scales: steps of the output per step of a weight, w_scale / y_scale.
struct NearestOutput {
  std::span<const float> scales;
  std::span<const std::int32_t> bias = {};
  CodeRange range = {};
};

// q = clamp(MultiplyByFixedPoint(total, multiplier) + zero_point, low, high).
//
// Shapes   multipliers: [1] or [N], each x_scale * w_scale / y_scale (see
//          MakeFixedMultiplier); bias: [N] or none. The activations' own scales are
//          in the multipliers: they must be none.
struct FixedPointOutput {
  std::span<const FixedMultiplier> multipliers;
  std::span<const std::int32_t> bias = {};
  CodeRange range = {};
};

// The three specifications, for one total.
constexpr float ScaleTotal(std::int64_t total, float x_scale, float w_scale,
                           bool relu = false) {
  const float y = static_cast<float>(total) * Rounded(x_scale * w_scale);
  return relu && !(y > 0) ? 0.0f : y;
}

// Clamped before it is rounded, which comes to the same, as the ends are
// integers.
constexpr std::int32_t RequantizeNearest(std::int64_t total, float x_scale,
                                         float scale, const CodeRange& range) {
  const auto low = static_cast<float>(range.low - range.zero_point);
  const auto high = static_cast<float>(range.high - range.zero_point);
  const float y = std::clamp(ScaleTotal(total, x_scale, scale), low, high);
  return static_cast<std::int32_t>(RoundToInteger(y, Rounding::kNearestEven)) +
         range.zero_point;
}

constexpr std::int32_t RequantizeFixedPoint(std::int32_t total,
                                            const FixedMultiplier& multiplier,
                                            const CodeRange& range) {
  // In 64 bits: the product may be all but 2^31.
  const std::int64_t y =
      std::int64_t{MultiplyByFixedPoint(total, multiplier)} + range.zero_point;
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(y, range.low, range.high));
}

// The most that |x - zero_point| can be.
template <ByteCode Code>
constexpr std::int32_t LargestStep(std::int32_t zero_point) {
  if constexpr (std::same_as<Code, std::int8_t>) return 127;
  return std::max(zero_point, 255 - zero_point);
}

// The largest K whose sums fit in int32 for any codes, |w| <= w_max, and a bias
// of at most |bias|:
//
//     K * x_step * w_max + |bias| <= 2^31 - 1
//
// int8 x int8: 127 * 127 * 133,144 = 2,147,479,576. uint8 x int8:
// 255 * 127 * 66,311 = 2,147,481,735.
constexpr std::size_t LargestK(std::int32_t x_step, std::int32_t w_max,
                               std::int64_t bias = 0) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int32_t>::max();
  if (bias > kMax) return 0;
  return static_cast<std::size_t>((kMax - bias) /
                                  (std::int64_t{x_step} * w_max));
}
static_assert(LargestK(127, 127) == 133144);
static_assert(LargestK(255, 127) == 66311);

}  // namespace nibble
