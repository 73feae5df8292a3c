// Convolution of bytes: 8-bit activations, 8- or 4-bit weights, exact int32
// sums, finished as they are written.
//
//     const Conv2dShape shape{.in = {14, 14, 256}, .out = {14, 14, 256},
//                             .kernel = {3, 3}, .padding = {1, 1}};
//     const ByteFilter filter = PackByteFilter(shape, weights, bias, zero);
//     Conv2d(shape, filter, 1, x, Requantize{factors, 128, 128, 255}, y);
//
// Activations are NHWC and unsigned, with a zero point of 0 to 255. Signed
// codes become such by adding 128 to them and to their zero point (the byte
// with its highest bit flipped): AsUnsigned. A tap outside the image counts as
// the zero point, that is as nothing.
//
// A dense layer is a convolution of one pixel; a 1x1 kernel is a matrix
// product of all pixels of all images. Groups may be any; with one input and
// one output channel per group ("depthwise") there is a kernel of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/aligned.hpp"
#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/core/executor.hpp"
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
      const std::size_t iy = y * shape.stride.height + ky - shape.padding.height;
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

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/quant/conv2d-inl.hpp"
#else
namespace nibble::dispatch {
void PackByteFilterKernel(const Conv2dShape& shape, const std::int8_t* weight,
                          ByteFilter& filter);
void ByteConvKernel(const ByteConvCall& call, const Executor& executor);
}  // namespace nibble::dispatch
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// Packs weights [out][kernel height][kernel width][in / groups].
//
// Domain   bits 8: any int8; bits 4: -8 to 7. bias: [out].
// Errors   std::invalid_argument if a size disagrees, groups do not divide the
//          channels, or a weight does not fit into 4 bits.
inline ByteFilter PackByteFilter(const Conv2dShape& shape,
                                 std::span<const std::int8_t> weight,
                                 std::span<const std::int32_t> bias,
                                 std::uint8_t zero, int bits = 8) {
  NIBBLE_CHECK("PackByteFilter", shape.groups > 0 &&
                                     shape.in.channels % shape.groups == 0 &&
                                     shape.out.channels % shape.groups == 0);
  NIBBLE_CHECK("PackByteFilter",
               weight.size() == shape.out.channels * shape.reduction());
  NIBBLE_CHECK("PackByteFilter", bias.size() == shape.out.channels);
  NIBBLE_CHECK("PackByteFilter",
               shape.stride.height > 0 && shape.stride.width > 0);
  NIBBLE_CHECK("PackByteFilter", bits == 8 || bits == 4);
  NIBBLE_CHECK("PackByteFilter",
               bits == 8 || std::ranges::all_of(weight, [](std::int8_t w) {
                 return w >= -8 && w <= 7;
               }));
  ByteFilter filter;
  filter.shape = shape;
  filter.bits = bits;
  filter.zero = zero;
  filter.offset.assign(bias.begin(), bias.end());
  NIBBLE_DISPATCH(PackByteFilterKernel)(shape, weight.data(), filter);
  return filter;
}

namespace conv2d_internal {

inline void Run(ByteConvCall call, std::size_t in_size, std::size_t out_size,
                const Executor& executor) {
  const Conv2dShape& shape = call.shape;
  NIBBLE_CHECK("Conv2d", call.filter.shape == shape);
  NIBBLE_CHECK("Conv2d", in_size == call.images * shape.in.size());
  NIBBLE_CHECK("Conv2d", out_size == call.images * shape.out.size());
  if (out_size == 0) return;
  NIBBLE_DISPATCH(ByteConvKernel)(call, executor);
}

template <class In>
ByteConvCall Call(const Conv2dShape& shape, const ByteFilter& filter,
                  std::size_t images, std::span<const In> in, void* out) {
  static_assert(sizeof(In) == 1);
  return {.shape = shape,
          .filter = filter,
          .images = images,
          .in = reinterpret_cast<const std::uint8_t*>(in.data()),
          .flip = static_cast<std::uint8_t>(In(-1) < In(0) ? 128 : 0),
          .finish = ByteConvCall::Finish::kKeep,
          .scale = nullptr,
          .bias = nullptr,
          .factor = nullptr,
          .zero = 0,
          .low = 0,
          .high = 0,
          .relu = false,
          .out = out};
}

}  // namespace conv2d_internal

// out = what `finish` makes of Conv2dSum, for `images` images.
//
// Shapes   in: [images, shape.in], uint8 or int8; out: [images, shape.out].
//          With int8 the filter's zero is the zero point plus 128.
// Errors   std::invalid_argument if a size disagrees or the filter was packed
//          for another shape or instruction set; out is then untouched.
template <class In>
void Conv2d(const Conv2dShape& shape, const ByteFilter& filter,
            std::size_t images, std::span<const In> in, const KeepSums&,
            std::span<std::int32_t> out, const Executor& executor = {}) {
  conv2d_internal::Run(
      conv2d_internal::Call(shape, filter, images, in, out.data()), in.size(),
      out.size(), executor);
}

template <class In>
void Conv2d(const Conv2dShape& shape, const ByteFilter& filter,
            std::size_t images, std::span<const In> in, const ScaleSums& finish,
            std::span<float> out, const Executor& executor = {}) {
  NIBBLE_CHECK("Conv2d", finish.scale.size() == shape.out.channels);
  NIBBLE_CHECK("Conv2d", finish.bias.empty() ||
                             finish.bias.size() == shape.out.channels);
  auto call = conv2d_internal::Call(shape, filter, images, in, out.data());
  call.finish = ByteConvCall::Finish::kScale;
  call.scale = finish.scale.data();
  if (!finish.bias.empty()) call.bias = finish.bias.data();
  call.relu = finish.relu;
  conv2d_internal::Run(call, in.size(), out.size(), executor);
}

template <class In, class Out>
void Conv2d(const Conv2dShape& shape, const ByteFilter& filter,
            std::size_t images, std::span<const In> in,
            const Requantize& finish, std::span<Out> out,
            const Executor& executor = {}) {
  static_assert(sizeof(Out) == 1);
  NIBBLE_CHECK("Conv2d", finish.factor.size() == shape.out.channels);
  auto call = conv2d_internal::Call(shape, filter, images, in, out.data());
  call.finish = ByteConvCall::Finish::kRequantize;
  call.factor = finish.factor.data();
  call.zero = finish.zero;
  call.low = finish.low;
  call.high = finish.high;
  conv2d_internal::Run(call, in.size(), out.size(), executor);
}

template <class In, class Out>
void Conv2d(const Conv2dShape& shape, const ByteFilter& filter,
            std::size_t images, std::span<const In> in, const RoundSums& finish,
            std::span<Out> out, const Executor& executor = {}) {
  static_assert(sizeof(Out) == 1);
  NIBBLE_CHECK("Conv2d", finish.scale.size() == shape.out.channels);
  auto call = conv2d_internal::Call(shape, filter, images, in, out.data());
  call.finish = ByteConvCall::Finish::kRound;
  call.scale = finish.scale.data();
  call.zero = finish.zero;
  call.low = finish.low;
  call.high = finish.high;
  conv2d_internal::Run(call, in.size(), out.size(), executor);
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
