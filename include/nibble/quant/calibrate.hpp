// From observed values to a scale: what an activation's range is, and the
// QuantParams a scheme makes of it.
//
//     Observer seen;
//     seen.Observe(batch);                        // as often as there are
//     batches Range range = seen.FindRange(scheme, Calibration::kMse);
//     QuantParams params = ChooseParams(scheme, range);
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "nibble/quant/params.hpp"
#include "nibble/quant/scheme.hpp"

namespace nibble {

// How much of what was seen the range shall cover.
enum class Calibration : std::uint8_t {
  kAbsMax,      // all of it
  kPercentile,  // all but 0.1 % of the magnitudes
  kMse,         // least mean squared error of the quantized histogram
  kKl,          // least Kullback-Leibler divergence of the clipped histogram
};

// Errors   InputError with the nearest right name.
Calibration ParseCalibration(std::string_view name);
std::string_view ToString(Calibration calibration);

// Watches a stream of values. The state, and every answer, depends only on the
// multiset of values seen, not on how it was cut into batches.
//
// NaN and infinite values are not observed.
class Observer {
 public:
  void Observe(std::span<const float> values);
  void Merge(const Observer& other);

  bool empty() const;
  float min() const;  // 0 if nothing was seen
  float max() const;
  std::size_t count() const;

  Range FindRange(const Scheme& scheme, Calibration calibration) const;
};

}  // namespace nibble
