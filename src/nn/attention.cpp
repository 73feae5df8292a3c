// Kernels and run-time dispatch of nibble/nn/attention.hpp.
#include "nibble/nn/attention.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/nn/attention.cpp"  // from the root
#include <hwy/foreach_target.h>

#include "nibble/core/highway.hpp"
#include <hwy/contrib/math/math-inl.h>
#include "nibble/core/gemm-inl.hpp"
#include "nibble/nn/gemm_f32-inl.hpp"
#include "src/nn/attention_piece.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble::nn {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace target = nibble::HWY_NAMESPACE;

using Wide = hn::ScalableTag<float>;
using Narrow = hn::CappedTag<float, 8>;  // for heads that half fill a tile

// Rows of a piece's queries: token by token, the heads of the group together.
struct QueryRows {
  const AttentionPiece& piece;
  auto operator()(size_t m) const {
    return [this, m](const float** out, size_t) mutable {
      *out = piece.query(m++);
    };
  }
};
struct PlainRows {
  const float* in;
  size_t stride;
  auto operator()(size_t m) const {
    return [row = in + m * stride, this](const float** out, size_t) mutable {
      *out = row;
      row += stride;
    };
  }
};

template <class D, class V>
HWY_INLINE void StoreValid(D d, V v, size_t valid, float* to) {
  if (HWY_LIKELY(valid == hn::Lanes(d))) return hn::StoreU(v, d, to);
  HWY_ALIGN float lanes[hn::MaxLanes(D())];
  hn::Store(v, d, lanes);
  for (size_t i = 0; i < valid; ++i) to[i] = lanes[i];
}

struct StoreScores {
  float* out;
  size_t stride;
  float scale;
  template <class D, class V>
  HWY_INLINE void operator()(D d, V v, size_t m, size_t n, size_t valid) const {
    StoreValid(d, hn::Mul(v, hn::Set(d, scale)), valid, out + m * stride + n);
  }
};
struct StoreHeads {
  const AttentionPiece& piece;
  template <class D, class V>
  HWY_INLINE void operator()(D d, V v, size_t m, size_t n, size_t valid) const {
    StoreValid(d, v, valid, piece.result(m) + n);
  }
};

// p = softmax of s[0, n), in place; zeros from n to end.
void Softmax(float* HWY_RESTRICT s, size_t n, size_t end) {
  const Wide d;
  const size_t N = hn::Lanes(d);
  const size_t whole = n / N * N;
  auto most = hn::Set(d, s[0]);
  for (size_t i = 0; i < whole; i += N) {
    most = hn::Max(most, hn::LoadU(d, s + i));
  }
  float top = hn::GetLane(hn::MaxOfLanes(d, most));
  for (size_t i = whole; i < n; ++i) top = HWY_MAX(top, s[i]);
  const auto tops = hn::Set(d, top);
  auto sums = hn::Zero(d);
  for (size_t i = 0; i < whole; i += N) {
    const auto e = hn::Exp(d, hn::Sub(hn::LoadU(d, s + i), tops));
    hn::StoreU(e, d, s + i);
    sums = hn::Add(sums, e);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  const hn::CappedTag<float, 1> d1;
  for (size_t i = whole; i < n; ++i) {
    s[i] = hn::GetLane(hn::Exp(d1, hn::Set(d1, s[i] - top)));
    sum += s[i];
  }
  const float inverse = 1.0f / sum;
  size_t i = 0;
  for (; i < whole; i += N) {
    hn::StoreU(hn::Mul(hn::LoadU(d, s + i), hn::Set(d, inverse)), d, s + i);
  }
  for (; i < n; ++i) s[i] *= inverse;
  for (; i < end; ++i) s[i] = 0;
}

// scores[m, n] = query m · key n * scale
void Scores(const AttentionPiece& piece, float* scores) {
  const target::GemmF32<Wide> kernel;
  const size_t n = piece.keys, k = piece.shape.head_dim;
  const std::vector<float> plain = piece.Keys();
  AlignedVector<float> packed(target::PackedSize(kernel, n, 1, k));
  target::PackWeights(kernel, plain.data(), n, 1, k, packed.data());
  target::Gemm(kernel, {piece.rows(), n, 1, k}, QueryRows{piece}, packed.data(),
               StoreScores{scores, n, piece.scale()}, {});
}

template <class D>
void MixWith(const AttentionPiece& piece, const float* p) {
  const target::GemmF32<D> kernel;
  const size_t n = piece.shape.head_dim, k = piece.keys;
  const std::vector<float> plain = piece.ValuesTransposed(k);
  AlignedVector<float> packed(target::PackedSize(kernel, n, 1, k));
  target::PackWeights(kernel, plain.data(), n, 1, k, packed.data());
  target::Gemm(kernel, {piece.rows(), n, 1, k}, PlainRows{p, k}, packed.data(),
               StoreHeads{piece}, {});
}

// result[m, c] = sum over n of p[m, n] * value[n, c]
void Mix(const AttentionPiece& piece, const float* p) {
  if (piece.shape.head_dim <= target::GemmF32<Narrow>().columns()) {
    MixWith<Narrow>(piece, p);
  } else {
    MixWith<Wide>(piece, p);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

#include "nibble/core/check.hpp"

namespace nibble::nn {
HWY_EXPORT(Softmax);
HWY_EXPORT(Scores);
HWY_EXPORT(Mix);

namespace {

// Query tokens that one task takes: enough to use a packed key often, few
// enough that not many scores beyond a token's own are computed.
constexpr std::size_t kTokens = 64;

void ScoresBy(const MatrixProduct& product, const AttentionPiece& piece,
              std::span<float> scores) {
  std::vector<float> q;
  for (std::size_t m = 0; m < piece.rows(); ++m) {
    q.insert(q.end(), piece.query(m), piece.query(m) + piece.shape.head_dim);
  }
  const BoundProduct times_keys =
      product.bind(piece.keys, piece.shape.head_dim, piece.Keys());
  times_keys(piece.rows(), q, scores);
  for (float& s : scores) s *= piece.scale();
}

// Of a product that skips zeros: all rows at once, as their softmax is zero
// beyond what they see.
void MixAtOnce(const MatrixProduct& product, const AttentionPiece& piece,
               std::span<const float> p) {
  const std::size_t head_dim = piece.shape.head_dim;
  std::vector<float> out(piece.rows() * head_dim);
  product.bind(head_dim, piece.keys, piece.ValuesTransposed(piece.keys))(
      piece.rows(), p, out);
  for (std::size_t m = 0; m < piece.rows(); ++m) {
    std::copy_n(out.data() + m * head_dim, head_dim, piece.result(m));
  }
}

// Of another one token by token: not every approximate product with zero is
// zero, and scales must not depend on later tokens.
void MixByToken(const MatrixProduct& product, const AttentionPiece& piece,
                std::span<const float> p) {
  const std::size_t group = piece.shape.group();
  const std::size_t head_dim = piece.shape.head_dim;
  std::vector<float> mine, out(group * head_dim);
  for (std::size_t m = 0; m < piece.rows(); m += group) {
    const std::size_t n = piece.visible(m);
    mine.resize(group * n);
    for (std::size_t g = 0; g < group; ++g) {
      std::copy_n(p.data() + (m + g) * piece.keys, n, mine.data() + g * n);
    }
    product.bind(head_dim, n, piece.ValuesTransposed(n))(group, mine, out);
    for (std::size_t g = 0; g < group; ++g) {
      std::copy_n(out.data() + g * head_dim, head_dim, piece.result(m + g));
    }
  }
}

void RunPiece(const AttentionPiece& piece, const Products& products) {
  std::vector<float> scores(piece.rows() * piece.keys);
  if (products.qk) {
    ScoresBy(products.qk, piece, scores);
  } else {
    HWY_DYNAMIC_DISPATCH(Scores)(piece, scores.data());
  }
  for (std::size_t m = 0; m < piece.rows(); ++m) {
    HWY_DYNAMIC_DISPATCH(Softmax)
    (scores.data() + m * piece.keys, piece.visible(m), piece.keys);
  }
  if (products.av) {
    if (products.av.skips_zeros) {
      MixAtOnce(products.av, piece, scores);
    } else {
      MixByToken(products.av, piece, scores);
    }
  } else {
    HWY_DYNAMIC_DISPATCH(Mix)(piece, scores.data());
  }
}

}  // namespace

std::vector<double> AttendExactly(std::span<const float> q,
                                  std::span<const float> keys,
                                  std::span<const float> values) {
  const std::size_t channels = q.size(), n = keys.size() / channels;
  std::vector<double> p(n), out(channels);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t c = 0; c < channels; ++c) {
      p[j] += double{q[c]} * double{keys[j * channels + c]};
    }
    p[j] /= std::sqrt(static_cast<double>(channels));
  }
  const double most = *std::ranges::max_element(p);
  double sum = 0;
  for (double& v : p) sum += v = std::exp(v - most);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t c = 0; c < channels; ++c) {
      out[c] += p[j] / sum * double{values[j * channels + c]};
    }
  }
  return out;
}

void Attention(const AttentionShape& shape, std::size_t past,
               std::span<const float> q, std::span<const float> keys,
               std::span<const float> values, std::span<float> out,
               const Products& products, const Executor& executor) {
  NIBBLE_CHECK("Attention", shape.kv_heads > 0 && shape.head_dim > 0 &&
                                shape.heads % shape.kv_heads == 0);
  NIBBLE_CHECK("Attention", q.size() % shape.channels() == 0);
  const std::size_t tokens = q.size() / shape.channels();
  NIBBLE_CHECK("Attention",
               keys.size() == (past + tokens) * shape.kv_channels());
  NIBBLE_CHECK("Attention", values.size() == keys.size());
  NIBBLE_CHECK("Attention", out.size() == q.size());
  const std::size_t blocks = (tokens + kTokens - 1) / kTokens;
  executor(blocks * shape.kv_heads, [&](std::size_t task) {
    const std::size_t first = task / shape.kv_heads * kTokens;
    const std::size_t count = std::min(kTokens, tokens - first);
    RunPiece(
        {shape, task % shape.kv_heads, first, count, past, past + first + count,
         q.data(), keys.data(), values.data(), out.data()},
        products);
  });
}

void Attention(const AttentionShape& shape, std::size_t past,
               std::span<const float> q, std::span<const float> keys,
               std::span<const float> values, std::span<float> out,
               const Executor& executor) {
  Attention(shape, past, q, keys, values, out, Products{}, executor);
}

}  // namespace nibble::nn
#endif
