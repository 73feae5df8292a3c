#include "nibble/qat/ema_input.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nibble/format/registry.hpp"
#include "nibble/nn/conv2d.hpp"
#include "nibble/nn/fake_layer.hpp"
#include "nibble/quant/recipe.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble::qat {
namespace {

constexpr float kEma = 0.1f;
constexpr float kEverywhere = std::numeric_limits<float>::infinity();

class EmaInput : public InputQuantizer {
 public:
  EmaInput(const Scheme& scheme, std::size_t channels, std::uint64_t freeze)
      : scheme_(scheme),
        channels_(channels),
        bounds_(scheme.granularity == Granularity::kChannel ? channels : 1),
        freeze_(freeze) {}

  // Averages of maximum and minimum, and whether anything was ever seen.
  std::size_t state() const override {
    return nn::IsStatic(scheme_) ? 2 * bounds_ : 0;
  }

  void Observe(std::uint64_t step, const InputStep& batch,
               std::span<float> state) const override {
    if (step >= freeze_ || state.empty()) return;
    for (std::size_t i = 0; i < bounds_; ++i) {
      float high = std::numeric_limits<float>::lowest(), low = -high;
      for (std::size_t c = i; c < (bounds_ == 1 ? channels_ : i + 1); ++c) {
        high = std::max(high, batch.sums.max[c]);
        low = std::min(low, batch.sums.min[c]);
      }
      // Nothing but zeros, or a value that is not finite.
      if (low > high || !std::isfinite(low) || !std::isfinite(high)) continue;
      state[2 * i] += kEma * (high - state[2 * i]);
      state[2 * i + 1] += kEma * (low - state[2 * i + 1]);
    }
  }

  InputGrid Grid(std::uint64_t step, std::span<const float> /*learned*/,
                 std::span<const float> state) const override {
    InputGrid grid;
    if (step < freeze_) {
      grid.observe = nn::IsStatic(scheme_);
      return grid;
    }
    grid.scheme = scheme_;
    grid.low.assign(channels_, -kEverywhere);
    grid.high.assign(channels_, kEverywhere);
    for (std::size_t i = 0; i < state.size(); i += 2) {
      const float bound = std::max(std::abs(state[i]), std::abs(state[i + 1]));
      const bool affine = scheme_.recipe == Recipe::kAsym ||
                          scheme_.recipe == Recipe::kTorch;
      grid.params.push_back(ChooseParams(
          scheme_, affine ? Range{state[i + 1], state[i]}
                          : Range{-bound, bound}));
    }
    const Codec codec = CodecOf(scheme_);
    grid.grid = codec.integer;
    grid.kind = codec.kind == CodecKind::kInteger && !grid.params.empty() &&
                        grid.params[0].zero_point == 0 && codec.integer.offset == 0
                    ? InputGrid::Kind::kInteger
                    : InputGrid::Kind::kFormat;
    // AQT floors unsigned values first and clips then; signed ones the other
    // way round.
    grid.inside_by_code =
        scheme_.recipe == Recipe::kAqt && !Info(scheme_.format).is_signed;
    if (grid.kind == InputGrid::Kind::kInteger) {
      SetScales(grid, channels_, grid.params);
    } else {
      SetLimits(grid);
    }
    return grid;
  }

  Scheme scheme() const override { return scheme_; }

 private:
  // The range of a format with a static scale: its largest value's.
  void SetLimits(InputGrid& grid) const {
    if (grid.params.empty()) return;
    const FormatInfo& info = Info(scheme_.format);
    for (std::size_t c = 0; c < channels_; ++c) {
      const QuantParams& p = grid.params[grid.params.size() == 1 ? 0 : c];
      const auto zero = static_cast<float>(p.zero_point);
      grid.high[c] = (info.max - zero) * p.scale;
      grid.low[c] = ((info.is_signed ? -info.max : 0) - zero) * p.scale;
    }
  }

  Scheme scheme_;
  std::size_t channels_, bounds_;
  std::uint64_t freeze_;
};

class SchemeWeights : public WeightQuantizer {
 public:
  SchemeWeights(const Scheme& scheme, std::size_t rows)
      : scheme_(scheme), rows_(rows) {}

  void Forward(std::span<const float> w, std::span<const float> /*learned*/,
               std::span<float> wq) const override {
    QuantizeDequantize(scheme_, w, rows_, w.size() / rows_, wq);
  }
  Scheme scheme() const override { return scheme_; }

 private:
  Scheme scheme_;
  std::size_t rows_;
};

}  // namespace

void SetScales(InputGrid& grid, std::size_t channels,
               std::span<const QuantParams> params) {
  grid.inverse.resize(channels);
  grid.scale.resize(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const QuantParams& p = params[params.size() == 1 ? 0 : c];
    grid.inverse[c] = p.Inverse();
    grid.scale[c] = p.scale;
  }
}

std::unique_ptr<InputQuantizer> MakeEmaInput(const Scheme& scheme,
                                             const RecipeContext& context) {
  if (!Info(scheme.format).is_signed && !context.positive &&
      scheme.recipe != Recipe::kAsym && scheme.recipe != Recipe::kTorch) {
    RefuseScheme(context.layer, scheme, "its input has negative values");
  }
  return std::make_unique<EmaInput>(
      scheme, nn::ConvShapeOf(context.layer).in.channels, context.freeze_step);
}

std::unique_ptr<WeightQuantizer> MakeSchemeWeights(
    const Scheme& scheme, const RecipeContext& context) {
  if (!Info(scheme.format).is_signed && scheme.recipe != Recipe::kAsym &&
      scheme.recipe != Recipe::kTorch) {
    RefuseScheme(context.layer, scheme, "weights have negative values");
  }
  if (scheme.granularity == Granularity::kToken) {
    RefuseScheme(context.layer, scheme, "weights have no tokens");
  }
  return std::make_unique<SchemeWeights>(scheme, context.layer.out.channels);
}

}  // namespace nibble::qat
