// The next token, chosen from logits.
#pragma once

#include <cstdint>
#include <span>

namespace nibble::nn {

struct Sampling {
  double temperature = 0;  // 0: the largest logit, the first of equal ones
  double top_p = 1;  // draw from the likeliest tokens of this much together
  std::uint64_t seed = 1;
};

// Token `index` of a text under `sampling`: the same for the same arguments.
//
//     p = softmax(logits / temperature), in double
//
// of which the likeliest tokens (the lower number first of equal ones) are kept
// until their sum is at least top_p, and one of those is drawn by word `index`
// of the seed's random bits.
//
// Domain   temperature >= 0, 0 < top_p <= 1; a logit that is NaN is never
//          drawn.
// Errors   std::invalid_argument outside, or where there is no logit.
// Source   top-p: Holtzman et al., arXiv:1904.09751.
int SampleToken(std::span<const float> logits, const Sampling& sampling,
                std::uint64_t index);

}  // namespace nibble::nn
