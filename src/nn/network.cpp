#include "nibble/nn/network.hpp"

#include <algorithm>
#include <mutex>
#include <optional>

#include "network_impl.hpp"
#include "nibble/core/check.hpp"
#include "nibble/nn/elementwise.hpp"
#include "nibble/quant/tensor.hpp"
#include "src/nn/slots.hpp"

namespace nibble::nn {
namespace {

// Half of a 512 KiB second-level cache for a batch's activations.
constexpr std::size_t kBatchBytes = 256 << 10;
constexpr std::size_t kMaxBatch = 64;

}  // namespace

Network::Impl::Impl(Model m, const Weights& weights, QuantSpec s,
                    QuantEngine engine, const Products& products)
    : model(std::move(m)), spec(std::move(s)), quantized(engine) {
  NIBBLE_CHECK("Network", !model.layers.empty());
  NIBBLE_CHECK("Network", model.context == 0);  // Else see LanguageModel.
  NIBBLE_CHECK("Network", !(spec.chain && products.any()));
  units.resize(model.layers.size());
  if (spec.chain) folded.resize(model.layers.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    const Layer& layer = model.layers[i];
    slot_size = std::max(slot_size, layer.out.size());
    if (!layer.has_weights()) continue;
    FoldedWeights w = Fold(layer, weights);
    Unit& unit = units[i];
    unit.exact = PackFilter(ConvShapeOf(layer), w.weight, w.bias);
    const MatrixProduct& product =
        layer.kind == LayerKind::kConv2d ? products.conv : products.dense;
    if (spec.chain) {
      folded[i] = std::move(w);
    } else if (engine == QuantEngine::kInteger) {
      unit.integer.emplace(layer, w, spec);
    } else if (product) {
      unit.product.emplace(layer, w, spec, product);
    } else if (spec.ForInput(layer)) {
      unit.fake.emplace(layer, w, spec);
    } else if (const auto& scheme = spec.ForWeights(layer)) {
      std::vector<float> values(w.weight.size());
      DequantizeTensor(QuantizeFolded(layer, w, *scheme), values);
      unit.weight_only = PackFilter(ConvShapeOf(layer), values, w.bias);
    }
    if (unit.scheme() != nullptr) {
      auto params = InputParamsOf(layer, weights, *unit.scheme());
      unit.trained = !params.empty();
      if (unit.trained) unit.SetParams(std::move(params));
    }
  }
  // What does not fit is refused now, not after calibration.
  if (spec.chain) {
    Chain(model, spec, folded,
          std::vector<QuantParams>(model.layers.size() + 1));
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
      if (engine == Engine::kQuantized && unit.integer) {
        unit.integer->Run(images, in, out);
      } else if (engine == Engine::kQuantized && unit.product) {
        unit.product->Run(images, in, out);
      } else if (engine == Engine::kExact || !(unit.fake || unit.weight_only)) {
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
    default:  // Refused by the constructor.
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
    if (visit) visit(i, output(layer.input), output(layer.input2));
    RunLayer(i, engine, images, output(layer.input), output(layer.input2),
             std::span(buffer).first(images * layer.out.size()));
  }
  return output(static_cast<int>(model.layers.size()) - 1);
}

std::vector<float> Network::Impl::RunChain(
    std::span<const float> inputs) const {
  const std::size_t size = model.input.size();
  const std::size_t images = inputs.size() / size;
  if (quantized == QuantEngine::kInteger) return chain->Run(images, inputs);
  std::vector<float> logits;
  for (std::size_t i = 0; i < images; ++i) {
    const auto some = chain->RunFake(inputs.subspan(i * size, size));
    logits.insert(logits.end(), some.begin(), some.end());
  }
  return logits;
}

Network::Network(Model model, const Weights& weights, QuantSpec spec,
                 QuantEngine engine)
    : impl_(std::make_unique<Impl>(std::move(model), weights, std::move(spec),
                                   engine, Products{})) {}
Network::Network(Model model, const Weights& weights, QuantSpec spec,
                 const Products& products)
    : impl_(std::make_unique<Impl>(std::move(model), weights, std::move(spec),
                                   QuantEngine::kFake, products)) {}
Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

const Model& Network::model() const { return impl_->model; }
const QuantSpec& Network::spec() const { return impl_->spec; }

bool Network::needs_calibration() const {
  if (impl_->spec.chain) return !impl_->chain;
  return std::ranges::any_of(impl_->units, &Unit::needs_params);
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
    const auto some = inputs.subspan(first * image, count * image);
    const auto to =
        logits.begin() + static_cast<std::ptrdiff_t>(first * classes);
    if (impl_->spec.chain) {
      std::ranges::copy(impl_->RunChain(some), to);
      return;
    }
    Workspace workspace = workspaces.Take();
    const auto result =
        impl_->RunBatch(Engine::kQuantized, some, workspace, {});
    std::ranges::copy(result, to);
    workspaces.Return(std::move(workspace));
  });
  return logits;
}

}  // namespace nibble::nn
