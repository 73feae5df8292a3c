// How far an approximation is from what it stands for.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "nibble/core/check.hpp"

namespace nibble {

struct ErrorStats {
  double sqnr_db = 0;    // 10 log10(sum x^2 / sum (y - x)^2); inf if y = x
  double cosine = 0;     // of the angle between x and y; 1 if y = x
  double max_error = 0;  // largest |y - x|
  double mse = 0;        // mean (y - x)^2
};

// Compares y with the reference x, in double, in order.
//
// Shapes   x, y: [n]; n = 0 gives the statistics of equal vectors.
// Domain   NaN or infinity in either makes the affected statistics NaN or inf.
// Errors   std::invalid_argument if the sizes differ.
inline ErrorStats Compare(std::span<const float> x, std::span<const float> y) {
  NIBBLE_CHECK("Compare", x.size() == y.size());
  double signal = 0, noise = 0, dot = 0, size = 0, largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double a = x[i], b = y[i], error = std::abs(b - a);
    signal += a * a;
    size += b * b;
    dot += a * b;
    noise += error * error;
    // Written so that a NaN stays.
    if (!(error <= largest)) largest = error;
  }
  ErrorStats stats;
  stats.max_error = largest;
  stats.mse = x.empty() ? 0 : noise / static_cast<double>(x.size());
  if (noise == 0) {
    stats.sqnr_db = std::numeric_limits<double>::infinity();
    stats.cosine = 1;
    return stats;
  }
  stats.sqnr_db = 10 * std::log10(signal / noise);
  const double norms = std::sqrt(signal) * std::sqrt(size);
  stats.cosine = norms == 0 ? 0 : dot / norms;
  return stats;
}

}  // namespace nibble
