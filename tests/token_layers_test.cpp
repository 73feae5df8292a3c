// The layers of language models against their specifications in double.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "hwy/tests/hwy_gtest.h"
#include "network_data.hpp"
#include "nibble/io/llama2c.hpp"
#include "nibble/nn/attention.hpp"
#include "nibble/nn/gate.hpp"
#include "nibble/nn/rms_norm.hpp"
#include "nibble/nn/rotary.hpp"

namespace nibble::nn {
namespace {

class TokenLayersTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(TokenLayersTest);

constexpr float kGuard = 12345.0f;
constexpr double kEps = 0x1p-24;
constexpr std::size_t kSizes[] = {1,  2,  3,  5,  7,  8,  9,  15, 16,
                                  17, 31, 32, 33, 63, 64, 65, 97, 172};

// Room for n floats with a guard behind them.
std::vector<float> Guarded(std::size_t n) {
  std::vector<float> out(n + 1);
  out[n] = kGuard;
  return out;
}

TEST_P(TokenLayersTest, RmsNorm) {
  std::mt19937 rng(1);
  for (const std::size_t n : kSizes) {
    for (const std::size_t tokens : {1u, 3u}) {
      const auto in = Normal(tokens * n, rng, 3), weight = Normal(n, rng);
      auto out = Guarded(tokens * n);
      RmsNorm(in, weight, 1e-5f, std::span(out).first(tokens * n));
      ASSERT_EQ(out[tokens * n], kGuard);
      for (std::size_t i = 0; i < tokens * n; ++i) {
        const auto row = std::span(in).subspan(i / n * n, n);
        const double exact =
            double{in[i]} * RmsScale(row, 1e-5f) * double{weight[i % n]};
        ASSERT_LE(std::abs(out[i] - exact),
                  (static_cast<double>(n) / 2 + 6) * kEps * std::abs(exact))
            << n << " " << i;
      }
    }
  }
  // By hand: 3, 4 has a mean square of 12.5; zeros stay zeros.
  const std::vector<float> three_four = {3, 4}, ones = {1, 1};
  std::vector<float> out(2);
  RmsNorm(three_four, ones, 0.0f, out);
  EXPECT_FLOAT_EQ(out[0], 0.84852814f);
  EXPECT_FLOAT_EQ(out[1], 1.1313708f);
  RmsNorm(std::vector<float>{0, 0}, ones, 1e-5f, out);
  EXPECT_EQ(out, (std::vector<float>{0, 0}));
}

TEST_P(TokenLayersTest, Gate) {
  std::mt19937 rng(2);
  for (const std::size_t n : kSizes) {
    auto gate = Normal(n, rng, 30);
    gate[n / 2] = -86.9f, gate[0] = 0;
    const auto in = Normal(n, rng);
    auto out = Guarded(n);
    Gate(gate, in, std::span(out).first(n));
    ASSERT_EQ(out[n], kGuard);
    for (std::size_t i = 0; i < n; ++i) {
      const double exact = Silu(gate[i]) * double{in[i]};
      const double bound = gate[i] < -87 ? 0x1p-119 * std::abs(double{in[i]})
                                         : 6 * kEps * std::abs(exact);
      ASSERT_LE(std::abs(out[i] - exact), bound) << gate[i];
    }
  }
  const std::vector<float> edges = {-1e30f, -200, 200, 1e30f};
  std::vector<float> out(4);
  Gate(edges, std::vector<float>(4, 1.0f), out);
  EXPECT_LE(std::abs(out[0]), 0x1p-119f);
  EXPECT_LE(std::abs(out[1]), 0x1p-119f);
  EXPECT_EQ(out[2], 200.0f);
  EXPECT_EQ(out[3], 1e30f);
}

TEST(TokenLayers, RotateTurnsPairsByTheirAngle) {
  // By hand: a quarter turn's worth of radians, one pair.
  const RotaryTable one = MakeRotaryTable(10000, 2, 1, 1);
  std::vector<float> x = {1, 0};
  Rotate(one, 1, x);
  EXPECT_FLOAT_EQ(x[0], 0.54030231f);  // cos 1
  EXPECT_FLOAT_EQ(x[1], 0.84147098f);  // sin 1

  std::mt19937 rng(3);
  for (const std::size_t head_dim : {2u, 6u, 8u, 64u}) {
    const std::size_t heads = 3, tokens = 4, first = 500, half = head_dim / 2;
    const auto in = Normal(tokens * heads * head_dim, rng);
    auto out = in;
    Rotate(MakeRotaryTable(1e4f, head_dim, first, tokens), heads, out);
    for (std::size_t i = 0; i < in.size(); ++i) {
      const std::size_t c = i % head_dim, token = i / (heads * head_dim);
      const double angle = RotaryAngle(1e4, head_dim, c % half, first + token);
      const float a = in[i - c + c % half], b = in[i - c + c % half + half];
      const double exact = c < half ? a * std::cos(angle) - b * std::sin(angle)
                                    : a * std::sin(angle) + b * std::cos(angle);
      ASSERT_LE(std::abs(out[i] - exact),
                4 * kEps * (std::abs(a) + std::abs(b)));
    }
  }
}

// llama2.c's convention: channels 2i and 2i + 1 turn together. Rows of q and k
// reordered to halves give the same products q k.
TEST(TokenLayers, HalvesOfPairsGiveTheSameScores) {
  std::mt19937 rng(4);
  const std::size_t heads = 2, head_dim = 6;
  const auto q = Normal(heads * head_dim, rng), k = Normal(q.size(), rng);
  const auto pairs = [&](std::vector<float> x, std::size_t position) {
    for (std::size_t i = 0; i < x.size(); i += 2) {
      const double angle =
          RotaryAngle(1e4, head_dim, i % head_dim / 2, position);
      const double a = x[i], b = x[i + 1];
      x[i] = static_cast<float>(a * std::cos(angle) - b * std::sin(angle));
      x[i + 1] = static_cast<float>(a * std::sin(angle) + b * std::cos(angle));
    }
    return x;
  };
  const auto halves = [&](const std::vector<float>& x, std::size_t position) {
    auto out = io::HalvesOfPairs(x, heads, head_dim, 1);
    Rotate(MakeRotaryTable(1e4f, head_dim, position, 1), heads, out);
    return out;
  };
  const auto q1 = pairs(q, 7), k1 = pairs(k, 3);
  const auto q2 = halves(q, 7), k2 = halves(k, 3);
  for (std::size_t h = 0; h < heads; ++h) {
    double s1 = 0, s2 = 0;
    for (std::size_t i = h * head_dim; i < (h + 1) * head_dim; ++i) {
      s1 += double{q1[i]} * double{k1[i]};
      s2 += double{q2[i]} * double{k2[i]};
    }
    EXPECT_NEAR(s1, s2, 1e-5);
  }
}

struct AttentionCase {
  AttentionShape shape;
  std::size_t past, tokens;
  std::vector<float> q, keys, values;
};

AttentionCase RandomCase(const AttentionShape& shape, std::size_t past,
                         std::size_t tokens, unsigned seed) {
  std::mt19937 rng(seed);
  AttentionCase c{shape, past, tokens, {}, {}, {}};
  c.q = Normal(tokens * shape.channels(), rng, 2);
  c.keys = Normal((past + tokens) * shape.kv_channels(), rng, 2);
  c.values = Normal((past + tokens) * shape.kv_channels(), rng);
  return c;
}

// One head's keys or values of the first n tokens.
std::vector<float> HeadOf(const AttentionShape& shape,
                          const std::vector<float>& all, std::size_t kv_head,
                          std::size_t n) {
  std::vector<float> out;
  for (std::size_t j = 0; j < n; ++j) {
    const float* row =
        all.data() + j * shape.kv_channels() + kv_head * shape.head_dim;
    out.insert(out.end(), row, row + shape.head_dim);
  }
  return out;
}

// `out` against the specification, head by head.
void ExpectExact(const AttentionCase& c, const std::vector<float>& out,
                 double tolerance) {
  const std::size_t d = c.shape.head_dim;
  for (std::size_t t = 0; t < c.tokens; ++t) {
    for (std::size_t h = 0; h < c.shape.heads; ++h) {
      const std::size_t at = t * c.shape.channels() + h * d;
      const std::size_t kv = h / c.shape.group();
      const std::size_t n = c.past + t + 1;
      const auto exact = AttendExactly(std::span(c.q).subspan(at, d),
                                       HeadOf(c.shape, c.keys, kv, n),
                                       HeadOf(c.shape, c.values, kv, n));
      for (std::size_t i = 0; i < d; ++i) {
        ASSERT_NEAR(out[at + i], exact[i], tolerance)
            << "token " << t << " head " << h << " channel " << i;
      }
    }
  }
}

constexpr AttentionShape kShapes[] = {{1, 1, 2},  {4, 2, 6},  {8, 4, 8},
                                      {6, 1, 20}, {3, 3, 33}, {4, 4, 64}};

TEST_P(TokenLayersTest, AttentionIsTheSpecification) {
  unsigned seed = 10;
  for (const AttentionShape& shape : kShapes) {
    for (const auto& [past, tokens] :
         std::vector<std::pair<std::size_t, std::size_t>>{
             {0, 1}, {0, 2}, {5, 1}, {31, 3}, {0, 65}, {64, 63}}) {
      const AttentionCase c = RandomCase(shape, past, tokens, ++seed);
      auto out = Guarded(c.q.size());
      Attention(shape, past, c.q, c.keys, c.values,
                std::span(out).first(c.q.size()));
      ASSERT_EQ(out.back(), kGuard);
      // |q k| is below 4 * 16 * head_dim here and |v| below 6, so that the
      // bound of the contract is below 64 * 64 * 64^1.5 / 8 * 2^-24 * 6.
      ExpectExact(c, out, 2e-4);
    }
  }
}

TEST_P(TokenLayersTest, AttentionOfCutsAndThreadsIsTheSame) {
  const AttentionCase c = RandomCase({4, 2, 6}, 0, 100, 50);
  std::vector<float> whole(c.q.size()), threads(c.q.size());
  Attention(c.shape, 0, c.q, c.keys, c.values, whole);
  ThreadPool pool(3);
  Attention(c.shape, 0, c.q, c.keys, c.values, threads, pool.executor());
  EXPECT_EQ(threads, whole);
  for (std::size_t t = 0; t < c.tokens; ++t) {
    const std::size_t channels = c.shape.channels();
    std::vector<float> one(channels);
    const std::size_t keys = (t + 1) * c.shape.kv_channels();
    Attention(c.shape, t, std::span(c.q).subspan(t * channels, channels),
              std::span(c.keys).first(keys), std::span(c.values).first(keys),
              one);
    ASSERT_TRUE(std::ranges::equal(
        one, std::span(whole).subspan(t * channels, channels)))
        << t;
  }
}

// Scores so far apart that exp would overflow without the maximum.
TEST_P(TokenLayersTest, AttentionOfHugeScoresIsFinite) {
  AttentionCase c = RandomCase({2, 1, 8}, 0, 40, 60);
  for (float& v : c.q) v *= 1e10f;
  std::vector<float> out(c.q.size());
  Attention(c.shape, 0, c.q, c.keys, c.values, out);
  ExpectExact(c, out, 1e-6);
}

// Products by other means get what they are told they get; with exact ones
// nothing changes but roundings.
TEST_P(TokenLayersTest, AttentionByOtherProducts) {
  const PlainProduct product =
      [](const ProductShape& s, std::span<const float> a,
         std::span<const float> b, std::span<float> out) {
        ASSERT_EQ(a.size(), s.m * s.k);
        ASSERT_EQ(b.size(), s.n * s.k);
        ASSERT_EQ(out.size(), s.m * s.n);
        for (std::size_t m = 0; m < s.m; ++m) {
          for (std::size_t n = 0; n < s.n; ++n) {
            double sum = 0;
            for (std::size_t k = 0; k < s.k; ++k) {
              sum += double{a[m * s.k + k]} * double{b[n * s.k + k]};
            }
            out[m * s.n + n] = static_cast<float>(sum);
          }
        }
      };
  for (const char* where : {"all", "attention", "qk", "av", "conv"}) {
    const AttentionCase c = RandomCase({4, 2, 6}, 7, 70, 70);
    std::vector<float> out(c.q.size());
    Attention(c.shape, c.past, c.q, c.keys, c.values, out,
              ProductsWhere(Unpacked(product), where));
    ExpectExact(c, out, 1e-4);
  }
  // A product that adds 1 to each of its sums shows where it was used.
  const PlainProduct plus_one =
      [&](const ProductShape& s, std::span<const float> a,
          std::span<const float> b, std::span<float> out) {
        product(s, a, b, out);
        for (float& v : out) v += 1;
      };
  const AttentionCase c = RandomCase({2, 2, 4}, 0, 9, 80);
  std::vector<float> exact(c.q.size()), qk(c.q.size()), av(c.q.size());
  Attention(c.shape, 0, c.q, c.keys, c.values, exact);
  Attention(c.shape, 0, c.q, c.keys, c.values, qk,
            ProductsWhere(Unpacked(plus_one), "qk"));
  Attention(c.shape, 0, c.q, c.keys, c.values, av,
            ProductsWhere(Unpacked(plus_one), "av"));
  for (std::size_t i = 0; i < exact.size(); ++i) {
    EXPECT_NEAR(qk[i], exact[i], 1e-5);  // a softmax does not see a shift
    EXPECT_NEAR(av[i], exact[i] + 1, 1e-5);
  }
}

TEST(TokenLayers, SizesThatDisagreeThrow) {
  std::vector<float> four(4), three(3), out(4);
  EXPECT_THROW(RmsNorm(four, three, 1, out), std::invalid_argument);
  EXPECT_THROW(RmsNorm(four, {}, 1, out), std::invalid_argument);
  EXPECT_THROW(RmsNorm(four, four, 1, three), std::invalid_argument);
  EXPECT_THROW(Gate(four, three, out), std::invalid_argument);
  EXPECT_THROW(Gate(four, four, three), std::invalid_argument);
  EXPECT_THROW(MakeRotaryTable(1, 3, 0, 1), std::invalid_argument);
  EXPECT_THROW(Rotate(MakeRotaryTable(1, 2, 0, 1), 1, three),
               std::invalid_argument);
  const AttentionShape shape{2, 1, 2};
  EXPECT_THROW(Attention({3, 2, 2}, 0, four, three, three, out),
               std::invalid_argument);
  EXPECT_THROW(Attention({2, 0, 2}, 0, four, three, three, out),
               std::invalid_argument);
  EXPECT_THROW(Attention(shape, 0, three, three, three, out),
               std::invalid_argument);
  EXPECT_THROW(Attention(shape, 0, four, three, three, out),
               std::invalid_argument);
  EXPECT_THROW(Attention(shape, 1, four, four, three, out),
               std::invalid_argument);
  EXPECT_THROW(Attention(shape, 1, four, four, four, three),
               std::invalid_argument);
  EXPECT_THROW(ProductsWhere({}, "dense+everything"), InputError);
  EXPECT_THROW(ProductsWhere({}, ""), InputError);
}

}  // namespace
}  // namespace nibble::nn
