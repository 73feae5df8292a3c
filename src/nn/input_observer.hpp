// What was seen of one layer's input: all together, or channel by channel.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "nibble/quant/calibrate.hpp"
#include "nibble/quant/params.hpp"
#include "nibble/quant/scheme.hpp"

namespace nibble::nn {

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

}  // namespace nibble::nn
