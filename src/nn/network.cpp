#include "nibble/nn/network.hpp"

#include <algorithm>
#include <mutex>
#include <optional>

#include "network_impl.hpp"
#include "nibble/core/check.hpp"
#include "nibble/nn/elementwise.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble::nn {
namespace {

// Which buffer each layer's output lies in: a buffer is free again after the
// last layer that reads it. As few buffers as possible keep a batch in cache.
std::vector<std::size_t> AssignSlots(const Model& model, std::size_t& slots) {
  const std::size_t n = model.layers.size();
  std::vector<std::size_t> last_use(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (const int from : {model.layers[i].input, model.layers[i].input2}) {
      if (from >= 0) last_use[static_cast<std::size_t>(from)] = i;
    }
  }
  last_use[n - 1] = n;
  std::vector<std::size_t> slot(n), busy_until;
  for (std::size_t i = 0; i < n; ++i) {
    // Free: last read by an earlier layer, not by this one.
    const auto free = std::ranges::find_if(
        busy_until, [&](std::size_t until) { return until < i; });
    slot[i] = static_cast<std::size_t>(free - busy_until.begin());
    if (free == busy_until.end()) busy_until.push_back(0);
    busy_until[slot[i]] = last_use[i];
  }
  slots = busy_until.size();
  return slot;
}

// Half of a 512 KiB second-level cache for a batch's activations.
constexpr std::size_t kBatchBytes = 256 << 10;
constexpr std::size_t kMaxBatch = 64;

}  // namespace

Network::Impl::Impl(Model m, const Weights& weights, QuantSpec s)
    : model(std::move(m)), spec(std::move(s)) {
  NIBBLE_CHECK("Network", !model.layers.empty());
  units.resize(model.layers.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    const Layer& layer = model.layers[i];
    slot_size = std::max(slot_size, layer.out.size());
    if (!layer.has_weights()) continue;
    const FoldedWeights folded = Fold(layer, weights);
    Unit& unit = units[i];
    unit.exact = PackFilter(ConvShapeOf(layer), folded.weight, folded.bias);
    if (spec.ForInput(layer)) {
      unit.fake.emplace(layer, folded, spec);
      auto params = InputParamsOf(layer, weights, *spec.ForInput(layer));
      unit.trained = !params.empty();
      if (unit.trained) unit.fake->SetParams(std::move(params));
    } else if (const auto& scheme = spec.ForWeights(layer)) {
      std::vector<float> values(folded.weight.size());
      DequantizeTensor(QuantizeFolded(layer, folded, *scheme), values);
      unit.weight_only = PackFilter(ConvShapeOf(layer), values, folded.bias);
    }
  }
  slot = AssignSlots(model, slots);
  batch = std::clamp<std::size_t>(
      kBatchBytes / (slots * slot_size * sizeof(float)), 1, kMaxBatch);
}

void Network::Impl::RunLayer(std::size_t i, Engine engine, std::size_t images,
                             std::span<const float> in,
                             std::span<const float> in2,
                             std::span<float> out) const {
  const Layer& layer = model.layers[i];
  const Unit& unit = units[i];
  switch (layer.kind) {
    case LayerKind::kConv2d:
    case LayerKind::kLinear:
      if (engine == Engine::kExact || !(unit.fake || unit.weight_only)) {
        Conv2d(ConvShapeOf(layer), unit.exact, images, in, out, layer.relu);
      } else if (unit.weight_only) {
        Conv2d(ConvShapeOf(layer), *unit.weight_only, images, in, out,
               layer.relu);
      } else {
        for (std::size_t b = 0; b < images; ++b) {
          unit.fake->Run(in.subspan(b * layer.in.size(), layer.in.size()),
                         out.subspan(b * layer.out.size(), layer.out.size()));
        }
      }
      break;
    case LayerKind::kAdd:
      Add(layer, model.shape(layer.input2), images, in, in2, out);
      break;
    case LayerKind::kAvgPool:
      AvgPool(layer, images, in, out);
      break;
    case LayerKind::kMaxPool:
      MaxPool(layer, images, in, out);
      break;
  }
}

std::span<const float> Network::Impl::RunBatch(
    Engine engine, std::span<const float> inputs, Workspace& workspace,
    const InputVisitor& visit) const {
  const std::size_t images = inputs.size() / model.input.size();
  workspace.resize(slots);
  const auto output = [&](int layer) -> std::span<const float> {
    if (layer == kNoLayer) return {};
    if (layer == kImage) return inputs;
    const auto at = static_cast<std::size_t>(layer);
    return std::span(workspace[slot[at]])
        .first(images * model.layers[at].out.size());
  };
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const Layer& layer = model.layers[i];
    AlignedVector<float>& buffer = workspace[slot[i]];
    buffer.resize(std::max(buffer.size(), images * slot_size));
    if (visit) visit(i, output(layer.input));
    RunLayer(i, engine, images, output(layer.input), output(layer.input2),
             std::span(buffer).first(images * layer.out.size()));
  }
  return output(static_cast<int>(model.layers.size()) - 1);
}

Network::Network(Model model, const Weights& weights, QuantSpec spec)
    : impl_(
          std::make_unique<Impl>(std::move(model), weights, std::move(spec))) {}
Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

const Model& Network::model() const { return impl_->model; }
const QuantSpec& Network::spec() const { return impl_->spec; }

bool Network::needs_calibration() const {
  return std::ranges::any_of(impl_->units, [](const Unit& unit) {
    return unit.fake && unit.fake->needs_params();
  });
}

std::vector<float> Network::Run(std::span<const float> inputs,
                                const Executor& executor) const {
  const std::size_t image = impl_->model.input.size();
  NIBBLE_CHECK("Network::Run", inputs.size() % image == 0);
  NIBBLE_CHECK("Network::Run", !needs_calibration());
  const std::size_t images = inputs.size() / image;
  const std::size_t batch = impl_->batch;
  const std::size_t classes = impl_->model.classes;
  std::vector<float> logits(images * classes);
  Workspaces workspaces;
  executor((images + batch - 1) / batch, [&](std::size_t task) {
    const std::size_t first = task * batch;
    const std::size_t count = std::min(batch, images - first);
    Workspace workspace = workspaces.Take();
    const auto result = impl_->RunBatch(
        Engine::kQuantized, inputs.subspan(first * image, count * image),
        workspace, {});
    std::ranges::copy(
        result, logits.begin() + static_cast<std::ptrdiff_t>(first * classes));
    workspaces.Return(std::move(workspace));
  });
  return logits;
}

}  // namespace nibble::nn
