// Pooling, forward and backward: small next to the convolutions.
#pragma once

#include <cstddef>

#include "nibble/nn/model.hpp"
#include "nibble/qat/passes.hpp"

namespace nibble::qat {

// y[c] = mean over the pixels of x[., c].
void AvgPoolForward(const nn::Layer& layer, std::size_t images, View x,
                    MutableView y);
// dx[., c] (+)= dy[c] / pixels.
void AvgPoolBackward(const nn::Layer& layer, std::size_t images, View dy,
                     bool add, MutableView dx);

// y = the largest x of each window; padding never wins.
void MaxPoolForward(const nn::Layer& layer, std::size_t images, View x,
                    MutableView y);
// dx (+)= dy at the first of the largest x of each window, else 0.
void MaxPoolBackward(const nn::Layer& layer, std::size_t images, View x,
                     View dy, bool add, MutableView dx);

}  // namespace nibble::qat
