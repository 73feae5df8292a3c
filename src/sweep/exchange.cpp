// The exchange: coefficients whose largest errors are all equal.
#include <algorithm>
#include <cmath>

#include "nibble/sweep/fit.hpp"
#include "src/sweep/solve.hpp"

namespace nibble::sweep {
namespace {

using Real = long double;

struct Extremum {
  std::size_t at;
  double error;  // signed
};

// The largest error of each run of errors of one sign.
std::vector<Extremum> FindExtrema(const std::vector<double>& errors) {
  std::vector<Extremum> extrema;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const bool turns =
        extrema.empty() || (errors[i] > 0) != (extrema.back().error > 0);
    if (turns) {
      extrema.push_back({i, errors[i]});
    } else if (std::abs(errors[i]) > std::abs(extrema.back().error)) {
      extrema.back() = {i, errors[i]};
    }
  }
  return extrema;
}

// Drops the smallest until `count` are left that still alternate: one at an end
// alone, one between others with the smaller of its neighbours.
void Thin(std::vector<Extremum>& extrema, std::size_t count) {
  const auto size = [&](std::size_t i) { return std::abs(extrema[i].error); };
  while (extrema.size() > count) {
    std::size_t least = 0;
    for (std::size_t i = 1; i < extrema.size(); ++i) {
      if (size(i) < size(least)) least = i;
    }
    const bool inside = least != 0 && least + 1 != extrema.size();
    if (inside && extrema.size() >= count + 2) {
      if (size(least - 1) < size(least + 1)) --least;
      const auto from = extrema.begin() + static_cast<std::ptrdiff_t>(least);
      extrema.erase(from, from + 2);
    } else if (size(0) < size(extrema.size() - 1)) {
      extrema.erase(extrema.begin());
    } else {
      extrema.pop_back();
    }
  }
}

}  // namespace

double Fitter::FineError(const Program& program) {
  double worst = 0;
  for (const auto& block : problem_.fine()) {
    worst = std::max(worst,
                     Largest(batch_.Evaluate(program, block.x, Batch::kPoints),
                             block.y, Batch::kPoints));
  }
  return worst;
}

// One step of the exchange: coefficients that make the errors at the extrema
// equal, to first order. With n coefficients n + 1 errors alternate in sign.
bool Fitter::ExchangeStep(Program& program, double& error) {
  const std::size_t n = program.coefficients.size();
  std::vector<double> errors;
  std::vector<std::vector<double>> slopes;  // by point
  for (const auto& block : problem_.fine()) {
    const Batch::Values p = batch_.Evaluate(program, block.x, Batch::kPoints);
    batch_.Differentiate(program, slopes_);
    for (std::size_t i = 0; i < Batch::kPoints; ++i) {
      errors.push_back((p[i] - block.y[i]) / block.y[i]);
      auto& row = slopes.emplace_back(n);
      for (std::size_t j = 0; j < n; ++j) row[j] = slopes_[j][i] / block.y[i];
    }
  }
  std::vector<Extremum> extrema = FindExtrema(errors);
  if (extrema.size() < n + 1) return false;
  Thin(extrema, n + 1);
  std::vector<Real> a((n + 1) * (n + 1)), b(n + 1);
  for (std::size_t i = 0; i <= n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      a[i * (n + 1) + j] = slopes[extrema[i].at][j];
    }
    a[i * (n + 1) + n] = i % 2 == 0 ? 1 : -1;
    b[i] = -extrema[i].error;
  }
  if (!Solve(a, b)) return false;
  for (double factor = 1; factor > 0.1; factor /= 2) {
    Program next = program;
    for (std::size_t j = 0; j < n; ++j) {
      next.coefficients[j] += factor * static_cast<double>(b[j]);
    }
    const double next_error = FineError(next);
    if (next_error < error) {
      const bool goes_on = next_error < 0.9999 * error;
      program = next;
      error = next_error;
      return goes_on;
    }
  }
  return false;
}

void Fitter::Exchange(Program& program) {
  double error = FineError(program);
  for (int step = 0; step < 12; ++step) {
    if (!ExchangeStep(program, error)) break;
  }
}

}  // namespace nibble::sweep
