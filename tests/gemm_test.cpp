#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "nibble/core/aligned.hpp"
#include "nibble/core/executor.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "../tests/gemm_test.cpp"  // from include/
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "hwy/tests/hwy_gtest.h"
#include "nibble/core/gemm-inl.hpp"
#include "nibble/core/gemm_panel-inl.hpp"
#include "nibble/nn/gemm_f32-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {

// A slow and obvious kernel with every liberty the driver allows: an odd number
// of rows, k's in groups of four, two vectors of outputs.
struct IntKernel {
  using Input = std::int16_t;
  using Weight = std::int8_t;
  static constexpr size_t kRows = 5;
  static constexpr size_t kGroup = 4;
  const hn::ScalableTag<std::int32_t> d = {};

  size_t columns() const { return 2 * hn::Lanes(d); }

  template <class Store>
  void operator()(const Input* const* rows, size_t taps, size_t k,
                  const Weight* tile, const Store& store) const {
    const size_t groups = (k + kGroup - 1) / kGroup;
    AlignedVector<std::int32_t> sums(kRows * columns(), 0);
    for (size_t t = 0; t < taps; ++t) {
      for (size_t j = 0; j < k; ++j) {
        for (size_t c = 0; c < columns(); ++c) {
          const size_t at =
              ((t * groups + j / kGroup) * columns() + c) * kGroup + j % kGroup;
          for (size_t i = 0; i < kRows; ++i) {
            sums[i * columns() + c] += rows[t * kRows + i][j] * tile[at];
          }
        }
      }
    }
    for (size_t i = 0; i < kRows; ++i) {
      for (size_t c = 0; c < columns(); c += hn::Lanes(d)) {
        store(d, i, c, hn::Load(d, sums.data() + i * columns() + c));
      }
    }
  }
};

// Row m, tap t begins at any place: here scattered over the input.
template <class T>
struct ScatteredRows {
  const T* in;
  size_t taps, k;
  auto operator()(size_t m) const {
    return [m, this](const T** out, size_t step) mutable {
      for (size_t t = 0; t < taps; ++t) out[t * step] = in + Start(m, t);
      ++m;
    };
  }
  size_t Start(size_t m, size_t t) const { return (m * 7 + t * 13) % 31 * k; }
};

// Counts stores, so that an output stored twice or not at all shows.
template <class T>
struct PlusOne {
  T* out;
  size_t n;
  template <class D, class V>
  void operator()(D d, V v, size_t m, size_t j, size_t valid) const {
    HWY_ALIGN T lanes[hn::MaxLanes(D())];
    hn::Store(v, d, lanes);
    ASSERT_GT(valid, 0u);
    ASSERT_LE(valid, hn::Lanes(d));
    for (size_t i = 0; i < valid; ++i) out[m * n + j + i] += lanes[i] + T{1};
  }
};

// Last task first: what holds for it holds for any order.
const Executor kBackwards = [](size_t tasks, const Executor::Body& body) {
  for (size_t i = tasks; i-- > 0;) body(i);
};

void TestOneShape(const GemmShape& s, std::mt19937& rng) {
  const IntKernel kernel;
  std::vector<std::int16_t> in(31 * s.k);
  std::vector<std::int8_t> w(s.n * s.taps * s.k);
  for (auto& v : in) v = static_cast<std::int16_t>(rng() % 511) - 255;
  for (auto& v : w) v = static_cast<std::int8_t>(rng());
  std::vector<std::int8_t> packed(PackedSize(kernel, s.n, s.taps, s.k), 99);
  PackWeights(kernel, w.data(), s.n, s.taps, s.k, packed.data());
  const ScatteredRows<std::int16_t> rows{in.data(), s.taps, s.k};
  std::vector<std::int32_t> out(s.m * s.n + 1, 0);
  Gemm(kernel, s, rows, packed.data(), PlusOne<std::int32_t>{out.data(), s.n},
       kBackwards);
  for (size_t m = 0; m < s.m; ++m) {
    for (size_t n = 0; n < s.n; ++n) {
      std::int32_t sum = 1;
      for (size_t t = 0; t < s.taps; ++t) {
        for (size_t k = 0; k < s.k; ++k) {
          sum += in[rows.Start(m, t) + k] * w[(n * s.taps + t) * s.k + k];
        }
      }
      ASSERT_EQ(out[m * s.n + n], sum)
          << "m=" << m << "/" << s.m << " n=" << n << "/" << s.n
          << " taps=" << s.taps << " k=" << s.k;
    }
  }
  EXPECT_EQ(out[s.m * s.n], 0) << "wrote past the end";
}

void TestEveryShapeIsExact() {
  std::mt19937 rng(1);
  const size_t tile = IntKernel().columns();
  for (const size_t m : {size_t{1}, size_t{4}, size_t{5}, size_t{6},
                         gemm::kBlockRows, gemm::kBlockRows + 1}) {
    for (const size_t n : {size_t{1}, tile / 2, tile - 1, tile, tile + 1}) {
      for (const size_t taps : {size_t{1}, size_t{9}}) {
        for (const size_t k : {size_t{1}, size_t{4}, size_t{7}}) {
          TestOneShape({m, n, taps, k}, rng);
        }
      }
    }
  }
  TestOneShape({2, gemm::kBlockTiles * tile + 3, 1, 2}, rng);
  TestOneShape({0, 3, 1, 2}, rng);
  TestOneShape({3, 2, 0, 2}, rng);
}

// IntKernel for panels: as slow and obvious. Three vectors of columns.
struct PanelKernel {
  using Input = std::int16_t;
  using Weight = std::int8_t;
  using Panel = std::int32_t;
  using Tag = hn::CappedTag<std::int32_t, 4>;
  static constexpr size_t kRows = 5;
  static constexpr size_t kGroup = 4;

  size_t columns() const { return 3 * hn::Lanes(Tag()); }

  void PackRows(const Input* const* rows, size_t h, size_t k,
                Panel* out) const {
    for (size_t g = 0; g < k; g += kGroup) {
      for (size_t i = 0; i < h; ++i) {
        for (size_t j = g; j < g + kGroup; ++j) {
          *out++ = j < k ? rows[i][j] : 12345;  // meets weights of 0
        }
      }
    }
  }

  void operator()(const Panel* panel, size_t h, size_t groups,
                  const Weight* tile, const gemm::Ahead<Weight>& ahead,
                  std::int32_t* sums) const {
    ASSERT_LE(h, kRows);
    // The next tile is there to be read.
    for (size_t i = 0; i < ahead.count; ++i) ASSERT_NE(ahead.from[i], 99);
    std::fill_n(sums, h * columns(), 0);
    for (size_t g = 0; g < groups; ++g, tile += columns() * kGroup) {
      for (size_t i = 0; i < h; ++i, panel += kGroup) {
        for (size_t c = 0; c < columns(); ++c) {
          for (size_t j = 0; j < kGroup; ++j) {
            sums[i * columns() + c] += panel[j] * tile[c * kGroup + j];
          }
        }
      }
    }
  }
};

void TestPanelsAreExact() {
  std::mt19937 rng(3);
  const PanelKernel kernel;
  for (const size_t m : {0, 1, 4, 5, 6, 11}) {
    for (const size_t n : {1, 11, 12, 13, 40}) {
      for (const size_t taps : {1, 9}) {
        for (const size_t k : {1, 4, 7}) {
          std::vector<std::int16_t> in(31 * k);
          std::vector<std::int8_t> w(n * taps * k);
          for (auto& v : in) v = static_cast<std::int16_t>(rng() % 511) - 255;
          for (auto& v : w) v = static_cast<std::int8_t>(rng() % 90);
          std::vector<std::int8_t> packed(PackedSize(kernel, n, taps, k), 99);
          PackWeights(kernel, w.data(), n, taps, k, packed.data());
          const ScatteredRows<std::int16_t> rows{in.data(), taps, k};
          for (const size_t threads : {0, 1, 2}) {
            std::vector<std::int32_t> out(m * n, 0);
            const auto backwards = [](size_t tasks,
                                      const Executor::Body& body) {
              for (size_t i = tasks; i-- > 0;) body(i);
            };
            PanelGemm(kernel, {m, n, taps, k}, rows, packed.data(),
                      PackedTileSize(kernel, taps, k),
                      PlusOne<std::int32_t>{out.data(), n},
                      Executor(backwards, threads));
            for (size_t at = 0; at < m * n; ++at) {
              std::int32_t sum = 1;
              for (size_t t = 0; t < taps; ++t) {
                for (size_t j = 0; j < k; ++j) {
                  sum += in[rows.Start(at / n, t) + j] *
                         w[(at % n * taps + t) * k + j];
                }
              }
              ASSERT_EQ(out[at], sum) << m << " " << n << " " << taps << " "
                                      << k << " at " << at;
            }
          }
        }
      }
    }
  }
}

// Two outputs, one tap of five k's in groups of four.
void TestPackedLayout() {
  const IntKernel kernel;
  const std::int8_t w[] = {1, 2, 3, 4, 5, 11, 12, 13, 14, 15};
  const size_t columns = kernel.columns();
  std::vector<std::int8_t> packed(PackedSize(kernel, 2, 1, 5));
  ASSERT_EQ(packed.size(), 2 * columns * 4);
  PackWeights(kernel, w, 2, 1, 5, packed.data());
  std::vector<std::int8_t> expected(packed.size());
  for (std::int8_t k = 0; k < 4; ++k) {
    expected[static_cast<size_t>(k)] = static_cast<std::int8_t>(1 + k);
    if (columns > 1) {
      expected[static_cast<size_t>(k) + 4] = static_cast<std::int8_t>(11 + k);
    }
  }
  expected[columns * 4] = 5;
  expected[columns * 4 + 4] = 15;
  EXPECT_EQ(packed, expected);
}

// Row m of a [m, k] matrix.
struct DenseRows {
  const float* in;
  size_t k;
  auto operator()(size_t m) const {
    return [row = in + m * k, this](const float** out, size_t) mutable {
      *out = row;
      row += k;
    };
  }
};

struct StoreFloats {
  float* out;
  size_t n;
  template <class D, class V>
  void operator()(D d, V v, size_t m, size_t j, size_t valid) const {
    HWY_ALIGN float lanes[hn::MaxLanes(D())];
    hn::Store(v, d, lanes);
    for (size_t i = 0; i < valid; ++i) out[m * n + j + i] = lanes[i];
  }
};

void TestFloatWithinItsBound() {
  const GemmF32<hn::ScalableTag<float>> kernel;
  std::mt19937 rng(2);
  std::normal_distribution<float> normal;
  for (const GemmShape& s : {GemmShape{1, 1, 1, 1}, GemmShape{7, 33, 1, 5},
                             GemmShape{13, 10, 1, 1000}}) {
    std::vector<float> in(s.m * s.k), w(s.n * s.k), out(s.m * s.n);
    for (float& v : in) v = normal(rng);
    for (float& v : w) v = normal(rng);
    AlignedVector<float> packed(PackedSize(kernel, s.n, 1, s.k));
    PackWeights(kernel, w.data(), s.n, 1, s.k, packed.data());
    Gemm(kernel, s, DenseRows{in.data(), s.k}, packed.data(),
         StoreFloats{out.data(), s.n}, {});
    for (size_t i = 0; i < out.size(); ++i) {
      double sum = 0, magnitude = 0;
      for (size_t k = 0; k < s.k; ++k) {
        const double product =
            double{in[i / s.n * s.k + k]} * w[i % s.n * s.k + k];
        sum += product;
        magnitude += std::abs(product);
      }
      // k additions and k products, each rounded by at most 2^-24.
      const double bound =
          static_cast<double>(s.k + 1) * 0x1p-24 * magnitude * 1.001;
      ASSERT_NEAR(out[i], sum, bound) << s.m << " " << s.n << " " << s.k;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nibble {
namespace {

class GemmTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(GemmTest);
HWY_EXPORT_AND_TEST_P(GemmTest, TestEveryShapeIsExact);
HWY_EXPORT_AND_TEST_P(GemmTest, TestPanelsAreExact);
HWY_EXPORT_AND_TEST_P(GemmTest, TestPackedLayout);
HWY_EXPORT_AND_TEST_P(GemmTest, TestFloatWithinItsBound);

}  // namespace
}  // namespace nibble
#endif
