// What one task of Attention computes: some tokens' heads that share keys.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "nibble/core/aligned.hpp"
#include "nibble/nn/attention.hpp"

namespace nibble::nn {

// Rows are numbered token by token, the heads of the group together.
struct AttentionPiece {
  const AttentionShape& shape;
  std::size_t kv_head;
  std::size_t first, tokens;  // of q
  std::size_t past;           // keys before q's first token
  std::size_t keys;           // that the last of the tokens sees
  const float* q;             // the whole arrays
  const float* k;
  const float* v;
  float* out;

  std::size_t rows() const { return tokens * shape.group(); }
  // Keys that a row sees.
  std::size_t visible(std::size_t row) const {
    return past + first + row / shape.group() + 1;
  }
  float scale() const {
    return 1.0f / std::sqrt(static_cast<float>(shape.head_dim));
  }
  const float* query(std::size_t row) const { return q + At(row); }
  float* result(std::size_t row) const { return out + At(row); }

  // [keys, head_dim]
  std::vector<float> Keys() const {
    std::vector<float> plain(keys * shape.head_dim);
    for (std::size_t j = 0; j < keys; ++j) {
      std::copy_n(k + j * shape.kv_channels() + kv_head * shape.head_dim,
                  shape.head_dim, plain.data() + j * shape.head_dim);
    }
    return plain;
  }
  // [head_dim, n], of the first n tokens
  std::vector<float> ValuesTransposed(std::size_t n) const {
    std::vector<float> plain(shape.head_dim * n);
    for (std::size_t j = 0; j < n; ++j) {
      const float* from =
          v + j * shape.kv_channels() + kv_head * shape.head_dim;
      for (std::size_t c = 0; c < shape.head_dim; ++c) {
        plain[c * n + j] = from[c];
      }
    }
    return plain;
  }

 private:
  std::size_t At(std::size_t row) const {
    const std::size_t head = kv_head * shape.group() + row % shape.group();
    return (first + row / shape.group()) * shape.channels() +
           head * shape.head_dim;
  }
};

}  // namespace nibble::nn
