#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numbers>

#include "nibble/core/check.hpp"
#include "nibble/sweep/fit.hpp"

namespace nibble::sweep {
namespace {

using Real = long double;

constexpr double kNone = -std::numeric_limits<double>::infinity();
constexpr double kInf = std::numeric_limits<double>::infinity();

const Target kTargets[] = {
    {"exp2", [](Real x) { return std::exp2(x); }, kNone, false},
    {"exp", [](Real x) { return std::exp(x); }, kNone, false},
    {"log2", [](Real x) { return std::log2(x); }, 0, false},
    {"rsqrt", [](Real x) { return 1 / std::sqrt(x); }, 0, false},
    {"reciprocal", [](Real x) { return 1 / x; }, kNone, true},
    {"sqrt", [](Real x) { return std::sqrt(x); }, 0, false},
    {"tanh", [](Real x) { return std::tanh(x); }, kNone, false},
    {"sigmoid", [](Real x) { return 1 / (1 + std::exp(-x)); }, kNone, false},
    {"silu", [](Real x) { return x / (1 + std::exp(-x)); }, kNone, false},
    {"gelu",
     [](Real x) { return x / 2 * std::erfc(-x / std::numbers::sqrt2_v<Real>); },
     kNone, false},
    {"erf", [](Real x) { return std::erf(x); }, kNone, false},
    {"sin", [](Real x) { return std::sin(x); }, kNone, false},
    {"cos", [](Real x) { return std::cos(x); }, kNone, false},
};

const Target& FindTarget(std::string_view name) {
  const auto found = std::ranges::find(kTargets, name, &Target::name);
  if (found == std::end(kTargets)) {
    std::string known;
    for (const Target& t : kTargets) {
      known += (known.empty() ? "" : ", ") + std::string(t.name);
    }
    throw InputError("search-function", "target", std::string(name), known);
  }
  return *found;
}

std::string Text(double lo, double hi) { return Number(lo) + "," + Number(hi); }

[[noreturn]] void RefuseDomain(double lo, double hi, const std::string& why) {
  throw InputError("search-function", "domain", Text(lo, hi), why);
}

void CheckDomain(const Target& target, double lo, double hi,
                 Precision precision) {
  if (!std::isfinite(lo) || !std::isfinite(hi)) {
    RefuseDomain(lo, hi, "two finite numbers");
  }
  if (!(lo < hi)) RefuseDomain(lo, hi, "the smaller number first");
  const std::string name(target.name);
  if (lo <= target.above) {
    RefuseDomain(lo, hi,
                 "numbers above " + Number(target.above) + " for " + name);
  }
  if (target.pole_at_0 && lo <= 0 && hi >= 0) {
    RefuseDomain(lo, hi, "an interval without 0, the pole of " + name);
  }
  const bool narrow = precision == Precision::kF32;
  const double smallest = narrow ? 0x1p-126 : 0x1p-1022;
  const double largest = narrow ? 0x1p127 : 0x1p1023;
  for (const double x : {lo, hi}) {
    const Real y = std::abs(target.value(x));
    const bool zero = y == 0 && x == 0;
    if (!zero && !(y >= smallest && y <= largest)) {
      RefuseDomain(lo, hi, "values of " + name + " that are normal numbers");
    }
  }
}

}  // namespace

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.17g", value);
  for (int digits = 1; digits < 17; ++digits) {
    char shorter[40];
    std::snprintf(shorter, sizeof(shorter), "%.*g", digits, value);
    if (std::strtod(shorter, nullptr) == value) return shorter;
  }
  return text;
}

std::span<const Target> Targets() { return kTargets; }

Problem::Problem(std::string_view target, double lo, double hi,
                 Precision precision)
    : target_(&FindTarget(target)), lo_(lo), hi_(hi), precision_(precision) {
  CheckDomain(*target_, lo, hi, precision);
  const auto fill = [this](Block* blocks, std::size_t points) {
    std::vector<Sample> samples = Samples(points);
    samples.resize(std::max<std::size_t>(points, Batch::kPoints),
                   samples.back());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      Block& block = blocks[i / Batch::kPoints];
      block.x[i % Batch::kPoints] = samples[i].x;
      block.y[i % Batch::kPoints] = static_cast<double>(samples[i].y);
    }
  };
  fill(fine_.data(), kBlocks * Batch::kPoints);
  fill(&middle_, Batch::kPoints);
  fill(&coarse_, Batch::kPoints / 2);
  quick_ = Samples(kBlocks * Batch::kPoints);
}

// In growing order, without those where the function is 0.
std::vector<Problem::Sample> Problem::Samples(std::size_t points) const {
  std::vector<Sample> samples;
  const auto add = [&](double x) {
    if (precision_ == Precision::kF32) x = static_cast<float>(x);
    const Real y = target_->value(x);
    if (y != 0) samples.push_back({x, y});
  };
  for (std::size_t i = points; i > 0; --i) {
    const double angle = std::numbers::pi * (static_cast<double>(i) - 0.5) /
                         static_cast<double>(points);
    add(std::clamp((lo_ + hi_) / 2 + (hi_ - lo_) / 2 * std::cos(angle), lo_,
                   hi_));
  }
  return samples;
}

template <class T>
double Problem::ErrorAt(const Program& program,
                        std::span<const Sample> samples) const {
  Real worst = 0;
  const auto look = [&](T x, Real y) {
    const Real error =
        std::abs((static_cast<Real>(ValueAt<T>(program, x)) - y) / y);
    if (!(error <= worst)) worst = error < kInf ? error : Real{kInf};
  };
  for (const Sample& s : samples) look(static_cast<T>(s.x), s.y);
  for (const double end : {lo_, hi_}) {
    const auto x = static_cast<T>(end);
    const Real y = target_->value(static_cast<Real>(x));
    if (y != 0) look(x, y);
  }
  return static_cast<double>(worst);
}

double Problem::MeasureError(const Program& program, std::size_t points) const {
  const std::vector<Sample> samples = Samples(points);
  return precision_ == Precision::kF32 ? ErrorAt<float>(program, samples)
                                       : ErrorAt<double>(program, samples);
}

double Problem::QuickError(const Program& program) const {
  return precision_ == Precision::kF32 ? ErrorAt<float>(program, quick_)
                                       : ErrorAt<double>(program, quick_);
}

}  // namespace nibble::sweep
