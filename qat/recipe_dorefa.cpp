// dorefa: weights squashed by tanh and quantized to 2^k levels without a zero;
// activations clipped to [0, 1].
#include <algorithm>

#include "nibble/format/registry.hpp"
#include "nibble/nn/conv2d.hpp"
#include "nibble/qat/dorefa.hpp"
#include "nibble/qat/ema_input.hpp"
#include "nibble/quant/recipe.hpp"

namespace nibble::qat {
namespace {

class DorefaWeightQuantizer : public WeightQuantizer {
 public:
  DorefaWeightQuantizer(const Scheme& scheme, std::size_t rows)
      : scheme_(scheme),
        rows_(rows),
        grid_(CodecOf(scheme).integer),
        scale_(2.0f / static_cast<float>((1 << Info(scheme.format).bits) - 1)) {}

  void Forward(std::span<const float> w, std::span<const float> /*learned*/,
               std::span<float> wq) const override {
    const float largest = Largest(w);
    const QuantParams params{.scale = scale_};
    for (std::size_t i = 0; i < w.size(); ++i) {
      const float t = DorefaTransform(w[i], largest);
      wq[i] = DequantizeInteger(QuantizeInteger(t, params, grid_), params, grid_);
    }
  }

  void Backward(std::span<const float> w, std::span<const float> /*learned*/,
                std::span<float> dw,
                std::span<float> /*d_learned*/) const override {
    const float largest = Largest(w);
    for (std::size_t i = 0; i < w.size(); ++i) {
      dw[i] *= DorefaSlope(w[i], largest);
    }
  }

  std::vector<float> Export(std::span<const float> w) const override {
    const float largest = Largest(w);
    std::vector<float> out(w.size());
    std::ranges::transform(w, out.begin(), [&](float v) {
      return DorefaTransform(v, largest);
    });
    return out;
  }
  std::vector<float> ExportScales(
      std::span<const float> /*w*/,
      std::span<const float> /*learned*/) const override {
    return std::vector<float>(rows_, scale_);
  }
  Scheme scheme() const override { return scheme_; }

 private:
  static float Largest(std::span<const float> w) {
    float largest = 0;
    for (const float v : w) largest = std::max(largest, std::abs(std::tanh(v)));
    return largest;
  }

  Scheme scheme_;
  std::size_t rows_;
  IntegerGrid grid_;
  float scale_;
};

class DorefaInputQuantizer : public InputQuantizer {
 public:
  DorefaInputQuantizer(const Scheme& scheme, std::size_t channels)
      : scheme_(scheme), channels_(channels) {}

  InputGrid Grid(std::uint64_t /*step*/, std::span<const float> /*learned*/,
                 std::span<const float> /*state*/) const override {
    InputGrid grid;
    grid.kind = InputGrid::Kind::kInteger;
    grid.scheme = scheme_;
    const std::int32_t high = Info(scheme_.format).integer.highest();
    grid.grid = {.low = 0, .high = high};
    grid.params = {{.scale = 1 / static_cast<float>(high)}};
    SetScales(grid, channels_, grid.params);
    return grid;
  }
  Scheme scheme() const override { return scheme_; }

 private:
  Scheme scheme_;
  std::size_t channels_;
};

}  // namespace

std::unique_ptr<WeightQuantizer> DorefaWeights(const Scheme& scheme,
                                               const RecipeContext& c) {
  const FormatInfo& info = Info(scheme.format);
  if (info.family != Family::kInteger || !info.is_signed) {
    RefuseScheme(c.layer, scheme, "dorefa quantizes weights to integers");
  }
  // intN stands for N bits: the half-shifted format of as many.
  Scheme half = ParseScheme("hint" + std::to_string(info.bits) + "/channel");
  return std::make_unique<DorefaWeightQuantizer>(half,
                                                 c.layer.out.channels);
}

std::unique_ptr<InputQuantizer> DorefaInput(const Scheme& scheme,
                                            const RecipeContext& c) {
  const FormatInfo& info = Info(scheme.format);
  if (info.is_signed || info.family != Family::kInteger) {
    return MakeEmaInput(scheme, c);
  }
  if (!c.positive) {
    RefuseScheme(c.layer, scheme, "its input has negative values");
  }
  if (scheme.granularity != Granularity::kTensor) {
    RefuseScheme(c.layer, scheme, "dorefa clips a tensor to [0, 1]");
  }
  return std::make_unique<DorefaInputQuantizer>(
      scheme, nn::ConvShapeOf(c.layer).in.channels);
}

}  // namespace nibble::qat
