// LanguageModel::Calibrate: the ranges of activations under static schemes.
#include <algorithm>
#include <mutex>

#include "nibble/core/check.hpp"
#include "src/nn/input_observer.hpp"
#include "src/nn/language_model_impl.hpp"

namespace nibble::nn {
namespace {

// Of the layers whose input has a static scheme; the others see nothing.
std::vector<std::optional<InputObserver>> ObserversFor(const Model& model,
                                                       const QuantSpec& spec) {
  std::vector<std::optional<InputObserver>> observers;
  for (const Layer& layer : model.layers) {
    const auto& scheme = spec.ForInput(layer);
    const bool seen = layer.has_products() && scheme && IsStatic(*scheme);
    observers.push_back(
        seen ? std::optional(InputObserver(*scheme, layer.in.channels))
             : std::nullopt);
  }
  return observers;
}

// Enough for the cores of a large machine, few enough to merge quickly.
constexpr std::size_t kShards = 16;

}  // namespace

void LanguageModel::Calibrate(std::span<const std::vector<int>> windows,
                              Calibration method, const Executor& executor) {
  NIBBLE_CHECK("LanguageModel::Calibrate", !windows.empty());
  auto all = ObserversFor(model(), spec());
  std::mutex mutex;
  // An Observer's answer does not depend on the order of what it sees.
  executor(std::min(kShards, windows.size()), [&](std::size_t shard) {
    auto seen = ObserversFor(model(), spec());
    const Impl::InputVisitor visit = [&](std::size_t layer,
                                         std::span<const float> in) {
      if (seen[layer]) seen[layer]->Observe(in);
    };
    for (std::size_t i = shard; i < windows.size(); i += kShards) {
      KvCache cache;
      impl_->Run({windows[i], cache, {}, false, true, visit});
    }
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i]) all[i]->Merge(*seen[i]);
    }
  });
  executor(all.size(), [&](std::size_t i) {
    if (!all[i]) return;
    const Scheme& scheme = *spec().ForInput(model().layers[i]);
    TokenUnit& unit = impl_->units[i];
    if (unit.product) {
      unit.product->SetParams(all[i]->Choose(scheme, method));
    } else {
      unit.fake->SetParams(all[i]->Choose(scheme, method));
    }
  });
}

}  // namespace nibble::nn
