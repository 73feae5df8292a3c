// What conv2d.hpp computes, one output at a time, and what its kernels are
// told.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/aligned.hpp"
#include "nibble/core/shape.hpp"
#include "nibble/format/rounding.hpp"
#include "nibble/quant/fixed_factor.hpp"

namespace nibble {

// One sum, the definition:
//
//     bias[o] + sum over taps inside the image and channels c of
//               (in[y', x', c] - zero) * weight[o, ky, kx, c]
//
// Shapes   in: [shape.in]; weight: [out][kernel height][kernel width]
//          [in / groups]; output pixel (y, x), output channel o.
// Range    exact modulo 2^32: no partial sum saturates.
constexpr std::int32_t Conv2dSum(const Conv2dShape& shape,
                                 const std::uint8_t* in,
                                 const std::int8_t* weight, std::int32_t bias,
                                 std::int32_t zero, std::size_t y,
                                 std::size_t x, std::size_t o) {
  auto sum = static_cast<std::uint32_t>(bias);
  const std::size_t channels = shape.in_channels();
  const std::size_t first = o / shape.out_channels() * channels;
  for (std::size_t ky = 0; ky < shape.kernel.height; ++ky) {
    for (std::size_t kx = 0; kx < shape.kernel.width; ++kx) {
      // Above or left of the image wraps to a huge number.
      const std::size_t iy =
          y * shape.stride.height + ky - shape.padding.height;
      const std::size_t ix = x * shape.stride.width + kx - shape.padding.width;
      if (iy >= shape.in.height || ix >= shape.in.width) continue;
      const std::uint8_t* pixel =
          in + (iy * shape.in.width + ix) * shape.in.channels + first;
      const std::int8_t* w =
          weight +
          ((o * shape.kernel.height + ky) * shape.kernel.width + kx) * channels;
      for (std::size_t c = 0; c < channels; ++c) {
        sum += static_cast<std::uint32_t>((pixel[c] - zero) * w[c]);
      }
    }
  }
  return static_cast<std::int32_t>(sum);
}

// What becomes of a sum of output channel o. Scales and factors are [out].
//
// KeepSums: the int32 itself.
struct KeepSums {};

// ScaleSums: y = float(sum + bias[o]) * scale[o], two roundings, halves to
// even; then max(0, y) if `relu`. This bias is for those that are known only
// with the input; it may be empty.
struct ScaleSums {
  std::span<const float> scale;
  bool relu = false;
  std::span<const std::int32_t> bias = {};
};
constexpr float ScaledSum(std::int32_t sum, float scale, bool relu) {
  const float y = static_cast<float>(sum) * scale;
  return relu && y < 0.0f ? 0.0f : y;
}

// Requantize: byte = clamp(zero + Scaled(sum, factor[o]), low, high), modulo
// 256: for signed bytes zero, low and high are signed.
struct Requantize {
  std::span<const FixedFactor> factor;
  std::int32_t zero = 0;
  std::int32_t low = 0;
  std::int32_t high = 255;
};
constexpr std::uint8_t RequantizedSum(std::int32_t sum,
                                      const FixedFactor& factor,
                                      const Requantize& to) {
  return static_cast<std::uint8_t>(
      std::clamp(Scaled(sum, factor) + to.zero, to.low, to.high));
}

// RoundSums: byte = clamp(zero + round(float(sum) * scale[o]), low, high),
// halves to even in all three roundings, modulo 256. The cheapest way to bytes.
//
// Domain   scales are finite; |zero|, |low| and |high| below 2^22.
struct RoundSums {
  std::span<const float> scale;
  std::int32_t zero = 0;
  std::int32_t low = 0;
  std::int32_t high = 255;
};
constexpr std::uint8_t RoundedSum(std::int32_t sum, float scale,
                                  const RoundSums& to) {
  const float y = std::clamp(static_cast<float>(sum) * scale,
                             static_cast<float>(to.low - to.zero),
                             static_cast<float>(to.high - to.zero));
  return static_cast<std::uint8_t>(
      static_cast<std::int32_t>(RoundToInteger(y, Rounding::kNearestEven)) +
      to.zero);
}

// Weights in the order in which the kernel reads them; only for the instruction
// set they were packed on.
//
//     packed   [group][tile of `columns` outputs][tap][channel / 4]
//              [output in tile][4 channels], zeros beyond the ends; with 4-bit
//              weights two such bytes in one, 32 and 32: see PackNibbles in the
//              kernel. Depthwise: [tap][channel], int16.
struct ByteFilter {
  AlignedVector<std::int8_t> packed;
  // bias[o] - zero * (sum of all weights of o): [group][whole tiles].
  AlignedVector<std::int32_t> offset;
  // zero * (sum of a tap's weights), what a tap outside the image gives back:
  // [group][tile][tap][columns]. Empty if zero is 0.
  AlignedVector<std::int32_t> outside;
  std::size_t columns = 0;
  int bits = 8;
  std::uint8_t zero = 0;
  Conv2dShape shape;
};

// One call of the kernel; see Conv2d.
struct ByteConvCall {
  enum class Finish : std::uint8_t { kKeep, kScale, kRequantize, kRound };
  const Conv2dShape& shape;
  const ByteFilter& filter;
  std::size_t images;
  const std::uint8_t* in;
  std::uint8_t flip;  // 128 where `in` is signed
  Finish finish;
  const float* scale;
  const std::int32_t* bias;  // or null
  const FixedFactor* factor;
  std::int32_t zero, low, high;
  bool relu;
  void* out;
};

}  // namespace nibble
