// aqt and aqt2: integers by the arithmetic of google/aqt, its paper's library
// and its second version. Weights by the absolute maximum of an output channel
// at every step; activations as MakeEmaInput.
#include "nibble/format/registry.hpp"
#include "nibble/qat/ema_input.hpp"

namespace nibble::qat {
namespace {

Scheme With(Recipe recipe, Scheme scheme, const RecipeContext& c) {
  const FormatInfo& info = Info(scheme.format);
  if (info.family != Family::kInteger) {
    RefuseScheme(c.layer, scheme, "aqt and aqt2 know integers only");
  }
  // The second version has no unsigned integers; the first has.
  if (recipe == Recipe::kAqt2 && !info.is_signed) {
    RefuseScheme(c.layer, scheme, "aqt2 knows signed integers only");
  }
  scheme.recipe = recipe;
  CheckScheme(scheme);
  return scheme;
}

Scheme PerChannel(Scheme scheme) {
  scheme.granularity = Granularity::kChannel;
  return scheme;
}

}  // namespace

std::unique_ptr<WeightQuantizer> AqtWeights(const Scheme& scheme,
                                            const RecipeContext& c) {
  return MakeSchemeWeights(With(Recipe::kAqt, PerChannel(scheme), c), c);
}
std::unique_ptr<InputQuantizer> AqtInput(const Scheme& scheme,
                                         const RecipeContext& c) {
  return MakeEmaInput(With(Recipe::kAqt, scheme, c), c);
}
std::unique_ptr<WeightQuantizer> Aqt2Weights(const Scheme& scheme,
                                             const RecipeContext& c) {
  return MakeSchemeWeights(With(Recipe::kAqt2, PerChannel(scheme), c), c);
}
std::unique_ptr<InputQuantizer> Aqt2Input(const Scheme& scheme,
                                          const RecipeContext& c) {
  return MakeEmaInput(With(Recipe::kAqt2, scheme, c), c);
}

}  // namespace nibble::qat
