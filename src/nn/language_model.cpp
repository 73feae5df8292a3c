#include "nibble/nn/language_model.hpp"

#include <algorithm>

#include "nibble/core/check.hpp"
#include "nibble/nn/elementwise.hpp"
#include "nibble/nn/gate.hpp"
#include "nibble/nn/rms_norm.hpp"
#include "nibble/quant/tensor.hpp"
#include "src/nn/language_model_impl.hpp"
#include "src/nn/slots.hpp"

namespace nibble::nn {
namespace {

AttentionShape ShapeOf(const Layer& layer) {
  return {layer.heads, layer.kv_heads, layer.in.channels / layer.heads};
}

std::vector<float> Dequantized(const Scheme& scheme,
                               std::span<const float> weight,
                               const Layer& layer) {
  std::vector<float> values(weight.size());
  const auto [rows, cols] = AsMatrix(layer.weight_shape());
  QuantizeDequantize(scheme, weight, rows, cols, values);
  return values;
}

// `calibrates`: whether the model has to run in float first.
TokenUnit LinearUnit(const Layer& layer, const Weights& weights,
                     const QuantSpec& spec, const Products& products,
                     bool calibrates) {
  TokenUnit unit;
  const FoldedWeights folded = Fold(layer, weights);
  const Conv2dShape shape = ConvShapeOf(layer);
  if (products.dense) {
    unit.product.emplace(layer, folded, spec, products.dense);
  } else if (spec.ForInput(layer)) {
    unit.fake.emplace(layer, folded, spec);
  } else if (const auto& scheme = spec.ForWeights(layer)) {
    unit.weight_only = PackFilter(
        shape, Dequantized(*scheme, folded.weight, layer), folded.bias);
  } else {
    calibrates = true;
  }
  if (calibrates) unit.exact = PackFilter(shape, folded.weight, folded.bias);
  return unit;
}

TokenUnit EmbeddingUnit(const Layer& layer, const Weights& weights,
                        const QuantSpec& spec, bool calibrates) {
  TokenUnit unit;
  const auto weight = weights.Get(layer.weight_name(), layer.weight_shape());
  const auto& scheme = spec.ForWeights(layer);
  if (scheme) unit.quantized_table = Dequantized(*scheme, weight, layer);
  if (!scheme || calibrates) unit.table.assign(weight.begin(), weight.end());
  return unit;
}

bool HasStaticInput(const Layer& layer, const QuantSpec& spec) {
  const auto& scheme = spec.ForInput(layer);
  return layer.has_products() && scheme && IsStatic(*scheme);
}

bool NeedsParams(const TokenUnit& unit) {
  return (unit.fake && unit.fake->needs_params()) ||
         (unit.product && unit.product->needs_params());
}

}  // namespace

LanguageModel::Impl::Impl(Model m, const Weights& weights, QuantSpec s,
                          Products p)
    : model(std::move(m)), spec(std::move(s)), products(std::move(p)) {
  NIBBLE_CHECK("LanguageModel", !model.layers.empty());
  NIBBLE_CHECK("LanguageModel", model.context > 0);  // Else see Network.
  const bool calibrates = std::ranges::any_of(
      model.layers, [&](const Layer& l) { return HasStaticInput(l, spec); });
  for (const Layer& layer : model.layers) {
    TokenUnit unit;
    if (layer.kind == LayerKind::kLinear) {
      unit = LinearUnit(layer, weights, spec, products, calibrates);
    } else if (layer.kind == LayerKind::kEmbedding) {
      unit = EmbeddingUnit(layer, weights, spec, calibrates);
    } else if (layer.kind == LayerKind::kRmsNorm) {
      const auto weight =
          weights.Get(layer.weight_name(), layer.weight_shape());
      unit.table.assign(weight.begin(), weight.end());
    } else if (layer.kind == LayerKind::kAttention) {
      unit.attention = attentions++;
    }
    units.push_back(std::move(unit));
  }
  slot = AssignSlots(model, slots);
}

void LanguageModel::Impl::CheckCall(const Call& call) const {
  NIBBLE_CHECK(
      "LanguageModel::Run", std::ranges::all_of(call.tokens, [&](int token) {
        return token >= 0 && static_cast<std::size_t>(token) < model.classes;
      }));
  const KvCache& cache = call.cache;
  NIBBLE_CHECK("LanguageModel::Run",
               cache.tokens + call.tokens.size() <= model.context);
  NIBBLE_CHECK("LanguageModel::Run",
               cache.tokens == 0 || (cache.keys.size() == attentions &&
                                     cache.values.size() == attentions));
  for (std::size_t i = 0; i < units.size() && cache.tokens > 0; ++i) {
    const Layer& layer = model.layers[i];
    if (layer.kind != LayerKind::kAttention) continue;
    const std::size_t size = cache.tokens * ShapeOf(layer).kv_channels();
    const std::size_t which = units[i].attention;
    NIBBLE_CHECK("LanguageModel::Run", cache.keys[which].size() == size &&
                                           cache.values[which].size() == size);
  }
  NIBBLE_CHECK("LanguageModel::Run",
               call.calibrating || std::ranges::none_of(units, NeedsParams));
}

std::span<const float> LanguageModel::Impl::Output(
    int layer, std::size_t tokens, const Workspace& workspace) const {
  if (layer < 0) return {};
  const auto at = static_cast<std::size_t>(layer);
  return std::span(workspace.slots[slot[at]])
      .first(tokens * model.layers[at].out.size());
}

std::vector<float> LanguageModel::Impl::Run(const Call& call) const {
  CheckCall(call);
  call.cache.keys.resize(attentions);
  call.cache.values.resize(attentions);
  Workspace workspace;
  workspace.slots.resize(slots);
  std::vector<float> logits;
  const std::size_t tokens = call.tokens.size();
  for (std::size_t i = 0; i < model.layers.size() && tokens > 0; ++i) {
    const Layer& layer = model.layers[i];
    auto in = Output(layer.input, tokens, workspace);
    if (call.visit) call.visit(i, in);
    if (i + 1 == model.layers.size()) {
      if (call.only_last) in = in.last(layer.in.size());
      logits.resize(in.size() / layer.in.size() * layer.out.size());
      RunLayer(i, call, workspace, in, logits);
      break;
    }
    AlignedVector<float>& buffer = workspace.slots[slot[i]];
    const std::size_t size = tokens * layer.out.size();
    buffer.resize(std::max(buffer.size(), size));
    RunLayer(i, call, workspace, in, std::span(buffer).first(size));
  }
  call.cache.tokens += tokens;
  return logits;
}

void LanguageModel::Impl::RunLayer(std::size_t i, const Call& call,
                                   Workspace& workspace,
                                   std::span<const float> in,
                                   std::span<float> out) const {
  const Layer& layer = model.layers[i];
  const std::size_t tokens = call.tokens.size();
  const auto other = [&](int from) { return Output(from, tokens, workspace); };
  switch (layer.kind) {
    case LayerKind::kEmbedding:
      RunEmbedding(i, call, out);
      break;
    case LayerKind::kRmsNorm:
      RmsNorm(in, units[i].table, layer.epsilon, out);
      break;
    case LayerKind::kLinear:
      RunLinear(i, call, in, out);
      break;
    case LayerKind::kAttention:
      RunAttention(i, call, workspace, in, other(layer.input2),
                   other(layer.input3), out);
      break;
    case LayerKind::kGate:
      Gate(in, other(layer.input2), out);
      break;
    case LayerKind::kAdd:
      Add(layer, layer.in, tokens, in, other(layer.input2), out);
      break;
    default:
      NIBBLE_CHECK("LanguageModel", layer.kind == LayerKind::kLinear);
  }
}

void LanguageModel::Impl::RunEmbedding(std::size_t i, const Call& call,
                                       std::span<float> out) const {
  const TokenUnit& unit = units[i];
  const auto& table = unit.quantized_table.empty() || call.calibrating
                          ? unit.table
                          : unit.quantized_table;
  const std::size_t size = model.layers[i].out.size();
  for (std::size_t t = 0; t < call.tokens.size(); ++t) {
    std::copy_n(table.data() + static_cast<std::size_t>(call.tokens[t]) * size,
                size, out.data() + t * size);
  }
}

void LanguageModel::Impl::RunLinear(std::size_t i, const Call& call,
                                    std::span<const float> in,
                                    std::span<float> out) const {
  const Layer& layer = model.layers[i];
  const TokenUnit& unit = units[i];
  const std::size_t tokens = in.size() / layer.in.size();
  if (unit.product && !call.calibrating) {
    unit.product->Run(tokens, in, out, call.executor);
  } else if (unit.fake && !call.calibrating) {
    call.executor(tokens, [&](std::size_t t) {
      unit.fake->Run(in.subspan(t * layer.in.size(), layer.in.size()),
                     out.subspan(t * layer.out.size(), layer.out.size()));
    });
  } else {
    const bool exact = call.calibrating || !unit.weight_only;
    Conv2d(ConvShapeOf(layer), exact ? *unit.exact : *unit.weight_only, tokens,
           in, out, layer.relu, call.executor);
  }
}

void LanguageModel::Impl::RunAttention(std::size_t i, const Call& call,
                                       Workspace& workspace,
                                       std::span<const float> q,
                                       std::span<const float> k,
                                       std::span<const float> v,
                                       std::span<float> out) const {
  const Layer& layer = model.layers[i];
  const AttentionShape shape = ShapeOf(layer);
  const std::size_t past = call.cache.tokens;
  workspace.rotary = MakeRotaryTable(layer.rope_theta, shape.head_dim, past,
                                     call.tokens.size());
  std::vector<float>& keys = call.cache.keys[units[i].attention];
  std::vector<float>& values = call.cache.values[units[i].attention];
  workspace.q.assign(q.begin(), q.end());
  Rotate(workspace.rotary, shape.heads, workspace.q);
  const std::size_t before = past * shape.kv_channels();
  keys.resize(before);
  values.resize(before);
  keys.insert(keys.end(), k.begin(), k.end());
  values.insert(values.end(), v.begin(), v.end());
  Rotate(workspace.rotary, shape.kv_heads, std::span(keys).subspan(before));
  Attention(shape, past, workspace.q, keys, values, out,
            call.calibrating ? Products{} : products, call.executor);
}

LanguageModel::LanguageModel(Model model, const Weights& weights,
                             QuantSpec spec, Products products)
    : impl_(std::make_unique<Impl>(std::move(model), weights, std::move(spec),
                                   std::move(products))) {}
LanguageModel::~LanguageModel() = default;
LanguageModel::LanguageModel(LanguageModel&&) noexcept = default;
LanguageModel& LanguageModel::operator=(LanguageModel&&) noexcept = default;

const Model& LanguageModel::model() const { return impl_->model; }
const QuantSpec& LanguageModel::spec() const { return impl_->spec; }

bool LanguageModel::needs_calibration() const {
  return std::ranges::any_of(impl_->units, NeedsParams);
}

std::vector<float> LanguageModel::Run(std::span<const int> tokens,
                                      KvCache& cache,
                                      const Executor& executor) const {
  return impl_->Run({tokens, cache, executor, false, false, {}});
}

std::vector<float> LanguageModel::RunLast(std::span<const int> tokens,
                                          KvCache& cache,
                                          const Executor& executor) const {
  return impl_->Run({tokens, cache, executor, true, false, {}});
}

}  // namespace nibble::nn
