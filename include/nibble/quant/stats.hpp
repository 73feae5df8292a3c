// How far an approximation is from what it stands for.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "nibble/core/check.hpp"

namespace nibble {

struct ErrorStats {
  // 10 log10(sum x^2 / sum (x - y)^2), in decibels: 6.02 more per bit.
  // Infinity for an exact copy, 0 for zeros in place of x.
  double sqnr_db = 0;
  double cosine = 0;           // x·y / (|x| |y|); 1 for an exact copy
  double max_error = 0;        // largest |x - y|
  double mse = 0;              // mean (x - y)^2
  double saturated_share = 0;  // of all elements, as counted by the quantizer
};

// Compares x with its approximation y. Elements of which either is not finite
// are left out.
//
// Shapes   x, y: [n]; n = 0 counts as an exact copy.
// Error    sums in double, in order: n * 2^-53 relative.
// Errors   std::invalid_argument if the sizes differ.
inline ErrorStats Compare(std::span<const float> x, std::span<const float> y,
                          std::size_t saturated = 0) {
  NIBBLE_CHECK("Compare", x.size() == y.size());
  double signal = 0;
  double noise = 0;
  double square = 0;
  double product = 0;
  ErrorStats stats;
  std::size_t n = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto a = static_cast<double>(x[i]);
    const auto b = static_cast<double>(y[i]);
    if (!std::isfinite(a) || !std::isfinite(b)) continue;
    const double error = std::fabs(a - b);
    signal += a * a;
    square += b * b;
    product += a * b;
    noise += error * error;
    stats.max_error = std::max(stats.max_error, error);
    ++n;
  }
  const double length = std::sqrt(signal) * std::sqrt(square);
  stats.sqnr_db = noise == 0 ? std::numeric_limits<double>::infinity()
                             : 10 * std::log10(signal / noise);
  stats.cosine = noise == 0 ? 1 : (length > 0 ? product / length : 0);
  stats.mse = n == 0 ? 0 : noise / static_cast<double>(n);
  stats.saturated_share = x.empty() ? 0
                                    : static_cast<double>(saturated) /
                                          static_cast<double>(x.size());
  return stats;
}

}  // namespace nibble
