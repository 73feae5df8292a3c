// What each operator of an 8-bit TensorFlow Lite network computes: the scalar
// definitions. Codes are int8, sums int32, and a product with a FixedFactor is
// rounded once (see Scaled): so the logits of MLPerf Tiny's ResNet-8 come out
// as published, all of them.
//
// Source   ai.google.dev/edge/litert, "LiteRT 8-bit quantization
//          specification"; tensorflow/lite/kernels/internal/reference.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nibble/core/shape.hpp"
#include "nibble/quant/fixed_factor.hpp"
#include "nibble/quant/params.hpp"

namespace nibble::nn {

// The codes a layer may write: its zero point, and the range that its
// activation function leaves.
struct TfliteOutput {
  std::int32_t zero = 0;
  std::int32_t low = -128;
  std::int32_t high = 127;

  constexpr std::int8_t Clamp(std::int32_t code) const {
    return static_cast<std::int8_t>(std::clamp(code, low, high));
  }
};

// Convolution (depthwise too) and fully connected:
//
//     out[o] = clamp(zero + Scaled(bias[o] + sum (in - in_zero) * w,
//     factor[o]))
//
// The sum runs over taps inside the image.
struct TfliteConv {
  Conv2dShape shape;
  std::vector<std::int8_t> weight;  // [out][kernel height][width][in / groups]
  std::vector<std::int32_t> bias;   // [out]
  std::vector<FixedFactor> factor;  // [out]: s_in * s_w / s_out
  std::int32_t in_zero = 0;
  TfliteOutput out;
};

constexpr std::int8_t TfliteCode(std::int32_t sum, const FixedFactor& factor,
                                 const TfliteOutput& out) {
  return out.Clamp(Scaled(sum, factor) + out.zero);
}

// One image, plain loops.
inline void RunReference(const TfliteConv& conv,
                         std::span<const std::int8_t> in,
                         std::span<std::int8_t> out) {
  const Conv2dShape& s = conv.shape;
  std::size_t i = 0;
  for (std::size_t y = 0; y < s.out.height; ++y) {
    for (std::size_t x = 0; x < s.out.width; ++x) {
      for (std::size_t o = 0; o < s.out.channels; ++o, ++i) {
        std::int32_t sum = conv.bias[o];
        const std::int8_t* w = conv.weight.data() + o * s.reduction();
        for (std::size_t tap = 0; tap < s.kernel.area(); ++tap) {
          // Above or left of the image wraps to a huge number.
          const std::size_t iy =
              y * s.stride.height + tap / s.kernel.width - s.padding.height;
          const std::size_t ix =
              x * s.stride.width + tap % s.kernel.width - s.padding.width;
          if (iy >= s.in.height || ix >= s.in.width) continue;
          const std::int8_t* pixel = in.data() +
                                     (iy * s.in.width + ix) * s.in.channels +
                                     o / s.out_channels() * s.in_channels();
          for (std::size_t c = 0; c < s.in_channels(); ++c) {
            sum += (pixel[c] - conv.in_zero) * w[tap * s.in_channels() + c];
          }
        }
        out[i] = TfliteCode(sum, conv.factor[o], conv.out);
      }
    }
  }
}

// Addition: both inputs are brought to one scale, 2^20 times finer than twice
// the coarser of theirs, and the sum to the output's.
//
//     out = clamp(zero + Scaled(Scaled((a - zero_a) * 2^20, factor_a) +
//                               Scaled((b - zero_b) * 2^20, factor_b), factor))
struct TfliteAdd {
  std::int32_t zero_a = 0, zero_b = 0;
  FixedFactor factor_a, factor_b;  // s / (2 max(s_a, s_b))
  FixedFactor factor;              // 2 max(s_a, s_b) / (2^20 s_out)
  TfliteOutput out = {};
};

constexpr int kTfliteAddBits = 20;

// The factors of inputs of scales and zero points a and b.
inline TfliteAdd MakeTfliteAdd(const QuantParams& a, const QuantParams& b,
                               float out_scale) {
  // Beyond this every sum saturates.
  constexpr double kMost = 0x1p29;
  const double twice = 2 * double{std::max(a.scale, b.scale)};
  const double unit = double{std::int32_t{1} << kTfliteAddBits} * out_scale;
  return {.zero_a = a.zero_point,
          .zero_b = b.zero_point,
          .factor_a = FixedFactorOf(a.scale / twice),
          .factor_b = FixedFactorOf(b.scale / twice),
          .factor = FixedFactorOf(std::min(twice / unit, kMost))};
}

constexpr std::int8_t TfliteSum(std::int8_t a, std::int8_t b,
                                const TfliteAdd& add) {
  constexpr std::int32_t kUnit = std::int32_t{1} << kTfliteAddBits;
  const std::int32_t sum = Scaled((a - add.zero_a) * kUnit, add.factor_a) +
                           Scaled((b - add.zero_b) * kUnit, add.factor_b);
  return TfliteCode(sum, add.factor, add.out);
}

// Average pool; input and output have one scale and zero point. Halves away
// from zero, of the codes themselves.
//
// Domain   pixels > 0.
constexpr std::int8_t TfliteMean(std::int32_t sum, std::int32_t pixels,
                                 const TfliteOutput& out) {
  const std::int32_t half = pixels / 2;
  return out.Clamp((sum > 0 ? sum + half : sum - half) / pixels);
}

}  // namespace nibble::nn
