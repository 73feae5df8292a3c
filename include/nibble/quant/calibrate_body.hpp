// The bodies of calibrate.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "nibble/quant/calibrate.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble {

inline void Histogram::Add(std::span<const float> values, float bound) {
  if (bound > 0) {
    // 2^k > bound; the quotient below is then less than kBins. A width of 0
    // would come out for subnormal bounds.
    const int k = std::max(std::ilogb(bound) + 1, -110);
    Grow(std::ldexp(1.0f / kBins, k));
  }
  const float inverse = width_ == 0 ? 0 : 1.0f / width_;
  for (const float v : values) {
    const float magnitude = std::fabs(v);
    if (!(magnitude <= bound)) continue;
    ++rows_[v < 0 ? 1 : 0][static_cast<std::size_t>(magnitude * inverse)];
  }
}

// Zeros may have been counted before there was a width; they lie in bin 0 under
// any.
inline void Histogram::Grow(float width) {
  if (width <= width_) return;
  for (float w = width_; w != 0 && w < width; w *= 2) {
    for (Counts& row : rows_) {
      for (std::size_t i = 0; i < kBins / 2; ++i) {
        row[i] = row[2 * i] + row[2 * i + 1];
      }
      std::fill(row.begin() + kBins / 2, row.end(), 0);
    }
  }
  width_ = width;
}

inline void Histogram::Merge(const Histogram& other) {
  Histogram mine = other;
  mine.Grow(width_);
  Grow(other.width_);
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    for (std::size_t i = 0; i < kBins; ++i) rows_[r][i] += mine.rows_[r][i];
  }
}

inline Histogram::Counts Histogram::Magnitudes() const {
  Counts counts = rows_[0];
  for (std::size_t i = 0; i < kBins; ++i) counts[i] += rows_[1][i];
  return counts;
}

// The smallest edge of a bin below which lies at least `share` of all
// magnitudes.
inline float PercentileBound(const Histogram& histogram, double share) {
  const Histogram::Counts counts = histogram.Magnitudes();
  std::uint64_t total = 0;
  for (const std::uint64_t c : counts) total += c;
  const double wanted = share * static_cast<double>(total);
  std::uint64_t below = 0;
  std::size_t i = 0;
  while (i < counts.size() && static_cast<double>(below) < wanted) {
    below += counts[i++];
  }
  return static_cast<float>(i) * histogram.width();
}

// Kullback-Leibler divergence of the first n bins, what lies beyond put into
// the last of them, from the same bins after they have been shared out to
// `levels` levels:
//
//     P[i] = count[i] (+ all counts from n on, if i = n - 1)
//     Q[i] = (sum of count over i's level) / (bins of the level that are not
//            empty), 0 in empty bins; level j is bins [j n / levels, (j+1) n /
//            levels)
//     KL   = sum P/|P| log((P/|P|) / (Q/|Q|)) over the bins with P > 0
//
// Q/|Q| counts as 1e-9 where it is less: a clip that gathers outliers in an
// empty bin is bad, not impossible.
inline double KlDivergence(std::span<const std::uint64_t> counts, std::size_t n,
                           std::size_t levels) {
  std::vector<double> q(n, 0.0);
  double q_sum = 0;
  for (std::size_t j = 0; j < levels; ++j) {
    const std::size_t begin = j * n / levels;
    const std::size_t end = (j + 1) * n / levels;
    double sum = 0;
    double filled = 0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += static_cast<double>(counts[i]);
      filled += counts[i] != 0 ? 1 : 0;
    }
    for (std::size_t i = begin; i < end; ++i) {
      if (counts[i] != 0) q[i] = sum / filled;
    }
    q_sum += sum;
  }
  double beyond = 0;
  for (std::size_t i = n; i < counts.size(); ++i) {
    beyond += static_cast<double>(counts[i]);
  }
  const double p_sum = q_sum + beyond;
  if (q_sum == 0) return std::numeric_limits<double>::infinity();
  double divergence = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double p = static_cast<double>(counts[i]) + (i + 1 == n ? beyond : 0);
    if (p == 0) continue;
    divergence +=
        p / p_sum * std::log(p / p_sum / std::max(q[i] / q_sum, 1e-9));
  }
  return divergence;
}

// The clip of least KlDivergence, trying every 8th bin from `levels` on; the
// widest of the best.
//
// Source   the entropy calibration of Migacz, "8-bit inference with TensorRT",
//          GTC 2017, with 128 levels for int8.
inline float KlBound(const Histogram& histogram, std::size_t levels) {
  Histogram::Counts counts = histogram.Magnitudes();
  // Zeros are exact under any clip, and after a ReLU outweigh all the rest.
  if (counts.size() > 1) counts[0] = counts[1];
  std::size_t used = counts.size();
  while (used > 0 && counts[used - 1] == 0) --used;
  std::size_t best = used;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t n = used; n >= std::max<std::size_t>(levels, 1); n -= 8) {
    const double divergence =
        KlDivergence(std::span(counts).first(used), n, levels);
    if (divergence < least) {
      least = divergence;
      best = n;
    }
    if (n < levels + 8) break;
  }
  return static_cast<float>(best) * histogram.width();
}

#if NIBBLE_ENTRY_POINTS
inline namespace NIBBLE_ABI {

// Mean squared error that the scheme makes of a histogram's values under given
// params, times their number: sum count * (middle - quantized middle)^2.
inline double HistogramError(const Histogram& histogram, const Scheme& scheme,
                             const QuantParams& params) {
  std::vector<float> middles;
  std::vector<double> counts;
  for (const bool negative : {false, true}) {
    const auto& row = negative ? histogram.negative() : histogram.positive();
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] == 0) continue;
      const float middle = (static_cast<float>(i) + 0.5f) * histogram.width();
      middles.push_back(negative ? -middle : middle);
      counts.push_back(static_cast<double>(row[i]));
    }
  }
  std::vector<float> back(middles.size());
  QuantizeDequantize(scheme, middles, 1, middles.size(), std::span(&params, 1),
                     back);
  double error = 0;
  for (std::size_t i = 0; i < middles.size(); ++i) {
    const double e =
        static_cast<double>(middles[i]) - static_cast<double>(back[i]);
    error += counts[i] * e * e;
  }
  return error;
}

inline Range Observer::FindRange(const Scheme& scheme,
                                 Calibration calibration) const {
  if (empty()) return {};
  const auto clipped = [&](float bound) -> Range {
    return {std::max(range_.min, -bound), std::min(range_.max, bound)};
  };
  switch (calibration) {
    case Calibration::kAbsMax:
      break;
    case Calibration::kPercentile:
      return clipped(PercentileBound(histogram_, 0.999));
    case Calibration::kKl: {
      const FormatInfo& info = Info(scheme.format);
      const int bits = std::min(info.bits, 8) - (info.is_signed ? 1 : 0);
      return clipped(KlBound(histogram_, std::size_t{1} << std::max(bits, 1)));
    }
    case Calibration::kMse: {
      Range best = range_;
      double least = std::numeric_limits<double>::infinity();
      for (int percent = 100; percent >= 20; --percent) {
        const float share = static_cast<float>(percent) / 100;
        const Range tried{range_.min * share, range_.max * share};
        const double error =
            HistogramError(histogram_, scheme, ChooseParams(scheme, tried));
        if (error < least) {
          least = error;
          best = tried;
        }
      }
      return best;
    }
  }
  return range_;
}

}  // namespace NIBBLE_ABI
#endif  // NIBBLE_ENTRY_POINTS

}  // namespace nibble
