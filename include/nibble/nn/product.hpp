// The products of a network that may be computed by other means, and where.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

namespace nibble::nn {

struct ProductShape {
  std::size_t m, n, k;
};

// out[m, n] = sum over k of a[m, k] times b[n, k], where "times" and the sum
// are the product's own; a is an activation and the first factor.
//
// Shapes   a: [m, k], b: [n, k], out: [m, n], all row-major.
using PlainProduct =
    std::function<void(const ProductShape& shape, std::span<const float> a,
                       std::span<const float> b, std::span<float> out)>;

// The same with b bound: packed once, used often, by several threads.
using BoundProduct = std::function<void(std::size_t m, std::span<const float> a,
                                        std::span<float> out)>;
struct MatrixProduct {
  std::function<BoundProduct(std::size_t n, std::size_t k,
                             std::span<const float> b)>
      bind = {};
  // Whether a[m, k] = 0 takes b[n, k] out of the sum as if it were not there:
  // then attention can be computed for many tokens at once.
  bool skips_zeros = false;

  explicit operator bool() const { return static_cast<bool>(bind); }
};

// A product that has no packed form: it keeps a copy of b.
MatrixProduct Unpacked(const PlainProduct& product);

// Empty functions stand for the exact product in float.
struct Products {
  MatrixProduct conv;   // images with a convolution's weights
  MatrixProduct dense;  // activations with a linear layer's weights
  MatrixProduct qk;     // queries with keys
  MatrixProduct av;     // attention's weights with values

  bool any() const { return conv || dense || qk || av; }
};

// `product` in the places that `where` names: all, conv, dense, attention (qk
// and av), qk or av; several joined by "+" or "|".
//
// Errors   InputError that lists these for another name.
Products ProductsWhere(const MatrixProduct& product, std::string_view where);

}  // namespace nibble::nn
