// How wrong products are.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/arith/product_table.hpp"
#include "nibble/core/check.hpp"

namespace nibble {

// Of products p against exact ones e. Relative errors are (p - e) / e, over the
// pairs whose exact product is not zero.
struct ProductStats {
  std::size_t pairs = 0;
  double mean_relative = 0;
  double mean_abs_relative = 0;
  double worst_relative = 0;     // of the largest magnitude, with its sign
  double bias = 0;               // mean of p - e
  double mean_abs = 0;           // mean of |p - e|
  double mse = 0;                // mean of (p - e)^2
  double nmse = 0;               // sum of (p - e)^2 / sum of e^2
  double error_probability = 0;  // share of p != e
};

// Products against those of x and w in double, which are exact.
//
// Shapes   x, w, products: [n], n > 0.
// Domain   finite.
inline ProductStats MeasureProducts(std::span<const float> x,
                                    std::span<const float> w,
                                    std::span<const float> products) {
  NIBBLE_CHECK("MeasureProducts", !x.empty());
  NIBBLE_CHECK("MeasureProducts", x.size() == w.size());
  NIBBLE_CHECK("MeasureProducts", x.size() == products.size());
  ProductStats stats;
  double energy = 0;
  std::size_t nonzero = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = double{x[i]} * w[i];
    const double error = double{products[i]} - exact;
    stats.bias += error;
    stats.mean_abs += std::abs(error);
    stats.mse += error * error;
    energy += exact * exact;
    stats.error_probability += error != 0 ? 1 : 0;
    if (exact == 0) continue;
    const double relative = error / exact;
    ++nonzero;
    stats.mean_relative += relative;
    stats.mean_abs_relative += std::abs(relative);
    if (std::abs(relative) > std::abs(stats.worst_relative)) {
      stats.worst_relative = relative;
    }
  }
  stats.pairs = x.size();
  const auto n = static_cast<double>(x.size());
  const double ratios = static_cast<double>(std::max<std::size_t>(nonzero, 1));
  stats.nmse = energy > 0 ? stats.mse / energy : 0;
  stats.bias /= n, stats.mean_abs /= n, stats.mse /= n;
  stats.error_probability /= n;
  stats.mean_relative /= ratios, stats.mean_abs_relative /= ratios;
  return stats;
}

// Of an 8x8 circuit over all 65,536 pairs of its operands, as EvoApproxLib
// publishes them.
struct CircuitStats {
  double mae = 0;  // mean of |error|
  std::int64_t wce = 0;
  double ep = 0;           // percent of pairs
  double mre = 0;          // percent: mean of |error| / max(1, |exact|)
  double mre_nonzero = 0;  // percent: mean over pairs of non-zero product
  double mse = 0;
};

inline CircuitStats MeasureCircuit(const ProductTable& table) {
  CircuitStats stats;
  std::size_t nonzero = 0;
  const auto value = [&](std::size_t byte) {
    return table.is_signed() ? std::int64_t{static_cast<std::int8_t>(byte)}
                             : static_cast<std::int64_t>(byte);
  };
  for (std::size_t i = 0; i < ProductTable::kEntries; ++i) {
    const std::int64_t exact = value(i / 256) * value(i % 256);
    const std::int64_t error =
        std::abs(table.Circuit(static_cast<std::uint8_t>(i / 256),
                               static_cast<std::uint8_t>(i % 256)) -
                 exact);
    const auto e = static_cast<double>(error);
    const auto magnitude = static_cast<double>(std::abs(exact));
    stats.mae += e;
    stats.wce = std::max(stats.wce, error);
    stats.ep += error != 0 ? 1 : 0;
    stats.mse += e * e;
    stats.mre += e / std::max(1.0, magnitude);
    if (exact == 0) continue;
    ++nonzero;
    stats.mre_nonzero += e / magnitude;
  }
  constexpr double kPairs = ProductTable::kEntries;
  stats.mae /= kPairs, stats.mse /= kPairs;
  stats.ep *= 100 / kPairs, stats.mre *= 100 / kPairs;
  stats.mre_nonzero *= 100 / static_cast<double>(nonzero);
  return stats;
}

}  // namespace nibble
