// What the error of a product is on uniform mantissas, from its formula alone:
// operands uniform in [1, 2), of all bits. Measured values stand beside these.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "nibble/arith/multiplier.hpp"

namespace nibble {

// The relative error of a product, on operands that have its bits.
struct ClosedForm {
  std::optional<double> mean;  // on uniform mantissas
  double low, high;            // of any operands
};

// E over a, b uniform in [0, 1) of p(a + b + d) / ((1 + a)(1 + b)) - 1, p the
// integer addition's: 1 + s, 2 s, 4 (s - 1) for s below 1, 2, 3.
//
// The integral over b is elementary on each piece; that over a is summed by
// Gauss's rule of five points on 64 parts of each of the two intervals between
// which the pieces change, which leaves less than 1e-13.
//
// Domain   0 <= d < 1.
inline double LMulMeanRelative(double d) {
  // Integral of factor * (c + b) / (1 + b) over b in [from, to].
  const auto piece = [](double factor, double c, double from, double to) {
    if (from >= to) return 0.0;
    return factor * ((to - from) + (c - 1) * std::log((1 + to) / (1 + from)));
  };
  const auto inner = [&](double a) {
    const double one = std::clamp(1 - a - d, 0.0, 1.0);  // b where s = 1
    const double two = std::clamp(2 - a - d, 0.0, 1.0);
    return (piece(1, 1 + a + d, 0, one) + piece(2, a + d, one, two) +
            piece(4, a + d - 1, two, 1)) /
           (1 + a);
  };
  constexpr double kAt[] = {0, 0.5384693101056831, 0.9061798459386640};
  constexpr double kWeight[] = {0.5688888888888889, 0.4786286704993665,
                                0.2369268850561891};
  constexpr int kParts = 64;
  double sum = 0;
  for (const auto& [from, to] :
       {std::pair{0.0, 1 - d}, std::pair{1 - d, 1.0}}) {
    const double half = (to - from) / (2 * kParts);
    for (int i = 0; i < kParts; ++i) {
      const double middle = from + (2 * i + 1) * half;
      sum += half * kWeight[0] * inner(middle);
      for (int j = 1; j < 3; ++j) {
        sum += half * kWeight[j] *
               (inner(middle - half * kAt[j]) + inner(middle + half * kAt[j]));
      }
    }
  }
  return sum - 1;
}

// E of (1 + a + b + d) / ((1 + a)(1 + b)) - 1.
inline double LMulFormulaMeanRelative(double d) {
  constexpr double kLn2 = std::numbers::ln2;
  return d * kLn2 * kLn2 - 1 - kLn2 * kLn2 + 2 * kLn2;
}

// Nothing for multipliers of bytes, and where operands are cut to fewer bits.
inline std::optional<ClosedForm> ClosedFormOf(const Multiplier& multiplier) {
  using enum MultiplierKind;
  const LMulParams& p = multiplier.lmul();
  const double d = std::ldexp(p.correction, -23);
  const bool whole = p.operand == OperandRule{};
  switch (multiplier.kind()) {
    case kExact:
      return ClosedForm{0, 0, 0};
    case kLMul:
    case kMitchell:
    case kPam:
      if (!whole) return std::nullopt;
      return ClosedForm{LMulMeanRelative(d), 8 / ((3 - d) * (3 - d)) - 1, d};
    case kLMulFormula:
      if (!whole) return std::nullopt;
      return ClosedForm{LMulFormulaMeanRelative(d), (d - 1) / 4, d};
    case kDrum: {
      const double u = std::ldexp(1.0, 1 - multiplier.name().k);
      const double low = (1 + u) / (1 + 2 * u);
      return ClosedForm{std::nullopt, low * low - 1, u * (2 + u)};
    }
    case kPowerOfTwo: {  // E of q / w - 1, q = 1 below the middle m, else 2
      const bool ratio = multiplier.name().variant;
      const double m = ratio ? std::numbers::sqrt2 : 1.5;
      const double mean = std::log(m) + 2 * std::log(2 / m) - 1;
      return ClosedForm{mean, 1 / m - 1, 2 / m - 1};
    }
    case kLns: {  // conversions of half a step each
      const double step = std::exp2(std::ldexp(1.0, -multiplier.name().n));
      return ClosedForm{std::nullopt, 1 / step - 1, step - 1};
    }
    default:
      return std::nullopt;
  }
}

}  // namespace nibble
