// Remez's exchange: the oracle for minimax coefficients and errors.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <utility>
#include <vector>

namespace nibble::remez {

using Real = long double;
using Function = std::function<Real(Real)>;

struct Minimax {
  std::vector<Real> coefficients;
  Real error = 0;  // of the level that all extrema have
};

// Gaussian elimination with row exchanges.
inline std::vector<Real> Solve(std::vector<std::vector<Real>> a,
                               std::vector<Real> b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
    }
    std::swap(a[k], a[pivot]);
    std::swap(b[k], b[pivot]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const Real factor = a[i][k] / a[k][k];
      for (std::size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

// The place of the largest |e| near x, by golden sections of [lo, hi].
inline Real Climb(const Function& e, Real lo, Real hi) {
  constexpr Real kSection = 0.61803398874989484820L;
  for (int i = 0; i < 70; ++i) {
    const Real a = hi - kSection * (hi - lo), b = lo + kSection * (hi - lo);
    (std::abs(e(a)) > std::abs(e(b)) ? hi : lo) =
        std::abs(e(a)) > std::abs(e(b)) ? b : a;
  }
  return (lo + hi) / 2;
}

// The polynomial sum c_j x^j, j < terms, that makes the largest
// |polynomial - f| * weight on [lo, hi] smallest.
inline Minimax FitPolynomial(const Function& f, const Function& weight,
                             std::size_t terms, Real lo, Real hi) {
  std::vector<Real> points;
  for (std::size_t i = 0; i <= terms; ++i) {
    const Real angle = std::numbers::pi_v<Real> * static_cast<Real>(i) /
                       static_cast<Real>(terms);
    points.push_back((lo + hi) / 2 - (hi - lo) / 2 * std::cos(angle));
  }
  Minimax best;
  for (int round = 0; round < 30; ++round) {
    std::vector<std::vector<Real>> a;
    std::vector<Real> b;
    for (std::size_t i = 0; i <= terms; ++i) {
      std::vector<Real> row(terms + 1, weight(points[i]));
      for (std::size_t j = 1; j < terms; ++j) row[j] = row[j - 1] * points[i];
      row[terms] = i % 2 == 0 ? 1 : -1;
      a.push_back(row);
      b.push_back(f(points[i]) * weight(points[i]));
    }
    std::vector<Real> x = Solve(a, b);
    const Real level = std::abs(x.back());
    x.pop_back();
    best = {x, level};
    const Function e = [&](Real t) {
      Real p = 0;
      for (std::size_t j = terms; j-- > 0;) p = p * t + x[j];
      return (p - f(t)) * weight(t);
    };
    // One extremum in each run of one sign, found on a grid, then refined.
    constexpr int kGrid = 3000;
    const auto at = [&](int i) { return lo + (hi - lo) * i / kGrid; };
    std::vector<Real> next;
    Real largest = 0;
    for (int i = 0, top = 0; i <= kGrid; ++i) {
      if (std::abs(e(at(i))) > std::abs(e(at(top)))) top = i;
      const bool ends = i == kGrid || (e(at(i)) > 0) != (e(at(i + 1)) > 0);
      if (!ends) continue;
      next.push_back(
          Climb(e, at(std::max(top - 1, 0)), at(std::min(top + 1, kGrid))));
      if (top == 0 && std::abs(e(lo)) >= std::abs(e(next.back()))) {
        next.back() = lo;
      }
      if (top == kGrid && std::abs(e(hi)) >= std::abs(e(next.back()))) {
        next.back() = hi;
      }
      largest = std::max(largest, std::abs(e(next.back())));
      top = i + 1 <= kGrid ? i + 1 : i;
    }
    if (next.size() != terms + 1) break;
    points = next;
    if (largest - level < 1e-9L * level) break;
  }
  return best;
}

// The same for the relative error of f.
inline Minimax FitRelative(const Function& f, std::size_t terms, Real lo,
                           Real hi) {
  return FitPolynomial(
      f, [&](Real x) { return 1 / std::abs(f(x)); }, terms, lo, hi);
}

}  // namespace nibble::remez
