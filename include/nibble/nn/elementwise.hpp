// The layers without weights, in float32, over a number of images.
#pragma once

#include <cstddef>
#include <span>

#include "nibble/nn/model.hpp"

namespace nibble::nn {

// out = in + in2, then max(0, out) if layer.relu. Where in2 is larger in pixels
// and smaller in channels, every layer.stride-th pixel of it is taken and zeros
// stand for the missing channels, half of them (rounded down) in front.
//
// Shapes   in, out: [images, layer.out], in2: [images, in2_shape].
// Errors   std::invalid_argument if a size disagrees, here as below.
void Add(const Layer& layer, const Shape& in2_shape, std::size_t images,
         std::span<const float> in, std::span<const float> in2,
         std::span<float> out);

// out[c] = (in[0, c] + in[1, c] + ...) / pixels, summed in float in that order.
void AvgPool(const Layer& layer, std::size_t images, std::span<const float> in,
             std::span<float> out);

// The largest input of each window; padding never wins.
void MaxPool(const Layer& layer, std::size_t images, std::span<const float> in,
             std::span<float> out);

}  // namespace nibble::nn
