#include "nibble/sweep/fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "src/sweep/solve.hpp"

namespace nibble::sweep {
namespace {

using Real = long double;

// Sums in eight lanes, which compilers vectorize.
double Dot(const Batch::Values& a, const Batch::Values& b) {
  std::array<double, 8> sums = {};
  for (std::size_t i = 0; i < Batch::kPoints; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += a[i + j] * b[i + j];
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
         ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

// To 64 bits: where coefficients do about the same, the normal equations would
// lose 53. Four sums hide the latency of the additions.
Real ExactDot(const Batch::Values& a, const Batch::Values& b) {
  std::array<Real, 4> sums = {};
  for (std::size_t i = 0; i < Batch::kPoints; i += 4) {
    for (std::size_t j = 0; j < 4; ++j) sums[j] += Real{a[i + j]} * b[i + j];
  }
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

// Sum of |r / unit|^power.
double PowerSum(const Batch::Values& p, const Batch::Values& y, double power,
                double unit) {
  Batch::Values r;
  for (std::size_t i = 0; i < Batch::kPoints; ++i) {
    r[i] = (p[i] - y[i]) / (y[i] * unit);
    if (power != 2) r[i] = std::pow(std::abs(r[i]), power / 2);
  }
  return Dot(r, r);
}

}  // namespace

double Fitter::CoarseError(const Program& program) {
  const auto& block = problem_.coarse();
  constexpr std::size_t kCount = Batch::kPoints / 2;
  return Largest(batch_.Evaluate(program, block.x, kCount), block.y, kCount);
}

// The normal equations of a step towards the least sum of |error|^power, from
// values p and slopes_ at the middle points.
void Fitter::FillEquations(const Batch::Values& p, double power, double unit) {
  const Batch::Values& y = problem_.middle().y;
  const std::size_t n = slopes_.size();
  Batch::Values r;
  for (std::size_t i = 0; i < Batch::kPoints; ++i) {
    r[i] = (p[i] - y[i]) / y[i];
    const double root =
        power == 2 ? 1 : std::pow(std::abs(r[i]) / unit, power / 2 - 1);
    for (std::size_t j = 0; j < n; ++j) slopes_[j][i] *= root / y[i];
    r[i] *= root / (power - 1);
  }
  matrix_.resize(n * n);
  right_.resize(n);
  for (std::size_t j = 0; j < n; ++j) {
    right_[j] = -ExactDot(slopes_[j], r);
    for (std::size_t k = 0; k <= j; ++k) {
      matrix_[j * n + k] = matrix_[k * n + j] =
          ExactDot(slopes_[j], slopes_[k]);
    }
  }
}

// The program after the step that the equations give under this damping.
std::optional<Program> Fitter::Step(const Program& program,
                                    double damping) const {
  const std::size_t n = right_.size();
  std::vector<Real> m = matrix_, delta = right_;
  for (std::size_t j = 0; j < n; ++j) {
    m[j * n + j] += damping * m[j * n + j] + Real{1e-300};
  }
  if (!Solve(m, delta)) return std::nullopt;
  Program next = program;
  for (std::size_t j = 0; j < n; ++j) {
    next.coefficients[j] += static_cast<double>(delta[j]);
  }
  return next;
}

// Levenberg and Marquardt's steps towards the least sum of |error|^power; a
// large power comes near the largest error.
void Fitter::LeastPower(Program& program, double power, int steps) {
  const auto& [x, y] = problem_.middle();
  // Where coefficients nearly make up for each other, only the last digits of
  // the damping tell the way: begin without.
  double damping = 1e-18;
  Batch::Values p = batch_.Evaluate(program, x, Batch::kPoints);
  const double unit = Largest(p, y, Batch::kPoints);
  if (!(unit < kInf) || unit == 0) return;
  double sum = PowerSum(p, y, power, unit);
  int stalls = 0;
  for (int step = 0; step < steps && stalls < 8; ++step) {
    batch_.Evaluate(program, x, Batch::kPoints);
    batch_.Differentiate(program, slopes_);
    FillEquations(p, power, unit);
    bool better = false;
    for (int attempt = 0; attempt < 24 && !better; ++attempt) {
      const auto next = Step(program, damping);
      const double next_sum =
          next ? PowerSum(batch_.Evaluate(*next, x, Batch::kPoints), y, power,
                          unit)
               : kInf;
      better = next_sum < sum;
      damping *= better ? 0.1 : 8;
      if (!better) continue;
      stalls = next_sum < 0.9999 * sum ? 0 : stalls + 1;
      program = *next;
      p = batch_.Evaluate(program, x, Batch::kPoints);
      sum = next_sum;
    }
    if (!better) return;
  }
}

// With coefficients of the problem's precision.
Fitted Fitter::Measured(Program program) const {
  if (problem_.precision() == Precision::kF32) {
    for (double& c : program.coefficients) c = static_cast<float>(c);
  }
  const double error = problem_.QuickError(program);
  return {std::move(program), error};
}

Fitted Fitter::Polish(Program program) {
  if (!program.coefficients.empty()) {
    LeastPower(program, 8, 10);
    LeastPower(program, 32, 10);
    Exchange(program);
  }
  return Measured(std::move(program));
}

// From these coefficients: the evolution strategy, then least squares.
Program Fitter::Descend(Program program, const FitOptions& options,
                        Random& random) {
  const std::size_t n = program.coefficients.size();
  std::vector<double> scale(n);
  for (std::size_t k = 0; k < n; ++k) {
    scale[k] = 0.3 * std::max(std::abs(program.coefficients[k]), 0.1);
  }
  const std::vector<double> from = program.coefficients;
  const auto error_at = [&](std::span<const double> c) {
    program.coefficients.assign(c.begin(), c.end());
    return CoarseError(program);
  };
  program.coefficients =
      MinimizeCma(error_at, from, scale, {.generations = options.generations},
                  random)
          .x;
  LeastPower(program, 2, options.steps);
  return program;
}

Fitted Fitter::Fit(const Program& program, const FitOptions& options,
                   Random& random) {
  Fitted best = Measured(program);
  Program best_unrounded = program;
  const auto look = [&](const Program& trial) {
    Fitted fitted = Measured(trial);
    if (fitted.error < best.error) {
      best = std::move(fitted);
      best_unrounded = trial;
    }
  };
  if (program.coefficients.empty()) return best;
  look(Descend(program, options, random));
  for (std::size_t start = 0; start < options.random_starts; ++start) {
    Program trial = program;
    // Powers of an expression have coefficients of other sizes: two of three
    // starts double some of the program's own, or halve them.
    const bool rescale = start % 3 != 0;
    const int way = random.Below(4) == 0 ? -1 : 1;
    for (double& c : trial.coefficients) {
      const int twice = way * static_cast<int>(random.Below(3));
      c = rescale ? std::ldexp(c, twice)
                  : std::ldexp(random.Uniform() - 0.5,
                               static_cast<int>(random.Below(15)) - 1);
    }
    look(Descend(trial, options, random));
  }
  if (best.error < options.promising) {
    Fitted polished = Polish(best_unrounded);
    if (polished.error < best.error) best = std::move(polished);
  }
  return best;
}

}  // namespace nibble::sweep
