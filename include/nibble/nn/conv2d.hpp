// Convolution and dense layers in float32, by the driver of core/gemm-inl.hpp.
//
//     const nn::Conv2dShape shape = nn::ConvShapeOf(layer);
//     const nn::Filter filter = nn::PackFilter(shape, weight, bias);
//     nn::Conv2d(shape, filter, images, in, out, relu);
#pragma once

#include <cstddef>
#include <span>

#include "nibble/core/aligned.hpp"
#include "nibble/core/executor.hpp"
#include "nibble/core/shape.hpp"
#include "nibble/nn/model.hpp"

namespace nibble::nn {

using nibble::Conv2dShape;

// A dense layer is a convolution of one pixel with all inputs as its channels.
Conv2dShape ConvShapeOf(const Layer& layer);

// Weights in the order in which the kernel reads them; only for the instruction
// set they were packed on.
struct Filter {
  AlignedVector<float> packed;  // one group of the convolution after another
  AlignedVector<float> bias;    // [groups][out channels, whole tiles]
  AlignedVector<float> zeros;   // what a tap outside the image reads
  std::size_t columns = 0;      // outputs of a tile
};

// Shapes   weight: [out][kernel height][kernel width][in / groups]; bias:
// [out]. Errors   std::invalid_argument if a size disagrees.
Filter PackFilter(const Conv2dShape& shape, std::span<const float> weight,
                  std::span<const float> bias);

// out = conv(in) + bias, then max(0, out) if `relu`.
//
// Shapes   in: [images, in], out: [images, out], both NHWC.
// Error    see GemmF32: at most reduction() * 2^-24 * sum|in * w| + 2^-24
// |out|.
//          The same bits for every executor and every number of images.
// Errors   std::invalid_argument if a size disagrees or the filter was packed
//          for another shape or instruction set; out is then untouched.
void Conv2d(const Conv2dShape& shape, const Filter& filter, std::size_t images,
            std::span<const float> in, std::span<float> out, bool relu,
            const Executor& executor = {});

}  // namespace nibble::nn
