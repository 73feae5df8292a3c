// What fitting and polishing share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "nibble/sweep/program.hpp"

namespace nibble::sweep {

inline constexpr double kInf = std::numeric_limits<double>::infinity();

// Solves a x = b in place by elimination with row exchanges; b becomes x. False
// if a is singular.
inline bool Solve(std::vector<long double>& a, std::vector<long double>& b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (std::abs(a[i * n + k]) > std::abs(a[pivot * n + k])) pivot = i;
    }
    if (!(std::abs(a[pivot * n + k]) > 0)) return false;
    for (std::size_t j = 0; j < n; ++j) {
      std::swap(a[k * n + j], a[pivot * n + j]);
    }
    std::swap(b[k], b[pivot]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const long double factor = a[i * n + k] / a[k * n + k];
      for (std::size_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k * n + j] * b[j];
    b[k] /= a[k * n + k];
  }
  return std::ranges::all_of(b, [](long double v) { return std::isfinite(v); });
}

// The largest relative error of p on the first `count` points.
inline double Largest(const Batch::Values& p, const Batch::Values& y,
                      std::size_t count) {
  double worst = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double error = std::abs((p[i] - y[i]) / y[i]);
    if (!(error <= worst)) worst = error < kInf ? error : kInf;
  }
  return worst;
}

}  // namespace nibble::sweep
