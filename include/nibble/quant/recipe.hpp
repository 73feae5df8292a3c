// The exact arithmetic of every recipe: from a range to scale and zero point.
//
// All of it is float32, in the order written. m is the range with zero put in:
// min = min(min, 0), max = max(max, 0); bound = max(-min, max), and max alone
// for unsigned formats. docs/quantization.md has the table.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include "nibble/format/block.hpp"
#include "nibble/quant/codec.hpp"
#include "nibble/quant/params.hpp"
#include "nibble/quant/scheme.hpp"

namespace nibble {

namespace recipe_internal {

inline constexpr float kMaxFloat = std::numeric_limits<float>::max();

constexpr Range WithZero(Range range) {
  return {std::min(range.min, 0.0f), std::max(range.max, 0.0f)};
}

// With zero, and limited to +-2^127: full-range codes reach further than the
// range that they are made for, and no code may stand for infinity.
constexpr Range Limited(Range range) {
  const Range r = WithZero(range);
  return {std::max(r.min, -0x1p127f), std::min(r.max, 0x1p127f)};
}

// Large enough that 1 / scale is finite, small enough to be a number.
constexpr float SoundScale(float scale) {
  return std::clamp(scale, 0x1p-126f, kMaxFloat);
}

// scale = bound / steps; 1 for a bound of zero.
constexpr QuantParams Symmetric(float bound, float steps) {
  return {.scale = bound > 0 ? SoundScale(bound / steps) : 1.0f};
}

// x is multiplied by `inverse` itself, which the recipe defines; the scale is
// its reciprocal.
constexpr QuantParams FromInverse(float inverse) {
  return {.scale = SoundScale(1.0f / inverse), .inverse = inverse};
}

// bf16 and fp16 are cast, never scaled.
constexpr bool IsCast(const FormatInfo& info) {
  return info.family == Family::kMinifloat && info.bits > 8;
}

// What the bound becomes in units of the scale, in the recipes whose whole rule
// is scale = bound / steps; 0 in others. In the plain recipe it is the format's
// largest value, and in posits, which have their fraction around 1, 2^(2^es):
// the end of the values with the shortest regime.
constexpr float SymmetricSteps(const Scheme& scheme) {
  const FormatInfo& info = Info(scheme.format);
  const bool narrow = info.family == Family::kInteger && info.is_signed &&
                      info.bits > 1 && !info.integer.half_shift;
  if (info.family == Family::kBlock || IsCast(info)) return 0;
  if (scheme.recipe == Recipe::kAqt2) return PowerOfTwo(info.bits - 1) - 0.5f;
  if (scheme.recipe != Recipe::kPlain) return 0;
  if (info.family == Family::kPosit) {
    return PowerOfTwo(1 << info.posit.exponent_bits);
  }
  return narrow ? PowerOfTwo(info.bits - 1) - 1 : info.max;
}

}  // namespace recipe_internal

// scale = (max - min) / (high - low), at least `epsilon`; zero point = low -
// round(min / scale), half to even, within the grid. With epsilon = 2^-23 this
// is PyTorch's affine rule, without (0) a constant 0 has scale 1.
constexpr QuantParams AffineParams(Range range, std::int32_t low,
                                   std::int32_t high, float epsilon) {
  const Range r = recipe_internal::Limited(range);
  const auto steps = static_cast<float>(high - low);
  float scale = (r.max - r.min) / steps;
  if (scale == 0 && epsilon == 0) {
    return {.zero_point = std::clamp(0, low, high)};
  }
  scale = recipe_internal::SoundScale(std::max(scale, epsilon));
  const float zero = RoundToInteger(r.min / scale, Rounding::kNearestEven);
  return {.scale = scale,
          .zero_point =
              std::clamp(low - static_cast<std::int32_t>(zero), low, high)};
}

// scale = bound / ((high - low) / 2), at least 2^-23; zero point 0, in unsigned
// grids the middle: PyTorch's symmetric rule.
constexpr QuantParams TorchSymmetricParams(Range range, std::int32_t low,
                                           std::int32_t high) {
  const Range r = recipe_internal::Limited(range);
  const float bound = std::max(-r.min, r.max);
  const float scale =
      std::max(bound / (static_cast<float>(high - low) / 2), 0x1p-23f);
  return {.scale = scale, .zero_point = low < 0 ? 0 : (low + high + 1) / 2};
}

// s = 1 / max(mean |x|, 1e-5); x is multiplied by s, codes by 1 / s.
constexpr QuantParams AbsmeanParams(float mean) {
  return recipe_internal::FromInverse(
      1.0f / std::min(std::max(mean, 1e-5f), 0x1p125f));
}

// The parameters that a scheme's recipe finds for a range.
//
// Range    scale and inverse are finite and above zero, whatever was seen.
// Errors   std::invalid_argument for block formats and for absmean weights,
//          which are not found from a range.
inline QuantParams ChooseParams(const Scheme& scheme, const Range& seen) {
  using namespace recipe_internal;  // NOLINT
  const FormatInfo& info = Info(scheme.format);
  const Range range = WithZero(seen);
  const float bound =
      info.is_signed ? std::max(-range.min, range.max) : range.max;
  const auto levels = [&](int shift) {  // 2^(bits + shift)
    return PowerOfTwo(info.bits + shift);
  };
  NIBBLE_CHECK("ChooseParams", info.family != Family::kBlock);
  switch (scheme.recipe) {
    case Recipe::kPlain:
    case Recipe::kAqt2:
      return IsCast(info) ? QuantParams{}
                          : Symmetric(bound, SymmetricSteps(scheme));
    case Recipe::kAqt: {
      const float steps = !info.is_signed           ? levels(0)
                          : info.integer.half_shift ? levels(-1)
                                                    : levels(-1) - 1;
      return FromInverse(steps / (std::min(bound, 0x1p125f) + 0x1p-23f));
    }
    case Recipe::kTorch:
      if (info.is_signed) {
        return TorchSymmetricParams(range, info.integer.lowest(false),
                                    info.integer.highest());
      }
      return AffineParams(range, 0, info.integer.highest(), 0x1p-23f);
    case Recipe::kAsym:
      return AffineParams(range, info.integer.lowest(false),
                          info.integer.highest(), 0);
    case Recipe::kAbsmean:
      NIBBLE_CHECK("ChooseParams", scheme.granularity == Granularity::kToken);
      return FromInverse((levels(-1) - 1) / std::max(bound, 1e-5f));
    case Recipe::kGguf:
      break;
  }
  throw std::invalid_argument("ChooseParams: " + ToString(scheme) +
                              " has no range");
}

// The codec of a scheme's elements: the format's, with the recipe's rounding
// and range.
inline Codec CodecOf(const Scheme& scheme) {
  const FormatInfo& info = Info(scheme.format);
  Codec codec =
      CodecOf(info.family == Family::kBlock ? info.element : scheme.format);
  IntegerGrid& grid = codec.integer;
  switch (scheme.recipe) {
    case Recipe::kPlain:
    case Recipe::kAqt2:
      break;
    case Recipe::kAqt:
      grid.rounding = Rounding::kFloor;
      if (info.is_signed && !grid.half_shift) grid.add = 0.5f;
      break;
    case Recipe::kTorch:
    case Recipe::kAsym:
    case Recipe::kAbsmean:
      if (info.family == Family::kInteger) {
        grid.low = info.integer.lowest(false);
      }
      break;
    case Recipe::kGguf:
      if (scheme.format == FormatId::kGgufMxfp4) {
        codec = codec_internal::HalfToZeroCodec(info.element);
      } else if (scheme.format == FormatId::kQ4_0 ||
                 scheme.format == FormatId::kQ5_0) {
        const std::int32_t half = scheme.format == FormatId::kQ4_0 ? 8 : 16;
        grid = {.low = -half,
                .high = half - 1,
                .offset = half,
                .rounding = Rounding::kFloor,
                .add = static_cast<float>(half) + 0.5f};
      } else {
        grid.rounding = Rounding::kHalfAway;
      }
      break;
  }
  codec.divides = scheme.format == FormatId::kNvfp4;
  if (codec.kind == CodecKind::kInteger) SetLimits(codec);
  return codec;
}

}  // namespace nibble
