#include "nibble/core/check.hpp"
#include "nibble/qat/recipe.hpp"

namespace nibble::qat {
namespace {

constexpr TrainingRecipe kRecipes[] = {
    {"plain",
     "the scheme's own arithmetic; weights by their values, activations by a "
     "moving average of the batches' extremes, frozen at a step",
     PlainWeights, PlainInput},
    {"aqt", "the arithmetic of google/aqt's paper, otherwise as plain",
     AqtWeights, AqtInput},
    {"aqt2", "absolute maximum over 2^(b-1) - 1/2, otherwise as plain",
     Aqt2Weights, Aqt2Input},
    {"lsq", "learned step size (Esser et al.)", LsqWeights, LsqInput},
    {"lsq-rounded", "lsq, where the rounded value is tested for the range",
     LsqRoundedWeights, LsqRoundedInput},
    {"pact", "learned clip of activations (Choi et al.), weights as plain",
     PactWeights, PactInput},
    {"dorefa", "weights by tanh, activations clipped to [0, 1] (Zhou et al.)",
     DorefaWeights, DorefaInput},
};

}  // namespace

std::span<const TrainingRecipe> Recipes() { return kRecipes; }

const TrainingRecipe& FindRecipe(std::string_view name) {
  std::string known;
  for (const TrainingRecipe& recipe : kRecipes) {
    if (recipe.name == name) return recipe;
    known += (known.empty() ? "" : ", ") + std::string(recipe.name);
  }
  throw InputError("training", "recipe", std::string(name), "one of " + known);
}

void RefuseScheme(const nn::Layer& layer, const Scheme& scheme,
                  const std::string& why) {
  throw InputError("layer " + layer.name + ": cannot hold " +
                   ToString(scheme) + ": " + why);
}

}  // namespace nibble::qat
