// Network::Calibrate: the ranges of activations under static schemes.
#include "nibble/quant/calibrate.hpp"

#include <algorithm>
#include <mutex>

#include "network_impl.hpp"
#include "nibble/core/check.hpp"
#include "src/nn/input_observer.hpp"

namespace nibble::nn {
namespace {

// The scheme of the layer's input, if its scale is found before it runs.
std::optional<Scheme> StaticInput(const Unit& unit) {
  std::optional<Scheme> scheme;
  if (unit.product) {
    scheme = unit.product->input_scheme();
  } else if (unit.fake) {
    scheme = unit.fake->input_scheme();
  }
  return scheme && IsStatic(*scheme) ? scheme : std::nullopt;
}

std::vector<InputObserver> ObserversFor(const Model& model,
                                        const std::vector<Unit>& units) {
  std::vector<InputObserver> observers(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto scheme = StaticInput(units[i]);
    if (!scheme) continue;
    observers[i] =
        InputObserver(*scheme, ConvShapeOf(model.layers[i]).in.channels);
  }
  return observers;
}

// Enough for the cores of a large machine, few enough to merge quickly.
constexpr std::size_t kShards = 64;

}  // namespace

void Network::Calibrate(std::span<const float> inputs, Calibration method,
                        const Executor& executor) {
  const std::size_t image = impl_->model.input.size();
  NIBBLE_CHECK("Network::Calibrate", inputs.size() % image == 0);
  NIBBLE_CHECK("Network::Calibrate", !inputs.empty());
  const std::size_t images = inputs.size() / image;
  std::vector<InputObserver> all = ObserversFor(impl_->model, impl_->units);
  std::mutex mutex;
  // An Observer's answer does not depend on the order of what it sees.
  executor(std::min(kShards, images), [&](std::size_t shard) {
    std::vector<InputObserver> seen = ObserversFor(impl_->model, impl_->units);
    Workspace workspace;
    const std::size_t shards = std::min(kShards, images);
    const std::size_t end = images * (shard + 1) / shards;
    for (std::size_t i = images * shard / shards; i < end;) {
      const std::size_t count = std::min(impl_->batch, end - i);
      impl_->RunBatch(Engine::kExact, inputs.subspan(i * image, count * image),
                      workspace,
                      [&](std::size_t layer, std::span<const float> in) {
                        seen[layer].Observe(in);
                      });
      i += count;
    }
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < all.size(); ++i) all[i].Merge(seen[i]);
  });
  executor(all.size(), [&](std::size_t i) {
    Unit& unit = impl_->units[i];
    const auto scheme = StaticInput(unit);
    if (!scheme) return;
    if (unit.product) {
      unit.product->SetParams(all[i].Choose(*scheme, method));
    } else {
      unit.fake->SetParams(all[i].Choose(*scheme, method));
    }
  });
}

}  // namespace nibble::nn
