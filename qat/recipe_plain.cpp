// plain: any scheme, straight through. Minifloats, MX and other blocks, absmean
// ternary, affine and PyTorch's integers are all this recipe.
#include "nibble/qat/ema_input.hpp"

namespace nibble::qat {

std::unique_ptr<WeightQuantizer> PlainWeights(const Scheme& scheme,
                                              const RecipeContext& c) {
  return MakeSchemeWeights(scheme, c);
}

std::unique_ptr<InputQuantizer> PlainInput(const Scheme& scheme,
                                           const RecipeContext& c) {
  return MakeEmaInput(scheme, c);
}

}  // namespace nibble::qat
