// Minimization without derivatives: the covariance matrix adaptation evolution
// strategy, with a Cholesky factor in the place of the matrix root.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace nibble::sweep {

// Random numbers whose bits are the same on every machine (SplitMix64; Steele,
// Lea, Flood, OOPSLA 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Bits() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  // In [0, n); n > 0 and far below 2^32.
  std::size_t Below(std::size_t n) { return (Bits() >> 32) * n >> 32; }
  // In [0, 1).
  double Uniform() { return static_cast<double>(Bits() >> 11) * 0x1p-53; }
  // Mean 0, variance 1, a bell: the sum of four uniform numbers, so that no
  // libm decides its bits.
  double Bell();

 private:
  std::uint64_t state_;
};

struct CmaOptions {
  std::size_t generations = 50;
  double stop = 0;  // good enough
};

struct Minimum {
  std::vector<double> x;
  double value = 0;
};

// The best x found from `mean`, with steps of about `scale` at first. f is
// compared only: any growing function of it gives the same course. NaN counts
// as infinity.
//
// Shapes   mean, scale: [n], n >= 1; scale > 0.
// Cost     4 + 3 ln n values of f a generation, and n^3 / 6 products.
// Source   Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772;
//          the path of the step size in the coordinates of the Cholesky factor
//          as Krause, Arbones, Igel, NIPS 2016.
Minimum MinimizeCma(const std::function<double(std::span<const double>)>& f,
                    std::span<const double> mean, std::span<const double> scale,
                    const CmaOptions& options, Random& random);

}  // namespace nibble::sweep
