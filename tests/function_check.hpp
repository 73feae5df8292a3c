// What the tests of elementary functions share: inputs, and the comparison of
// array forms with their specification.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "quant_inputs.hpp"

namespace nibble::functions {

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Every kind of float, and those around which these functions change.
inline std::vector<float> Edges() {
  std::vector<float> edges = {0.0f,      -0.0f,      kInf,      -kInf,
                              kNaN,      -kNaN,      0x1p-149f, -0x1p-149f,
                              0x1p-126f, -0x1p-126f, 3.4e38f,   -3.4e38f};
  for (const float x :
       {1.0f,        0.5f,     2.0f,      4.0f,      0.70710678f, 1.41421356f,
        0x1p125f,    0x1p126f, 0x1p-125f, 0x1p-126f, 128.0f,      129.0f,
        150.0f,      151.0f,   126.0f,    88.72284f, 89.5f,       87.33655f,
        103.97208f,  104.5f,   9.01f,     14.5f,     20.0f,       0.34657359f,
        0.69314718f, 0x1p22f,  0x1p23f,   0x1.8p23f, 0x1p31f}) {
    for (const float y :
         {std::nextafter(x, 0.0f), x, std::nextafter(x, kInf)}) {
      edges.push_back(y);
      edges.push_back(-y);
    }
  }
  return edges;
}

// Edges, any bits, and ordinary values.
inline std::vector<float> Inputs(std::size_t count, unsigned seed) {
  const std::vector<float> edges = Edges();
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> out(count);
  for (float& x : out) {
    const auto bits = static_cast<std::uint32_t>(rng());
    switch (rng() % 4) {
      case 0:
        x = edges[bits % edges.size()];
        break;
      case 1:
        x = std::bit_cast<float>(bits);
        break;
      default:
        x = normal(rng);
    }
  }
  return out;
}

// Equal bits, or both NaN.
inline bool Same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (a != a && b != b);
}

// array(x, out) is scalar(x[i]) for each i: for many sizes, with a guard
// behind, in place, and with nothing special among ordinary values.
template <class Array, class Scalar>
void ExpectSpec(const Array& array, const Scalar& scalar) {
  for (const std::size_t n : inputs::kSizes) {
    std::vector<float> x = Inputs(n, static_cast<unsigned>(n) + 7);
    if (n % 2 == 0) {  // whole vectors without a special case
      for (float& v : x) v = std::isfinite(v) ? 1 + std::abs(v) * 0x1p-120f : 2;
    }
    std::vector<float> out(n + 1, 77.0f);
    array(std::span<const float>(x), std::span(out).first(n));
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_TRUE(Same(out[i], scalar(x[i])))
          << "n=" << n << " x=" << x[i] << " found " << out[i] << " expected "
          << scalar(x[i]);
    }
    ASSERT_EQ(out[n], 77.0f) << "wrote past the end";
    std::vector<float> inside = x;
    array(std::span<const float>(inside), std::span(inside));
    for (std::size_t i = 0; i < n; ++i) ASSERT_TRUE(Same(inside[i], out[i]));
  }
  const std::vector<float> edges = Edges();
  std::vector<float> out(edges.size());
  array(std::span<const float>(edges), std::span(out));
  for (std::size_t i = 0; i < edges.size(); ++i) {
    ASSERT_TRUE(Same(out[i], scalar(edges[i])))
        << edges[i] << " found " << out[i] << " expected " << scalar(edges[i]);
  }
}

// |y - exact| in units of the last place that float32 has at exact.
inline double Ulps(float y, double exact) {
  int exponent = 0;
  std::frexp(exact, &exponent);
  return std::abs(y - exact) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

struct Errors {
  double ulps = 0, relative = 0;  // the latter for normal results
  float at = 0;                   // where ulps is
};

// The largest errors over floats from `low` to `high`, each `step`-th encoding
// of either sign. Results that are not finite must be those of exact, rounded.
template <class Array, class Exact>
Errors Measure(const Array& array, const Exact& exact, float low, float high,
               std::uint64_t step) {
  Errors worst;
  std::vector<float> x, y;
  const auto flush = [&] {
    y.resize(x.size());
    array(std::span<const float>(x), std::span(y));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double e = exact(static_cast<double>(x[i]));
      const auto rounded = static_cast<float>(e);
      if (!std::isfinite(rounded) || !std::isfinite(y[i])) {
        // Overflow may come a unit early or late.
        const bool close = std::abs(rounded) > 0x1.fffffcp127f &&
                           std::abs(y[i]) > 0x1.fffffcp127f;
        EXPECT_TRUE(Same(rounded, y[i]) || close) << x[i] << " " << y[i];
        continue;
      }
      const double ulps = Ulps(y[i], e);
      if (ulps > worst.ulps) worst.ulps = ulps, worst.at = x[i];
      if (std::abs(e) >= 0x1p-126) {
        worst.relative = std::max(worst.relative, std::abs(y[i] / e - 1));
      }
    }
    x.clear();
  };
  for (const float sign : {1.0f, -1.0f}) {
    const float from = std::max(sign > 0 ? low : -high, 0.0f);
    const float to = (sign > 0 ? high : -low) + 0.0f;  // not -0
    if (!(from <= to)) continue;
    const std::uint64_t last = std::bit_cast<std::uint32_t>(to);
    for (std::uint64_t bits = std::bit_cast<std::uint32_t>(from); bits <= last;
         bits += step) {
      const auto magnitude = static_cast<std::uint32_t>(bits);
      x.push_back(sign * std::bit_cast<float>(magnitude));
      if (x.size() == 4096) flush();
    }
  }
  flush();
  return worst;
}

}  // namespace nibble::functions
