// The kernels of input grids against the scalar definitions.
#include "nibble/qat/input_grid.hpp"

#include <cmath>
#include <limits>
#include <random>

#include "hwy/tests/hwy_gtest.h"
#include "nibble/qat/ema_input.hpp"
#include "nibble/qat/lsq.hpp"
#include "nibble/quant/recipe.hpp"

namespace nibble::qat {
namespace {

using Floats = std::vector<float>;

// Every instruction set against QuantizeInteger, over odd widths and values at
// and beside ties and ends.
class InputGrids : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(InputGrids);

TEST_P(InputGrids, AreQuantizeInteger) {
  std::mt19937 rng(2);
  std::normal_distribution<float> normal;
  for (const char* name : {"int4", "uint4", "aqt:int4", "aqt:uint4",
                           "torch:int2", "aqt2:int8", "hint2"}) {
    const IntegerGrid rule = CodecOf(ParseScheme(name)).integer;
    for (const std::size_t channels : {1u, 3u, 4u, 8u, 16u, 20u, 48u}) {
      InputGrid grid;
      grid.kind = InputGrid::Kind::kInteger;
      grid.grid = rule;
      std::vector<QuantParams> params(channels);
      for (QuantParams& p : params) p.scale = std::exp(normal(rng));
      SetScales(grid, channels, params);
      const std::size_t pixels = 7;
      Floats x(pixels * channels), xq(x.size() + 1, 99.0f);
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = params[i % channels].scale *
               (i % 3 == 0 ? std::floor(8 * normal(rng)) / 2
                           : 8 * normal(rng));
      }
      const Span4 size{1, 1, pixels, channels};
      QuantizeForward(size, {x.data(), x.size(), x.size(), channels}, grid,
                      {xq.data(), x.size(), x.size(), channels});
      for (std::size_t i = 0; i < x.size(); ++i) {
        const QuantParams& p = params[i % channels];
        if (rule.half_shift) continue;  // ties of these: see QuantizeInteger
        const std::int32_t k = QuantizeInteger(x[i], p, rule);
        ASSERT_EQ(xq[i], DequantizeInteger(k, p, rule)) << name << " " << x[i];
      }
      EXPECT_EQ(xq.back(), 99.0f);
    }
  }
}

// Gradients against Lsq, element by element; sums to the roundings of n terms.
TEST_P(InputGrids, GradientsAreLsqs) {
  std::mt19937 rng(3);
  std::normal_distribution<float> normal;
  for (const bool by_code : {false, true}) {
    for (const std::size_t channels : {1u, 3u, 8u, 16u, 20u}) {
      InputGrid grid;
      grid.kind = InputGrid::Kind::kInteger;
      grid.grid = {.low = -4, .high = 3};
      grid.inside_by_code = by_code;
      std::vector<QuantParams> params(channels);
      for (QuantParams& p : params) p.scale = std::exp(normal(rng));
      SetScales(grid, channels, params);
      const std::size_t pixels = 9, n = pixels * channels;
      Floats x(n), g(n), dx(n, 5.0f);
      std::vector<double> scale(channels), above(channels), want(channels),
          want_above(channels), magnitude(channels);
      for (std::size_t i = 0; i < n; ++i) {
        x[i] = 4 * normal(rng) * params[i % channels].scale;
        g[i] = normal(rng);
      }
      QuantizeBackward({1, 1, pixels, channels}, {g.data(), n, n, channels},
                       {x.data(), n, n, channels}, grid, true,
                       {dx.data(), n, n, channels}, scale.data(), above.data());
      for (std::size_t i = 0; i < n; ++i) {
        const std::size_t c = i % channels;
        const LsqResult r = Lsq(x[i], params[c].scale, {-4, 3, by_code});
        ASSERT_EQ(dx[i], 5.0f + g[i] * r.d_x);
        want[c] += double{g[i]} * r.d_scale;
        magnitude[c] += std::abs(double{g[i]}) * 4;
        const float y = x[i] * (1.0f / params[c].scale);
        if ((by_code ? std::nearbyint(y) : y) > 3) want_above[c] += g[i];
      }
      for (std::size_t c = 0; c < channels; ++c) {
        const double bound = 2 * pixels * 0x1p-24 * magnitude[c];
        ASSERT_NEAR(scale[c], want[c], bound);
        ASSERT_NEAR(above[c], want_above[c], bound);
      }
    }
  }
}

TEST_P(InputGrids, ObserveLeavesZerosAndNaNOut) {
  constexpr float kMax = std::numeric_limits<float>::max();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::size_t channels : {2u, 16u, 18u}) {
    Floats x(3 * channels);
    for (std::size_t i = 0; i < channels; i += 2) {
      x[i] = 3, x[channels + i] = nan, x[2 * channels + i] = 2;
    }
    Floats min(channels, kMax), max(channels, -kMax);
    std::vector<double> magnitude(channels);
    Observe({1, 1, 2, channels}, {x.data(), 0, 0, 2 * channels}, min.data(),
            max.data(), magnitude.data());
    EXPECT_EQ(min[0], 2);
    EXPECT_EQ(max[0], 3);
    EXPECT_EQ(magnitude[0], 5);
    EXPECT_EQ(min[1], kMax) << "zeros were seen";
    EXPECT_EQ(max[1], -kMax);
    Observe({1, 1, 3, channels}, {x.data(), 0, 0, channels}, min.data(),
            max.data(), magnitude.data());
    EXPECT_EQ(min[0], 2);
    EXPECT_EQ(max[0], 3);
  }
}

}  // namespace
}  // namespace nibble::qat
