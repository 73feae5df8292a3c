// From observed values to a range: what part of an activation a scale covers.
//
//     Observer seen;
//     seen.Observe(batch);                  // as often as there are batches
//     Range range = seen.FindRange(scheme, Calibration::kMse);
//     QuantParams params = ChooseParams(scheme, range);
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/core/nearest_name.hpp"
#include "nibble/quant/params.hpp"
#include "nibble/quant/range.hpp"
#include "nibble/quant/recipe.hpp"
#include "nibble/quant/scheme.hpp"

namespace nibble {

// How much of what was seen the range shall cover.
enum class Calibration : std::uint8_t {
  kAbsMax,      // all of it
  kPercentile,  // all but the largest 0.1 % of magnitudes
  kMse,         // the clip with the least mean squared error
  kKl,          // the clip with the least Kullback-Leibler divergence
};

inline constexpr std::array<std::string_view, 4> kCalibrationNames = {
    "absmax", "percentile", "mse", "kl"};

inline std::string_view ToString(Calibration calibration) {
  return kCalibrationNames[static_cast<std::size_t>(calibration)];
}

// Errors   InputError with the nearest right name.
inline Calibration ParseCalibration(std::string_view name) {
  const auto found = std::ranges::find(kCalibrationNames, name);
  if (found == kCalibrationNames.end()) {
    const std::vector<std::string> known(kCalibrationNames.begin(),
                                         kCalibrationNames.end());
    throw InputError(std::string(name) + ": position " +
                     std::to_string(RightCharacters(name, known)) +
                     ": no such calibration, did you mean '" +
                     NearestName(name, known) + "'?");
  }
  return static_cast<Calibration>(found - kCalibrationNames.begin());
}

// PyTorch's moving average of a range: the first batch is taken as it is, then
// min += constant * (batch's min - min), all in float32; max likewise.
struct MovingRange {
  float constant = 0.01f;
  Range range = Range::kEmpty;

  void Observe(const Range& batch) {
    if (batch.empty()) return;
    if (range.empty()) {
      range = batch;
      return;
    }
    range.min += Rounded(constant * (batch.min - range.min));
    range.max += Rounded(constant * (batch.max - range.max));
  }
};

// Counts of magnitudes in bins of equal width, one row for values >= 0 and one
// for values < 0. The width is 2^k / kBins with the smallest 2^k above all
// magnitudes; when that grows, neighbouring bins are joined. So the counts
// depend on the values seen, and not on their order.
//
// NaN and infinity are not counted.
class Histogram {
 public:
  static constexpr std::size_t kBins = 2048;
  using Counts = std::array<std::uint64_t, kBins>;

  Histogram() : rows_(2) {}

  // Counts `values`, whose finite magnitudes are at most `bound`.
  void Add(std::span<const float> values, float bound);
  void Merge(const Histogram& other);

  // Width of a bin; 0 if only zeros were seen.
  float width() const { return width_; }
  const Counts& positive() const { return rows_[0]; }
  const Counts& negative() const { return rows_[1]; }
  Counts Magnitudes() const;

 private:
  void Grow(float width);

  float width_ = 0;
  std::vector<Counts> rows_;
};

#if NIBBLE_ENTRY_POINTS
inline namespace NIBBLE_ABI {

// Watches a stream of values. Every answer depends only on the values seen, not
// on how they were cut into batches.
//
// NaN and infinity are not observed.
class Observer {
 public:
  void Observe(std::span<const float> values) {
    const Range seen = nibble::FindRange(values);
    if (seen.empty()) return;
    Widen(seen);
    histogram_.Add(values, std::max(-seen.min, seen.max));
  }
  void Merge(const Observer& other) {
    Widen(other.range_);
    histogram_.Merge(other.histogram_);
  }

  bool empty() const { return range_.empty(); }
  float min() const { return empty() ? 0 : range_.min; }
  float max() const { return empty() ? 0 : range_.max; }
  const Histogram& histogram() const { return histogram_; }

  // The range that `scheme` shall cover; {0, 0} if nothing was seen.
  //
  // kMse tries clips of 20 % to 100 % of the range in steps of 1 %, and takes
  // the widest of the best. kKl: see KlBound. kMse and kKl look at the middles
  // of the bins.
  Range FindRange(const Scheme& scheme, Calibration calibration) const;

 private:
  void Widen(const Range& seen) {
    range_.min = std::min(range_.min, seen.min);
    range_.max = std::max(range_.max, seen.max);
  }

  Range range_ = Range::kEmpty;
  Histogram histogram_;
};

}  // namespace NIBBLE_ABI
#endif  // NIBBLE_ENTRY_POINTS

}  // namespace nibble

#include "nibble/quant/calibrate_body.hpp"  // the bodies
