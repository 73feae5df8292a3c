// Coefficients of a program for one function on one interval: the largest
// relative error as small as it goes.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/sweep/cmaes.hpp"
#include "nibble/sweep/program.hpp"

namespace nibble::sweep {

// The arithmetic in which a program's error is measured.
enum class Precision : std::uint8_t { kF32, kF64 };

// A function to be approximated: its name, its value, and where it is defined.
struct Target {
  std::string_view name;
  long double (*value)(long double);
  double above;    // defined for x > above
  bool pole_at_0;  // and for x != 0
};

// The shortest decimal that reads back as the same double.
std::string Number(double value);

// exp2, exp, log2, rsqrt, reciprocal, sqrt, tanh, sigmoid, silu, gelu, erf,
// sin, cos.
std::span<const Target> Targets();

// One function on one interval, with the points at which programs are compared.
// Points where the function is 0 are left out: no relative error there.
class Problem {
 public:
  // Errors   InputError if there is no such target (names the nearest), or the
  //          domain is not finite, reversed, holds a pole, or reaches values
  //          that are no normal numbers of the precision.
  Problem(std::string_view target, double lo, double hi, Precision precision);

  const Target& target() const { return *target_; }
  double lo() const { return lo_; }
  double hi() const { return hi_; }
  Precision precision() const { return precision_; }

  // The largest |p(x) - f(x)| / |f(x)| over `points` Chebyshev points and the
  // ends of the domain, p evaluated in the precision, f to 64 bits. Infinity
  // where p is not finite.
  double MeasureError(const Program& program, std::size_t points) const;

  // The same on 256 points, fast.
  double QuickError(const Program& program) const;

  static constexpr std::size_t kBlocks = 4;
  struct Block {
    Batch::Values x, y;
  };
  // 256 Chebyshev points in growing order; 64 of them; and 32.
  const std::array<Block, kBlocks>& fine() const { return fine_; }
  const Block& middle() const { return middle_; }
  const Block& coarse() const { return coarse_; }

 private:
  struct Sample {
    double x;
    long double y;
  };
  std::vector<Sample> Samples(std::size_t points) const;
  template <class T>
  double ErrorAt(const Program& program, std::span<const Sample> samples) const;

  const Target* target_;
  double lo_, hi_;
  Precision precision_;
  std::array<Block, kBlocks> fine_;
  Block middle_, coarse_;
  std::vector<Sample> quick_;
};

struct FitOptions {
  std::size_t random_starts = 1;  // besides the program's own coefficients
  std::size_t generations = 40;   // of the evolution strategy, for each start
  int steps = 60;                 // of least squares, for each start
  double promising = 0;           // polish what is not worse than this
};

struct Fitted {
  Program program;
  double error = 0;  // QuickError
};

// The program with better coefficients: an evolution strategy from each start,
// least squares, then an exchange that levels the largest errors where the
// result is promising.
class Fitter {
 public:
  explicit Fitter(const Problem& problem) : problem_(problem) {}

  Fitted Fit(const Program& program, const FitOptions& options, Random& random);

  // Only the last part: equal extrema of the error, as the minimax
  // approximation has them.
  Fitted Polish(Program program);

 private:
  double CoarseError(const Program& program);
  void LeastPower(Program& program, double power, int steps);
  void FillEquations(const Batch::Values& p, double power, double unit);
  std::optional<Program> Step(const Program& program, double damping) const;
  void Exchange(Program& program);
  double FineError(const Program& program);
  bool ExchangeStep(Program& program, double& error);
  Program Descend(Program program, const FitOptions& options, Random& random);
  Fitted Measured(Program program) const;

  const Problem& problem_;
  Batch batch_;
  std::vector<Batch::Values> slopes_;
  std::vector<long double> matrix_, right_;
};

}  // namespace nibble::sweep
