// Network::Calibrate: the ranges of activations under static schemes.
#include "nibble/quant/calibrate.hpp"

#include <algorithm>
#include <mutex>

#include "network_impl.hpp"
#include "nibble/core/check.hpp"

namespace nibble::nn {
namespace {

// What was seen of one layer's input: all together, or channel by channel.
class InputObserver {
 public:
  InputObserver() = default;
  InputObserver(const Scheme& scheme, std::size_t channels)
      : channels_(scheme.granularity == Granularity::kChannel ? channels : 1),
        seen_(channels_) {}

  void Observe(std::span<const float> in) {
    if (channels_ == 1) {
      for (Observer& observer : seen_) observer.Observe(in);
      return;
    }
    std::vector<float> column(in.size() / channels_);
    for (std::size_t c = 0; c < channels_; ++c) {
      for (std::size_t i = 0; i < column.size(); ++i) {
        column[i] = in[i * channels_ + c];
      }
      seen_[c].Observe(column);
    }
  }

  void Merge(const InputObserver& other) {
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      seen_[i].Merge(other.seen_[i]);
    }
  }

  std::vector<QuantParams> Choose(const Scheme& scheme,
                                  Calibration method) const {
    std::vector<QuantParams> params;
    for (const Observer& observer : seen_) {
      params.push_back(
          ChooseParams(scheme, observer.FindRange(scheme, method)));
    }
    return params;
  }

 private:
  std::size_t channels_ = 1;
  std::vector<Observer> seen_;
};

std::vector<InputObserver> ObserversFor(const Model& model,
                                        const std::vector<Unit>& units) {
  std::vector<InputObserver> observers(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (!units[i].fake || !IsStatic(units[i].fake->input_scheme())) continue;
    const Layer& layer = model.layers[i];
    observers[i] = InputObserver(units[i].fake->input_scheme(),
                                 ConvShapeOf(layer).in.channels);
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
    if (!unit.fake || !IsStatic(unit.fake->input_scheme())) return;
    if (unit.trained) return;
    unit.fake->SetParams(all[i].Choose(unit.fake->input_scheme(), method));
  });
}

}  // namespace nibble::nn
