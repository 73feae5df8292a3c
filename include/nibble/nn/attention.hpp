// Causal attention with grouped queries over all tokens so far.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "nibble/core/executor.hpp"
#include "nibble/nn/product.hpp"

namespace nibble::nn {

struct AttentionShape {
  std::size_t heads = 1;     // of queries
  std::size_t kv_heads = 1;  // of keys and values; divides heads
  std::size_t head_dim = 1;

  std::size_t group() const { return heads / kv_heads; }
  std::size_t channels() const { return heads * head_dim; }
  std::size_t kv_channels() const { return kv_heads * head_dim; }
};

// The specification, in double: one query against keys and values 0, ...,
// keys.size() / head_dim - 1.
//
//     s[j]   = q · k[j] / sqrt(head_dim)
//     p[j]   = exp(s[j] - max s) / sum over j of exp(s[j] - max s)
//     out[c] = sum over j of p[j] * v[j, c]
//
// Shapes   q: [head_dim], keys, values: [tokens, head_dim].
// Source   Vaswani et al., arXiv:1706.03762.
std::vector<double> AttendExactly(std::span<const float> q,
                                  std::span<const float> keys,
                                  std::span<const float> values);

// The same in float32 for every head of the last tokens of a sequence: token t
// of `q` is token past + t, and sees keys 0, ..., past + t. Head h reads the
// keys and values of head h / group().
//
// Shapes   q, out: [tokens, channels()], keys, values: [past + tokens,
//          kv_channels()]; q and keys already rotated.
// Error    of s: head_dim * 2^-24 * sum|q * k| / sqrt(head_dim), which is a
//          relative error of p; then (3 * keys) * 2^-24 * sum p * |v|.
//          A token's bits depend neither on the other tokens of q nor on the
//          executor; but a value that is not finite reaches earlier tokens.
// Errors   std::invalid_argument if a size disagrees.
void Attention(const AttentionShape& shape, std::size_t past,
               std::span<const float> q, std::span<const float> keys,
               std::span<const float> values, std::span<float> out,
               const Executor& executor = {});

// The same where q k^T or p v are computed by other means: products.qk gets
// q [rows, head_dim] and k [keys, head_dim] and is then scaled; products.av
// gets p [group, keys] of one token and v^T [head_dim, keys], or where it skips
// zeros p [rows, keys] of several. p is a softmax of floats.
void Attention(const AttentionShape& shape, std::size_t past,
               std::span<const float> q, std::span<const float> keys,
               std::span<const float> values, std::span<float> out,
               const Products& products, const Executor& executor = {});

}  // namespace nibble::nn
