// pact: activations are clipped at a learned bound alpha, which begins at 6 and
// decays like a weight; its gradient is the sum of the gradients where x is
// above alpha. Signed inputs, and weights, are as plain.
#include <cmath>

#include "nibble/format/registry.hpp"
#include "nibble/nn/conv2d.hpp"
#include "nibble/qat/ema_input.hpp"

namespace nibble::qat {
namespace {

constexpr float kFirstAlpha = 6, kLeastAlpha = 0x1p-10f;

class PactInputQuantizer : public InputQuantizer {
 public:
  PactInputQuantizer(const Scheme& scheme, std::size_t channels)
      : scheme_(scheme), channels_(channels) {}

  std::size_t learned() const override { return 1; }
  bool decays() const override { return true; }

  void Initialize(const InputStep& /*batch*/,
                  std::span<float> learned) const override {
    learned[0] = kFirstAlpha;
  }

  InputGrid Grid(std::uint64_t /*step*/, std::span<const float> learned,
                 std::span<const float> /*state*/) const override {
    InputGrid grid;
    grid.kind = InputGrid::Kind::kInteger;
    grid.scheme = scheme_;
    const std::int32_t high = Info(scheme_.format).integer.highest();
    grid.grid = {.low = 0, .high = high};
    const float alpha = std::max(learned[0], kLeastAlpha);
    grid.params = {{.scale = alpha / static_cast<float>(high)}};
    SetScales(grid, channels_, grid.params);
    return grid;
  }

  void Gradient(const InputStep& batch, std::span<const float> /*learned*/,
                std::span<float> d_learned) const override {
    for (const double g : batch.sums.above) {
      d_learned[0] += static_cast<float>(g);
    }
  }

  Scheme scheme() const override { return scheme_; }

 private:
  Scheme scheme_;
  std::size_t channels_;
};

}  // namespace

std::unique_ptr<WeightQuantizer> PactWeights(const Scheme& scheme,
                                             const RecipeContext& c) {
  return MakeSchemeWeights(scheme, c);
}

std::unique_ptr<InputQuantizer> PactInput(const Scheme& scheme,
                                          const RecipeContext& c) {
  const FormatInfo& info = Info(scheme.format);
  if (info.is_signed || info.family != Family::kInteger) {
    return MakeEmaInput(scheme, c);
  }
  if (!c.positive) {
    RefuseScheme(c.layer, scheme, "its input has negative values");
  }
  if (scheme.granularity != Granularity::kTensor) {
    RefuseScheme(c.layer, scheme, "pact learns one bound per tensor");
  }
  return std::make_unique<PactInputQuantizer>(
      scheme, nn::ConvShapeOf(c.layer).in.channels);
}

}  // namespace nibble::qat
