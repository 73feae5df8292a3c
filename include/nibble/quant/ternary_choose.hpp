// Two bits or base 3? Base 3 takes a fifth less memory and more instructions:
// it is faster where weights come from memory or a slow cache, and slower from
// a fast one. Which holds depends on the machine and on how much of it the
// weights take: so both are measured.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nibble/core/check.hpp"
#include "nibble/quant/ternary_gemm.hpp"

namespace nibble {

// Weights per second in products with one token, on one thread.
struct TernarySpeed {
  double two_bits = 0;
  double base3 = 0;

  constexpr TernaryPacking faster() const {
    return base3 > two_bits ? TernaryPacking::kBase3 : TernaryPacking::kTwoBits;
  }
  bool operator==(const TernarySpeed&) const = default;
};

#if NIBBLE_ENTRY_POINTS
inline namespace NIBBLE_ABI {

namespace ternary_calls {

// Weights per second over `weights` of them, all of one matrix with rows of k:
// the fastest of three passes, after one that brings them where they stay.
inline double SpeedOf(TernaryPacking packing, std::size_t weights,
                      std::size_t k) {
  using Clock = std::chrono::steady_clock;
  const std::size_t n = std::max<std::size_t>(weights / k, 1);
  const std::vector<float> scales(n, 1.0f);
  const TernaryMatrix w =
      ternary_internal::EmptyTernary(n, k, k, packing, scales);
  const std::vector<std::int8_t> q(k, 1);
  std::vector<std::int32_t> sums(n);
  double best = 0;
  for (int pass = 0; pass < 4; ++pass) {
    const auto begin = Clock::now();
    TernaryGemm(w, 1, q, sums);
    const std::chrono::duration<double> seconds = Clock::now() - begin;
    if (pass > 0) {
      best = std::max(
          best, static_cast<double>(n * k) / std::max(seconds.count(), 1e-9));
    }
  }
  return best;
}

}  // namespace ternary_calls

// Measures both packings on as many weights as a model has; of more than 2^30,
// 2^30 stand for all (256 MiB). Takes up to about a second.
//
// Domain   k: the length of a row, as the model's matrices have it.
// Errors   std::invalid_argument if either is 0.
inline TernarySpeed MeasureTernary(std::size_t weights, std::size_t k = 4096) {
  NIBBLE_CHECK("MeasureTernary", weights > 0);
  NIBBLE_CHECK("MeasureTernary", k > 0 && k <= ternary_calls::kMaxTernaryK);
  const std::size_t some = std::min(weights, std::size_t{1} << 30);
  return {ternary_calls::SpeedOf(TernaryPacking::kTwoBits, some, k),
          ternary_calls::SpeedOf(TernaryPacking::kBase3, some, k)};
}

}  // namespace NIBBLE_ABI
#endif  // NIBBLE_ENTRY_POINTS

}  // namespace nibble
