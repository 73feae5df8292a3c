// Network::Calibrate: the ranges of activations under static schemes.
#include "nibble/quant/calibrate.hpp"

#include <algorithm>
#include <mutex>

#include "network_impl.hpp"
#include "nibble/core/check.hpp"
#include "src/nn/input_observer.hpp"

namespace nibble::nn {
namespace {

std::vector<InputObserver> ObserversFor(const Model& model,
                                        const std::vector<Unit>& units) {
  std::vector<InputObserver> observers(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (!units[i].is_static()) continue;
    const Layer& layer = model.layers[i];
    observers[i] =
        InputObserver(*units[i].scheme(), ConvShapeOf(layer).in.channels);
  }
  return observers;
}

// Of a chained network: for the image, then for each layer's output.
std::vector<InputObserver> ObserversForChain(const Model& model,
                                             const QuantSpec& spec) {
  std::vector<InputObserver> observers;
  for (int i = kImage; i < static_cast<int>(model.layers.size()); ++i) {
    observers.emplace_back(ChainScheme(model, spec, i), 1);
  }
  return observers;
}

// By layer: whether nobody before it reads its first and its second input.
struct FirstReader {
  bool in = false, in2 = false;
};
std::vector<FirstReader> FirstReaders(const Model& model) {
  std::vector<bool> read(model.layers.size() + 1);
  const auto first = [&](int layer) {
    if (layer == kNoLayer) return false;
    const auto at = static_cast<std::size_t>(layer + 1);
    const bool seen = read[at];
    read[at] = true;
    return !seen;
  };
  std::vector<FirstReader> readers;
  for (const Layer& layer : model.layers) {
    const bool in = first(layer.input);
    readers.push_back({in, first(layer.input2)});
  }
  return readers;
}

// Enough for the cores of a large machine, few enough to merge quickly.
constexpr std::size_t kShards = 64;

}  // namespace

void Network::Calibrate(std::span<const float> inputs, Calibration method,
                        const Executor& executor) {
  const Impl& impl = *impl_;
  const std::size_t image = impl.model.input.size();
  NIBBLE_CHECK("Network::Calibrate", inputs.size() % image == 0);
  NIBBLE_CHECK("Network::Calibrate", !inputs.empty());
  const std::size_t images = inputs.size() / image;
  const bool chain = impl.spec.chain;
  const auto observers = [&] {
    return chain ? ObserversForChain(impl.model, impl.spec)
                 : ObserversFor(impl.model, impl.units);
  };
  const std::vector<FirstReader> readers = FirstReaders(impl.model);
  const auto observe = [&](std::vector<InputObserver>& seen, std::size_t i,
                           std::span<const float> in,
                           std::span<const float> in2) {
    if (!chain) return seen[i].Observe(in);
    const Layer& layer = impl.model.layers[i];
    if (readers[i].in) {
      seen[static_cast<std::size_t>(layer.input + 1)].Observe(in);
    }
    if (readers[i].in2) {
      seen[static_cast<std::size_t>(layer.input2 + 1)].Observe(in2);
    }
  };
  std::vector<InputObserver> all = observers();
  std::mutex mutex;
  // An Observer's answer does not depend on the order of what it sees.
  executor(std::min(kShards, images), [&](std::size_t shard) {
    std::vector<InputObserver> seen = observers();
    Workspace workspace;
    const std::size_t shards = std::min(kShards, images);
    const std::size_t end = images * (shard + 1) / shards;
    for (std::size_t i = images * shard / shards; i < end;) {
      const std::size_t count = std::min(impl.batch, end - i);
      impl.RunBatch(
          Engine::kExact, inputs.subspan(i * image, count * image), workspace,
          [&](std::size_t layer, std::span<const float> in,
              std::span<const float> in2) { observe(seen, layer, in, in2); });
      i += count;
    }
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < all.size(); ++i) all[i].Merge(seen[i]);
  });
  if (chain) {
    std::vector<QuantParams> params(all.size());
    // The last layer's output is nobody's input and stays as it is.
    executor(all.size() - 1, [&](std::size_t i) {
      const Scheme& scheme =
          ChainScheme(impl.model, impl.spec, static_cast<int>(i) - 1);
      params[i] = all[i].Choose(scheme, method)[0];
    });
    impl_->chain.emplace(impl.model, impl.spec, impl.folded, params);
    return;
  }
  executor(all.size(), [&](std::size_t i) {
    Unit& unit = impl_->units[i];
    if (!unit.is_static() || unit.trained) return;
    unit.SetParams(all[i].Choose(*unit.scheme(), method));
  });
}

}  // namespace nibble::nn
