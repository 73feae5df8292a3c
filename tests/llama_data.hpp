// Small models of random weights, for tests of language models.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace nibble::testing {

struct TinyLlama {
  std::int32_t dim = 24, hidden = 27, layers = 2, heads = 4, kv_heads = 2,
               vocab = 37, context = 150;
};

// A llama2.c file. Everything that can differ does: grouped queries, a hidden
// size and a vocabulary that fill no vector, heads of six channels.
inline std::vector<std::byte> TinyFile(const TinyLlama& t, unsigned seed) {
  std::vector<std::byte> out;
  const auto append = [&](const auto& value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  for (const std::int32_t v :
       {t.dim, t.hidden, t.layers, t.heads, t.kv_heads, t.vocab, t.context}) {
    append(v);
  }
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal;
  const auto floats = [&](std::int32_t n, float scale, float shift = 0) {
    for (std::int32_t i = 0; i < n; ++i) append(normal(rng) * scale + shift);
  };
  const std::int32_t kv = t.dim / t.heads * t.kv_heads;
  const float in = 1 / std::sqrt(static_cast<float>(t.dim));
  floats(std::abs(t.vocab) * t.dim, 0.7f);
  floats(t.layers * t.dim, 0.1f, 1);
  floats(t.layers * t.dim * t.dim, in);
  floats(t.layers * kv * t.dim, in);
  floats(t.layers * kv * t.dim, in);
  floats(t.layers * t.dim * t.dim, in);
  floats(t.layers * t.dim, 0.1f, 1);
  floats(t.layers * t.hidden * t.dim, in);
  floats(t.layers * t.dim * t.hidden, in);
  floats(t.layers * t.hidden * t.dim, in);
  floats(t.dim, 0.1f, 1);
  floats(t.context * (t.dim / t.heads), 100);  // nobody reads these
  if (t.vocab < 0) floats(-t.vocab * t.dim, in);
  return out;
}

inline std::vector<int> RandomTokens(std::size_t n, std::size_t vocab,
                                     unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<int> tokens(n);
  for (int& token : tokens) token = static_cast<int>(rng() % vocab);
  return tokens;
}

}  // namespace nibble::testing
