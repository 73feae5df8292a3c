#include "nibble/nn/generate.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "nibble/core/check.hpp"
#include "nibble/core/random.hpp"

namespace nibble::nn {
namespace {

// The first of the largest; NaN loses against everything.
std::size_t Largest(std::span<const float> logits) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best] || std::isnan(logits[best])) best = i;
  }
  return best;
}

}  // namespace

int SampleToken(std::span<const float> logits, const Sampling& sampling,
                std::uint64_t index) {
  NIBBLE_CHECK("SampleToken", !logits.empty());
  NIBBLE_CHECK("SampleToken", sampling.temperature >= 0);
  NIBBLE_CHECK("SampleToken", sampling.top_p > 0 && sampling.top_p <= 1);
  const std::size_t best = Largest(logits);
  if (sampling.temperature == 0) return static_cast<int>(best);
  std::vector<double> weight(logits.size());
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const double above = double{logits[i]} - double{logits[best]};
    weight[i] = above <= 0 ? std::exp(above / sampling.temperature) : 0;
  }
  std::vector<std::size_t> order(weight.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return weight[a] > weight[b];
  });
  const double all = std::accumulate(weight.begin(), weight.end(), 0.0);
  double kept = 0;
  std::size_t count = 0;
  while (count < order.size() && kept < sampling.top_p * all) {
    kept += weight[order[count++]];
  }
  double draw = RandomBits(sampling.seed, index) * 0x1p-32 * kept;
  for (std::size_t i = 0; i < count; ++i) {
    draw -= weight[order[i]];
    if (draw < 0) return static_cast<int>(order[i]);
  }
  return static_cast<int>(order[0]);
}

}  // namespace nibble::nn
