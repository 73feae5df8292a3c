// Activations whose bound is a moving average of what the batches show, frozen
// once: the inputs of AQT's paper, with any scheme's arithmetic.
#pragma once

#include "nibble/qat/recipe.hpp"

namespace nibble::qat {

// Before `freeze_step` activations are float and the averages move:
//
//     e += 0.1 * (batch's extreme - e),   from 0
//
// over values that are not zero; a channel that shows none is left alone. From
// freeze_step on the bound is max(e_max, -e_min) and stays. Schemes whose
// scales are found in the data (token, group, block) begin at freeze_step too
// and need no average.
//
// The gradient passes inside the grid. Granularity: one bound per tensor or
// per input channel.
std::unique_ptr<InputQuantizer> MakeEmaInput(const Scheme& scheme,
                                             const RecipeContext& context);

// Weights under a scheme that finds its scale in them, at each step. The
// gradient passes everywhere: no weight is beyond its own maximum, and ternary
// weights are not to be stuck.
std::unique_ptr<WeightQuantizer> MakeSchemeWeights(const Scheme& scheme,
                                                   const RecipeContext& context);

// Fills an integer grid's arrays from params, 1 or one per channel.
void SetScales(InputGrid& grid, std::size_t channels,
               std::span<const QuantParams> params);

}  // namespace nibble::qat
