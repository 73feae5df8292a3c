// Buffers for the outputs of a model's layers.
#pragma once

#include <cstddef>
#include <vector>

#include "nibble/nn/model.hpp"

namespace nibble::nn {

// Which buffer each layer's output lies in, and how many there are: a buffer is
// free again after the last layer that reads it. As few buffers as possible
// keep a batch in cache.
std::vector<std::size_t> AssignSlots(const Model& model, std::size_t& slots);

}  // namespace nibble::nn
