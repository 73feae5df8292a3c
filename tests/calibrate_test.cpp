#include "nibble/quant/calibrate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace nibble {
namespace {

std::vector<float> Gaussian(std::size_t n, float sigma, unsigned seed = 1) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0, sigma);
  std::vector<float> x(n);
  for (float& v : x) v = normal(rng);
  return x;
}

constexpr Calibration kAll[] = {Calibration::kAbsMax, Calibration::kPercentile,
                                Calibration::kMse, Calibration::kKl};

TEST(Calibration, Names) {
  for (const Calibration c : kAll) {
    EXPECT_EQ(ParseCalibration(ToString(c)), c);
  }
  try {
    ParseCalibration("percentil");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "percentil: position 9: no such calibration, did you mean "
                 "'percentile'?");
  }
}

TEST(Histogram, CountsByMagnitudeInBinsOfPowersOfTwo) {
  Histogram h;
  const std::vector<float> x = {0.0f, 0.5f, -0.5f, 0.999f, -0.0f};
  h.Add(x, 0.999f);
  EXPECT_EQ(h.width(), 1.0f / 2048);
  EXPECT_EQ(h.positive()[0], 2u);  // both zeros
  EXPECT_EQ(h.positive()[1024], 1u);
  EXPECT_EQ(h.negative()[1024], 1u);
  EXPECT_EQ(h.positive()[2045], 1u);
  h.Add(std::vector<float>{3.0f}, 3.0f);
  EXPECT_EQ(h.width(), 4.0f / 2048);
  EXPECT_EQ(h.positive()[256], 1u);
  EXPECT_EQ(h.positive()[1536], 1u);
  EXPECT_EQ(h.Magnitudes()[256], 2u);
}

bool Equal(const Observer& a, const Observer& b) {
  return a.min() == b.min() && a.max() == b.max() &&
         a.histogram().width() == b.histogram().width() &&
         a.histogram().positive() == b.histogram().positive() &&
         a.histogram().negative() == b.histogram().negative();
}

// Forwards, backwards, one by one, in batches, merged from two.
TEST(Observer, DependsOnTheValuesOnly) {
  auto x = Gaussian(1000, 1);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] *= std::ldexp(1.0f, static_cast<int>(i % 60) - 40);
  }
  x[7] = 0;
  x[8] = std::numeric_limits<float>::quiet_NaN();
  x[9] = std::numeric_limits<float>::infinity();
  Observer whole, single, backwards, left, right;
  whole.Observe(x);
  for (const float& v : x) single.Observe(std::span(&v, 1));
  for (std::size_t i = x.size(); i-- > 0;) {
    backwards.Observe(std::span(x).subspan(i, 1));
  }
  left.Observe(std::span(x).first(300));
  right.Observe(std::span(x).subspan(300));
  left.Merge(right);
  EXPECT_TRUE(Equal(whole, single));
  EXPECT_TRUE(Equal(whole, backwards));
  EXPECT_TRUE(Equal(whole, left));
  for (const Calibration c : kAll) {
    EXPECT_EQ(whole.FindRange({}, c), backwards.FindRange({}, c));
  }
}

TEST(Observer, NothingSeenAndNothingFinite) {
  Observer seen;
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(seen.empty());
    for (const Calibration c : kAll) {
      EXPECT_EQ(seen.FindRange({}, c), (Range{0, 0}));
      EXPECT_GT(ChooseParams({}, seen.FindRange({}, c)).scale, 0);
    }
    seen.Observe(std::vector<float>{std::numeric_limits<float>::infinity(),
                                    std::numeric_limits<float>::quiet_NaN()});
  }
}

// Zeros, a constant, tiny and huge values: every answer is a sound range.
TEST(Observer, SoundWhateverComes) {
  const std::vector<std::vector<float>> streams = {
      {0, 0, 0},          {3, 3, 3},      {-3, -3},      {1e-45f},
      {1e-40f, -1e-44f},  {3.4e38f},      {-3.4e38f, 1}, {1e-30f, 1e30f},
      {0, 0, 0, 0, 0, 1}, {-0.0f, 2e-38f}};
  for (const auto& x : streams) {
    for (const char* name : {"int8", "int2", "uint4", "asym:int4", "aqt:uint8",
                             "fp8_e4m3", "nf4", "bf16", "ternary"}) {
      const Scheme scheme = ParseScheme(name);
      Observer seen;
      seen.Observe(x);
      for (const Calibration c : kAll) {
        const Range range = seen.FindRange(scheme, c);
        EXPECT_LE(seen.min(), range.min) << name;
        EXPECT_GE(seen.max(), range.max) << name;
        EXPECT_TRUE(std::isfinite(range.min) && std::isfinite(range.max));
        const QuantParams p = ChooseParams(scheme, range);
        EXPECT_TRUE(p.scale > 0 && std::isfinite(p.scale)) << name;
      }
    }
  }
}

TEST(Observer, AbsMaxIsTheWholeRange) {
  Observer seen;
  seen.Observe(std::vector<float>{-1, 5, 2});
  EXPECT_EQ(seen.FindRange({}, Calibration::kAbsMax), (Range{-1, 5}));
}

// Magnitudes 1/10000 .. 1: 99.9 % of them are at most 0.999.
TEST(Observer, PercentileLeavesOutOneInAThousand) {
  std::vector<float> x(10000);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i + 1) / 10000 * (i % 2 == 0 ? 1.0f : -1.0f);
  }
  Observer seen;
  seen.Observe(x);
  const Range range = seen.FindRange({}, Calibration::kPercentile);
  EXPECT_NEAR(range.max, 0.999, 2.0 / 2048);
  EXPECT_NEAR(range.min, -0.999, 2.0 / 2048);
}

// The optimal clip of a Gaussian: 2.55 sigma for 16 levels, 3.92 for 256 (Max's
// uniform quantizer: step 0.3352 and 0.0308 sigma, so 7.5 and 127.5 steps).
TEST(Observer, MseFindsTheClipOfAGaussian) {
  Observer seen;
  seen.Observe(Gaussian(200000, 1));
  const float clip4 =
      seen.FindRange(ParseScheme("aqt2:int4"), Calibration::kMse).max;
  EXPECT_NEAR(clip4, 2.51, 0.15);
  const float clip8 =
      seen.FindRange(ParseScheme("aqt2:int8"), Calibration::kMse).max;
  EXPECT_NEAR(clip8, 3.93, 0.3);
  const float clip2 =
      seen.FindRange(ParseScheme("aqt2:int2"), Calibration::kMse).max;
  EXPECT_LT(clip2, clip4);
}

// No clip of those tried makes a smaller error.
TEST(Observer, MseIsTheLeast) {
  Observer seen;
  auto x = Gaussian(5000, 1);
  x[0] = 30;
  seen.Observe(x);
  for (const char* name : {"int8", "int4", "asym:uint4", "fp4_e2m1"}) {
    const Scheme scheme = ParseScheme(name);
    const Range best = seen.FindRange(scheme, Calibration::kMse);
    const double least =
        HistogramError(seen.histogram(), scheme, ChooseParams(scheme, best));
    for (int percent = 20; percent <= 100; ++percent) {
      const float share = static_cast<float>(percent) / 100;
      EXPECT_LE(least,
                HistogramError(seen.histogram(), scheme,
                               ChooseParams(scheme, {seen.min() * share,
                                                     seen.max() * share})));
    }
  }
}

TEST(Kl, DivergenceByHand) {
  // Two levels over four bins: q = {2, 2, 3, 3} against p = {1, 3, 2, 4}.
  const std::vector<std::uint64_t> counts = {1, 3, 2, 4};
  const double want = .1 * std::log(.1 / .2) + .3 * std::log(.3 / .2) +
                      .2 * std::log(.2 / .3) + .4 * std::log(.4 / .3);
  EXPECT_NEAR(KlDivergence(counts, 4, 2), want, 1e-15);
  EXPECT_EQ(KlDivergence(counts, 4, 4), 0);
  // Clipped to two bins: p = {1, 9}, q = {1, 3} of 4.
  EXPECT_NEAR(KlDivergence(counts, 2, 2),
              .1 * std::log(.1 / .25) + .9 * std::log(.9 / .75), 1e-15);
  // Clipped to one that is empty: all of P lies where Q has nothing.
  EXPECT_GT(KlDivergence(std::vector<std::uint64_t>{5, 0, 5}, 2, 2), 5);
  // Empty bins stay empty and share nothing.
  EXPECT_EQ(KlDivergence(std::vector<std::uint64_t>{5, 0, 5, 0}, 4, 2), 0);
}

TEST(Kl, ClipsOutliersAndKeepsUniformValues) {
  auto x = Gaussian(100000, 1);
  x[0] = 100;
  Observer seen;
  seen.Observe(x);
  EXPECT_LT(seen.FindRange({}, Calibration::kKl).max, 20);
  Observer uniform;
  std::vector<float> flat(100000);
  for (std::size_t i = 0; i < flat.size(); ++i) {
    flat[i] = static_cast<float>(i) / 100000;
  }
  uniform.Observe(flat);
  EXPECT_GT(uniform.FindRange({}, Calibration::kKl).max, 0.95);
}

TEST(MovingRange, StartsWithTheFirstBatch) {
  MovingRange r{.constant = 0.5f};
  r.Observe(Range::kEmpty);
  EXPECT_TRUE(r.range.empty());
  r.Observe({-1, 3});
  r.Observe({-2, 1});
  EXPECT_EQ(r.range, (Range{-1.5f, 2}));
}

}  // namespace
}  // namespace nibble
