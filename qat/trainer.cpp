// Making a Trainer: quantizers and first weights.
#include "nibble/qat/trainer.hpp"

#include <algorithm>
#include <cmath>

#include "nibble/core/check.hpp"

namespace nibble::qat {
namespace {

std::uint64_t StepsOf(double epochs, std::size_t per_epoch) {
  return static_cast<std::uint64_t>(
      std::llround(epochs * static_cast<double>(per_epoch)));
}

void CheckOptions(const TrainOptions& o, const io::Images& train) {
  const auto refuse = [](const char* what, auto found, const char* expected) {
    throw InputError("training", what, std::to_string(found), expected);
  };
  if (train.count == 0) refuse("images", 0, "at least one");
  if (o.epochs == 0) refuse("epochs", 0, "at least 1");
  if (o.batch == 0) refuse("batch", 0, "at least 1");
  if (!(o.rate > 0 && std::isfinite(o.rate))) {
    refuse("learning rate", o.rate, "a number above 0");
  }
  const auto epochs = static_cast<double>(o.epochs);
  if (!(o.warmup_epochs >= 0 && o.cooldown_epochs >= 0 &&
        o.warmup_epochs + o.cooldown_epochs <= epochs)) {
    refuse("warm-up and cool-down", o.warmup_epochs + o.cooldown_epochs,
           "no more epochs than there are");
  }
  if (!(o.freeze_epoch < epochs)) {
    refuse("freeze epoch", o.freeze_epoch, "one below the number of epochs");
  }
  if (!(o.loss.smoothing >= 0 && o.loss.smoothing < 1)) {
    refuse("label smoothing", o.loss.smoothing, "0 to below 1");
  }
  if (!(o.loss.distillation >= 0 && o.loss.distillation <= 1)) {
    refuse("distillation", o.loss.distillation, "0 to 1");
  }
  if (!(o.loss.temperature > 0)) {
    refuse("temperature", o.loss.temperature, "a number above 0");
  }
}

// Whether a layer's output cannot be below zero.
bool IsPositive(const nn::Model& model, int layer) {
  if (layer == nn::kImage) {
    const nn::Preprocessing& p = model.preprocessing;
    return std::ranges::all_of(p.mean, [](float m) { return m <= 0; });
  }
  const nn::Layer& l = model.layers[static_cast<std::size_t>(layer)];
  if (l.relu) return true;
  switch (l.kind) {
    case nn::LayerKind::kAvgPool:
    case nn::LayerKind::kMaxPool:
      return IsPositive(model, l.input);
    case nn::LayerKind::kAdd:
      return IsPositive(model, l.input) && IsPositive(model, l.input2);
    default:
      return false;
  }
}

}  // namespace

nn::Model TrainingModel(const nn::Model& model, bool plain) {
  nn::Model out = model;
  const bool residual = std::ranges::any_of(
      model.layers,
      [](const nn::Layer& l) { return l.kind == nn::LayerKind::kAdd; });
  if (plain || !residual) return out;
  for (nn::Layer& layer : out.layers) {
    if (layer.kind != nn::LayerKind::kConv2d || !layer.batch_norm.empty()) {
      continue;
    }
    layer.batch_norm = layer.name + ".bn";
    layer.bias = false;
  }
  return out;
}

Trainer::Trainer(const nn::Model& model, const io::Images& train,
                 const TrainOptions& options, Executor executor)
    : options_(options),
      train_(train),
      executor_(std::move(executor)),
      writer_(model, train),
      graph_(model, kShardImages, options.spec != nn::QuantSpec{}),
      table_(graph_.table()) {
  CheckOptions(options, train);
  for (std::size_t i = 0; i < train.labels.size(); ++i) {
    if (train.labels[i] < model.classes) continue;
    throw InputError("training images",
                     "label of image " + std::to_string(i),
                     std::to_string(train.labels[i]),
                     "below " + std::to_string(model.classes));
  }
  steps_per_epoch_ = (train.count + options.batch - 1) / options.batch;
  schedule_ = {options.rate, options.epochs * steps_per_epoch_,
               StepsOf(options.warmup_epochs, steps_per_epoch_),
               StepsOf(options.cooldown_epochs, steps_per_epoch_),
               options.cosine};
  freeze_step_ = options.freeze_epoch < 0
                     ? std::max<std::uint64_t>(schedule_.steps / 5, 1)
                     : StepsOf(options.freeze_epoch, steps_per_epoch_);
  MakeQuantizers();
  // Ranges are of what was seen before.
  if (quantizer_state_ > 0 &&
      (freeze_step_ == 0 || freeze_step_ >= schedule_.steps)) {
    throw InputError("training", "freeze epoch",
                     std::to_string(options.freeze_epoch),
                     "one with steps before and after it");
  }
  state_.parameters.resize(table_.size);
  state_.optimizer.resize(table_.size * OptimizerSlots(options.optimizer.kind));
  state_.moments.resize(table_.moments);
  state_.quantizer.resize(quantizer_state_);
  InitializeWeights();
}

void Trainer::MakeQuantizers() {
  const TrainingRecipe& recipe = FindRecipe(options_.recipe);
  quantizers_.resize(model().layers.size());
  for (std::size_t i = 0; i < quantizers_.size(); ++i) {
    const nn::Layer& layer = model().layers[i];
    if (!layer.has_weights()) continue;
    Quantizers& q = quantizers_[i];
    const RecipeContext context{layer, IsPositive(model(), layer.input),
                                freeze_step_};
    if (const auto& scheme = options_.spec.ForWeights(layer)) {
      q.weights = recipe.weights(*scheme, context);
      if (const std::size_t n = q.weights->learned()) {
        q.weight_learned = table_.Add(layer.name + ".weight_scale", {n}, false);
      }
    }
    if (const auto& scheme = options_.spec.ForInput(layer)) {
      q.input = recipe.input(*scheme, context);
      if (const std::size_t n = q.input->learned()) {
        q.input_learned =
            table_.Add(layer.name + ".input_scale", {n}, q.input->decays());
      }
      q.input_state = quantizer_state_;
      quantizer_state_ += q.input->state();
    }
  }
}

void Trainer::InitializeWeights() {
  std::uint64_t index = 0;
  for (std::size_t i = 0; i < model().layers.size(); ++i) {
    const nn::Layer& layer = model().layers[i];
    if (!layer.has_weights()) continue;
    const LayerParameters& at = table_.layers[i];
    const std::size_t n = layer.out.channels, fan_in = layer.reduction();
    // Uniform of variance 2 / inputs, and 1 / inputs where no ReLU halves it.
    const bool last = layer.role == nn::Role::kLast;
    const double bound =
        std::sqrt((last ? 3.0 : 6.0) / static_cast<double>(fan_in));
    for (std::size_t j = 0; j < n * fan_in; ++j) {
      const double u =
          Random(options_.seed, Stream::kWeights, index++) * 0x1p-31 - 1;
      state_.parameters[at.weight + j] = static_cast<float>(bound * u);
    }
    if (at.gamma == LayerParameters::kNone) continue;
    std::fill_n(&state_.parameters[at.gamma], n, 1.0f);
    std::fill_n(&state_.moments[at.moments + n], n, 1.0f);
  }
}

void Trainer::SetWeights(const nn::Weights& weights) {
  for (std::size_t i = 0; i < model().layers.size(); ++i) {
    const nn::Layer& layer = model().layers[i];
    if (!layer.has_weights()) continue;
    const LayerParameters& at = table_.layers[i];
    const std::size_t n = layer.out.channels, reduction = layer.reduction();
    const std::size_t area = layer.kernel.area(), c = reduction / area;
    const auto file = weights.Get(layer.name + ".weight", layer.weight_shape());
    float* w = &state_.parameters[at.weight];
    for (std::size_t o = 0; o < n; ++o) {
      for (std::size_t j = 0; j < reduction; ++j) {
        w[o * reduction + j % area * c + j / area] = file[o * reduction + j];
      }
    }
    const std::size_t shape[] = {n};
    const auto copy = [&](const std::string& name, float* to) {
      std::ranges::copy(weights.Get(name, shape), to);
    };
    if (at.gamma != LayerParameters::kNone) {
      copy(layer.batch_norm + ".weight", &state_.parameters[at.gamma]);
      copy(layer.batch_norm + ".bias", &state_.parameters[at.bias]);
      copy(layer.batch_norm + ".running_mean", &state_.moments[at.moments]);
      copy(layer.batch_norm + ".running_var", &state_.moments[at.moments + n]);
    } else if (at.bias != LayerParameters::kNone) {
      copy(layer.name + ".bias", &state_.parameters[at.bias]);
    }
  }
}

void Trainer::SetTeacher(nn::Network teacher) {
  NIBBLE_CHECK("Trainer::SetTeacher", teacher.model().input == model().input);
  NIBBLE_CHECK("Trainer::SetTeacher",
               teacher.model().classes == model().classes);
  teacher_ = std::move(teacher);
}

void Trainer::SetState(TrainState state) {
  NIBBLE_CHECK("Trainer::SetState",
               state.parameters.size() == state_.parameters.size());
  NIBBLE_CHECK("Trainer::SetState",
               state.optimizer.size() == state_.optimizer.size());
  NIBBLE_CHECK("Trainer::SetState",
               state.moments.size() == state_.moments.size());
  NIBBLE_CHECK("Trainer::SetState",
               state.quantizer.size() == state_.quantizer.size());
  state_ = std::move(state);
  initialized_ = state_.step > 0;
}

std::span<const float> Trainer::WeightsOf(std::size_t layer) const {
  const nn::Layer& l = model().layers[layer];
  return std::span(state_.parameters)
      .subspan(table_.layers[layer].weight, l.out.channels * l.reduction());
}

std::span<const float> Trainer::Learned(const Quantizers& q,
                                        bool weights) const {
  const std::size_t n = weights ? q.weights->learned() : q.input->learned();
  return std::span(state_.parameters)
      .subspan(weights ? q.weight_learned : q.input_learned, n);
}

InputGrid Trainer::GridOf(std::size_t layer) const {
  const Quantizers& q = quantizers_[layer];
  if (!q.input) return {};
  return q.input->Grid(state_.step, Learned(q, false),
                       std::span(state_.quantizer)
                           .subspan(q.input_state, q.input->state()));
}

}  // namespace nibble::qat
