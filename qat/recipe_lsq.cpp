// lsq and lsq-rounded: scales of weights and activations are learned. Signed
// integers have their full range.
#include "nibble/format/registry.hpp"
#include "nibble/nn/conv2d.hpp"
#include "nibble/qat/ema_input.hpp"
#include "nibble/qat/lsq.hpp"
#include "nibble/quant/recipe.hpp"

namespace nibble::qat {
namespace {

constexpr float kLeastScale = 0x1p-20f;

float Sound(float scale) { return std::max(std::abs(scale), kLeastScale); }

// Integers of full range, half to even, zero point 0.
Scheme FullRange(Scheme scheme, const RecipeContext& c) {
  const FormatInfo& info = Info(scheme.format);
  if (info.family != Family::kInteger || info.integer.half_shift ||
      info.integer.highest() < 1) {
    RefuseScheme(c.layer, scheme, "lsq knows integers of 2 bits and more");
  }
  if (scheme.granularity != Granularity::kTensor &&
      scheme.granularity != Granularity::kChannel) {
    RefuseScheme(c.layer, scheme, "lsq learns a scale per tensor or channel");
  }
  scheme.recipe = Recipe::kTorch;
  CheckScheme(scheme);
  return scheme;
}

LsqGrid GridOf(const Scheme& scheme, bool by_code) {
  const IntegerGrid grid = CodecOf(scheme).integer;
  return {static_cast<float>(grid.low), static_cast<float>(grid.high), by_code};
}

class LsqWeightQuantizer : public WeightQuantizer {
 public:
  LsqWeightQuantizer(const Scheme& scheme, std::size_t rows, bool by_code)
      : scheme_(scheme),
        rows_(rows),
        scales_(scheme.granularity == Granularity::kChannel ? rows : 1),
        grid_(GridOf(scheme, by_code)) {}

  std::size_t learned() const override { return scales_; }

  void Initialize(std::span<const float> w,
                  std::span<float> learned) const override {
    const std::size_t per_scale = w.size() / scales_;
    for (std::size_t i = 0; i < scales_; ++i) {
      double sum = 0;
      for (const float v : w.subspan(i * per_scale, per_scale)) {
        sum += std::abs(v);
      }
      learned[i] = Sound(LsqInitialScale(
          sum / static_cast<double>(per_scale), grid_.high));
    }
  }

  void Forward(std::span<const float> w, std::span<const float> learned,
               std::span<float> wq) const override {
    const std::size_t per_scale = w.size() / scales_;
    for (std::size_t i = 0; i < w.size(); ++i) {
      wq[i] = Lsq(w[i], Sound(learned[i / per_scale]), grid_).value;
    }
  }

  void Backward(std::span<const float> w, std::span<const float> learned,
                std::span<float> dw, std::span<float> d_learned) const override {
    const std::size_t per_scale = w.size() / scales_;
    for (std::size_t s = 0; s < scales_; ++s) {
      const float scale = Sound(learned[s]);
      double sum = 0;
      for (std::size_t i = s * per_scale; i < (s + 1) * per_scale; ++i) {
        const LsqResult r = Lsq(w[i], scale, grid_);
        sum += double{dw[i]} * r.d_scale;
        dw[i] *= r.d_x;
      }
      d_learned[s] += static_cast<float>(sum) *
                      LsqGradientScale(per_scale, grid_.high) *
                      (learned[s] < 0 ? -1.0f : 1.0f);
    }
  }

  std::vector<float> ExportScales(
      std::span<const float> /*w*/,
      std::span<const float> learned) const override {
    std::vector<float> scales(rows_);
    for (std::size_t r = 0; r < rows_; ++r) {
      scales[r] = Sound(learned[scales_ == 1 ? 0 : r]);
    }
    return scales;
  }
  // One per channel, whatever was learned: batch norm has one factor for each.
  Scheme scheme() const override {
    Scheme scheme = scheme_;
    scheme.granularity = Granularity::kChannel;
    return scheme;
  }

 private:
  Scheme scheme_;
  std::size_t rows_, scales_;
  LsqGrid grid_;
};

class LsqInputQuantizer : public InputQuantizer {
 public:
  LsqInputQuantizer(const Scheme& scheme, std::size_t channels, bool by_code)
      : scheme_(scheme),
        channels_(channels),
        scales_(scheme.granularity == Granularity::kChannel ? channels : 1),
        grid_(GridOf(scheme, by_code)) {}

  std::size_t learned() const override { return scales_; }

  void Initialize(const InputStep& batch,
                  std::span<float> learned) const override {
    for (std::size_t s = 0; s < scales_; ++s) {
      double sum = 0;
      for (std::size_t c = s; c < (scales_ == 1 ? channels_ : s + 1); ++c) {
        sum += batch.sums.magnitude[c];
      }
      learned[s] = Sound(LsqInitialScale(
          sum / static_cast<double>(batch.elements / scales_), grid_.high));
    }
  }

  InputGrid Grid(std::uint64_t /*step*/, std::span<const float> learned,
                 std::span<const float> /*state*/) const override {
    InputGrid grid;
    grid.kind = InputGrid::Kind::kInteger;
    grid.scheme = scheme_;
    grid.grid = CodecOf(scheme_).integer;
    grid.inside_by_code = grid_.by_code;
    for (const float s : learned) grid.params.push_back({.scale = Sound(s)});
    SetScales(grid, channels_, grid.params);
    return grid;
  }

  void Gradient(const InputStep& batch, std::span<const float> learned,
                std::span<float> d_learned) const override {
    const float g = LsqGradientScale(batch.elements / scales_, grid_.high);
    for (std::size_t c = 0; c < channels_; ++c) {
      const std::size_t s = scales_ == 1 ? 0 : c;
      d_learned[s] += static_cast<float>(batch.sums.scale[c]) * g *
                      (learned[s] < 0 ? -1.0f : 1.0f);
    }
  }

  Scheme scheme() const override { return scheme_; }

 private:
  Scheme scheme_;
  std::size_t channels_, scales_;
  LsqGrid grid_;
};

std::unique_ptr<WeightQuantizer> Weights(const Scheme& scheme,
                                         const RecipeContext& c, bool by_code) {
  if (!Info(scheme.format).is_signed) {
    RefuseScheme(c.layer, scheme, "weights have negative values");
  }
  return std::make_unique<LsqWeightQuantizer>(FullRange(scheme, c),
                                              c.layer.out.channels, by_code);
}

std::unique_ptr<InputQuantizer> Input(const Scheme& scheme,
                                      const RecipeContext& c, bool by_code) {
  if (!Info(scheme.format).is_signed && !c.positive) {
    RefuseScheme(c.layer, scheme, "its input has negative values");
  }
  return std::make_unique<LsqInputQuantizer>(
      FullRange(scheme, c), nn::ConvShapeOf(c.layer).in.channels, by_code);
}

}  // namespace

std::unique_ptr<WeightQuantizer> LsqWeights(const Scheme& scheme,
                                            const RecipeContext& c) {
  return Weights(scheme, c, false);
}
std::unique_ptr<InputQuantizer> LsqInput(const Scheme& scheme,
                                         const RecipeContext& c) {
  return Input(scheme, c, false);
}
std::unique_ptr<WeightQuantizer> LsqRoundedWeights(const Scheme& scheme,
                                                   const RecipeContext& c) {
  return Weights(scheme, c, true);
}
std::unique_ptr<InputQuantizer> LsqRoundedInput(const Scheme& scheme,
                                                const RecipeContext& c) {
  return Input(scheme, c, true);
}

}  // namespace nibble::qat
