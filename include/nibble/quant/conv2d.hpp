// Convolution of bytes: 8-bit activations, 8- or 4-bit weights, exact int32
// sums, finished as they are written.
//
//     const Conv2dShape shape{.in = {14, 14, 256}, .out = {14, 14, 256},
//                             .kernel = {3, 3}, .padding = {1, 1}};
//     const ByteFilter filter = PackByteFilter(shape, weights, bias, zero);
//     Conv2d(shape, filter, 1, x, RoundSums{scales, 128, 128, 255}, y);  // spans
//
// conv2d_call.hpp has the definition, and what sums can become.
//
// Activations are NHWC and unsigned, with a zero point of 0 to 255. Signed
// codes become such by adding 128 to them and to their zero point (the byte
// with its highest bit flipped). A tap outside the image counts as the zero
// point, that is as nothing.
//
// A dense layer is a convolution of one pixel; a 1x1 kernel is a matrix
// product of all pixels of all images. Groups may be any; with one input and
// one output channel per group ("depthwise") there is a kernel of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/core/executor.hpp"
#include "nibble/core/shape.hpp"
#include "nibble/quant/conv2d_call.hpp"

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
  NIBBLE_CHECK("Conv2d",
               finish.bias.empty() || finish.bias.size() == shape.out.channels);
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
