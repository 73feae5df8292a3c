// The published recipes against the published numbers.
#include "nibble/quant/recipe.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "nibble/quant/tensor.hpp"

namespace nibble {
namespace {

using Floats = std::vector<float>;

Floats Fake(const char* scheme, const Floats& x, const QuantParams& params) {
  Floats out(x.size());
  QuantizeDequantize(ParseScheme(scheme), x, 1, x.size(), std::span(&params, 1),
                     out);
  return out;
}

Floats Codes(const char* scheme, const Floats& x, const QuantParams& params) {
  return CodeValues(QuantizeTensor(ParseScheme(scheme), x, 1, x.size(),
                                   std::span(&params, 1)));
}

Floats Fake(const char* scheme, const Floats& x, std::size_t rows) {
  Floats out(x.size());
  QuantizeDequantize(ParseScheme(scheme), x, rows, x.size() / rows, out);
  return out;
}

Floats Codes(const char* scheme, const Floats& x, std::size_t rows) {
  return CodeValues(
      QuantizeTensor(ParseScheme(scheme), x, rows, x.size() / rows));
}

QuantParams Bound(const char* scheme, float bound) {
  return ChooseParams(ParseScheme(scheme), {-bound, bound});
}

std::string Name(const char* before, int bits, const char* after = "") {
  return before + std::to_string(bits) + after;
}

// ---- AQT, legacy library (the paper's)

TEST(Aqt, PositiveFormats) {
  for (const int bits : {2, 4, 8}) {
    const std::string name = Name("aqt:uint", bits);
    const QuantParams p = Bound(name.c_str(), 6);
    const auto top = static_cast<float>((1 << bits) - 1);
    EXPECT_EQ(Codes(name.c_str(), {-0.5f, 6.2f}, p), (Floats{0, top}));
    const auto out = Fake(name.c_str(), {-0.5f, 6.2f}, p);
    EXPECT_EQ(out[0], 0);
    EXPECT_NEAR(out[1], top * 6 / (top + 1), 6 * 0x1p-23f);
    const float third = bits == 2 ? 2.0f : bits == 4 ? 8.0f : 134.0f;
    EXPECT_EQ(Codes(name.c_str(), {3.141f}, p)[0], third);
    EXPECT_NEAR(Fake(name.c_str(), {3.141f}, p)[0], bits == 8 ? 3.140625 : 3,
                3 * 0x1p-23);
  }
}

// Published as exact; our one multiplication by float32(1/s) is allowed the two
// roundings that it has.
TEST(Aqt, SymmetricFormatsWithBoundsPerChannel) {
  const Floats x = {-7, -8.9f, 6.2f, 9.4f, 0, 0};
  for (const int bits : {2, 4, 8}) {
    const std::string name = Name("aqt:int", bits, "/channel");
    const Scheme scheme = ParseScheme(name);
    const QuantParams params[] = {ChooseParams(scheme, {-6, 6}),
                                  ChooseParams(scheme, {-8, 8})};
    const auto m = static_cast<float>((1 << (bits - 1)) - 1);
    const QuantizedTensor t = QuantizeTensor(scheme, x, 3, 2, params);
    EXPECT_EQ(CodeValues(t), (Floats{-m, -m, m, m, 0, 0}));
    Floats out(6);
    DequantizeTensor(t, out);
    const Floats want = {-6, -8, 6, 8, 0, 0};
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_NEAR(out[i], want[i], 8 * 0x1p-23f) << name;
    }
  }
}

TEST(Aqt, HalfShift) {
  const Floats x = {-2.1f, -1.9f, -1.1f, -0.9f, -0.1f,
                    0.1f,  0.9f,  1.1f,  1.9f,  2.1f};
  EXPECT_EQ(Fake("aqt:hint2", x, {.scale = 1}),
            (Floats{-1.5f, -1.5f, -1.5f, -0.5f, -0.5f, 0.5f, 0.5f, 1.5f, 1.5f,
                    1.5f}));
  EXPECT_EQ(Fake("aqt:hint1", x, {.scale = 1}),
            (Floats{-0.5f, -0.5f, -0.5f, -0.5f, -0.5f, 0.5f, 0.5f, 0.5f, 0.5f,
                    0.5f}));
}

TEST(Aqt, HalvesGoUp) {
  EXPECT_EQ(Codes("aqt:int8", {0.5f, -0.5f, 1.5f, -1.5f, 2.5f}, {.scale = 1}),
            (Floats{1, 0, 2, -1, 3}));
  EXPECT_EQ(Codes("aqt:uint8", {0.9f, 1.0f, 254.9f, 300}, {.scale = 1}),
            (Floats{0, 1, 254, 255}));
}

// Weights that are integers with the channel's maximum at the top come out as
// they are.
TEST(Aqt, IntegerWeightsAreLossless) {
  std::mt19937 rng(3);
  for (const int bits : {2, 4, 8}) {
    const int m = (1 << (bits - 1)) - 1;
    std::uniform_int_distribution<int> draw(-m, m);
    Floats w(5 * 40);
    for (float& v : w) v = static_cast<float>(draw(rng));
    for (std::size_t r = 0; r < 5; ++r) w[r * 40] = static_cast<float>(m);
    const std::string name = Name("aqt:int", bits, "/channel");
    EXPECT_EQ(Codes(name.c_str(), w, 5), w);
    Floats scaled = w;
    for (std::size_t i = 0; i < w.size(); ++i) scaled[i] *= 0.25f;
    EXPECT_EQ(Codes(name.c_str(), scaled, 5), w);
    EXPECT_EQ(Codes(name.c_str(), Floats(40, 1.0f), 1),
              Floats(40, static_cast<float>(m)));
  }
}

TEST(Aqt, ScaleOfZerosIsTheEpsilonRule) {
  const QuantParams p = Bound("aqt:int8", 0);
  EXPECT_EQ(p.inverse, 127 / 0x1p-23f);
  EXPECT_GT(p.scale, 0);
}

// ---- AQT v2

TEST(Aqt2, MaximumOverHalfStep) {
  const Floats x = {1, 2, 3, 4, 5, 6, 7, 7.5f, 3, 5, 1, -1};
  const QuantizedTensor t = QuantizeTensor(ParseScheme("aqt2:int4"), x, 3, 4);
  EXPECT_EQ(t.scales[0], 1.0f);
  EXPECT_EQ(CodeValues(t), (Floats{1, 2, 3, 4, 5, 6, 7, 7, 3, 5, 1, -1}));
}

TEST(Aqt2, IntegersStayInTheNarrowRange) {
  for (const int bits : {2, 4}) {
    const auto m = static_cast<float>((1 << (bits - 1)) - 1);
    for (const auto& [lo, hi] :
         {std::pair<float, float>{-2, 1}, {-1, 1}, {-1, 2}}) {
      Floats x;
      for (float v = lo; v <= hi; v += 0.25f) x.push_back(v);
      for (const float q : Codes(Name("aqt2:int", bits).c_str(), x, 1)) {
        EXPECT_TRUE(-m <= q && q <= m) << q;
      }
    }
  }
}

// ---- AQT v1: steps of two, which is a scale of 2 (bound 7, 3 bits, 3.5 steps)

TEST(Aqt1, LevelsOfThreeBits) {
  const QuantParams two{.scale = 2};
  for (const float sign : {1.0f, -1.0f}) {
    const auto check = [&](Floats x, Floats want) {
      for (float& v : x) v *= sign;
      for (float& v : want) v *= sign;
      EXPECT_EQ(Fake("int3", x, two), want);
    };
    check({.99f, 1.01f, 1.99f, 2.01f}, {0, 2, 2, 2});
    check({2.99f, 3.01f, 3.99f, 4.01f}, {2, 4, 4, 4});
    check({4.99f, 5.01f, 5.99f, 6.01f}, {4, 6, 6, 6});
    check({6.99f, 7.01f, 7.99f, 8.01f}, {6, 6, 6, 6});
  }
  EXPECT_EQ(Bound("aqt2:int3", 7).scale, 2.0f);
}

TEST(Aqt1, MatrixProduct) {
  const Floats lhs = Fake("int3", {-8, 4.01f, 4.01f, -5.99f, .01f, -4.01f},
                          Bound("aqt2:int3", 7));
  EXPECT_EQ(lhs, (Floats{-6, 4, 4, -6, 0, -4}));
  const Floats rhs =
      Fake("int2", {-3, .99f, -.99f, 0, -.01f, 2}, Bound("aqt2:int2", 1.5f));
  EXPECT_EQ(rhs, (Floats{-1, 1, -1, 0, 0, 1}));
  Floats product(4);
  for (std::size_t m = 0; m < 2; ++m) {
    for (std::size_t n = 0; n < 2; ++n) {
      for (std::size_t k = 0; k < 3; ++k) {
        product[m * 2 + n] += lhs[m * 3 + k] * rhs[k * 2 + n];
      }
    }
  }
  EXPECT_EQ(product, (Floats{2, -2, 6, -10}));
}

// ---- The int8 product of AQT's README: 127 / absmax, half to even: plain

TEST(AqtReadme, Int8Product) {
  const Floats a = {1.7640524f, .4001572f,  .978738f,  2.2408931f,
                    1.867558f,  -.9772779f, .9500884f, -.1513572f,
                    -.1032189f, .4105985f,  .1440436f, 1.4542735f};
  const Floats w = {1.7640524f, .4001572f,  .978738f,   2.2408931f, 1.867558f,
                    -.9772779f, .9500884f,  -.1513572f, -.1032189f, .4105985f,
                    .1440436f,  1.4542735f, .7610377f,  .121675f,   .4438632f,
                    .3336743f,  1.4940791f, -.2051583f, .3130677f,  -.8540958f};
  Floats wt(20);  // rows are the columns of w
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t n = 0; n < 5; ++n) wt[n * 4 + k] = w[k * 5 + n];
  }
  const Scheme scheme = ParseScheme("int8/channel");
  const QuantizedTensor qa = QuantizeTensor(scheme, a, 3, 4);
  const QuantizedTensor qw = QuantizeTensor(scheme, wt, 5, 4);
  EXPECT_EQ(CodeValues(qa),
            (Floats{100, 23, 55, 127, 127, -66, 65, -10, -9, 36, 13, 127}));
  EXPECT_EQ(CodeValues(qw),
            (Floats{127, -70, 10,  24, 34, 81, 124, 127, 127, -20,
                    99,  -27, 127, -6, 7,  18, 127, 28,  30,  -58}));
  const int sums[] = {14688, 28212, 14256, 15233, 7628,  21159, 5762, 24154,
                      16800, 16811, -485,  20351, -4005, 1018,  -7111};
  const double outs[] = {3.5998788,  5.8562713, 1.9385538,  4.7426414,
                         1.9792401,  4.321886,  .99681264,  2.737299,
                         4.3591022,  3.6352503, -.07714217, 2.7415617,
                         -.35343346, .20568734, -1.1974115};
  const Floats ca = CodeValues(qa);
  const Floats cw = CodeValues(qw);
  for (std::size_t m = 0; m < 3; ++m) {
    for (std::size_t n = 0; n < 5; ++n) {
      float sum = 0;
      for (std::size_t k = 0; k < 4; ++k) sum += ca[m * 4 + k] * cw[n * 4 + k];
      EXPECT_EQ(sum, static_cast<float>(sums[m * 5 + n]));
      const double out = static_cast<double>(sum) *
                         static_cast<double>(qa.scales[m]) *
                         static_cast<double>(qw.scales[n]);
      EXPECT_NEAR(out, outs[m * 5 + n], 1e-6);
    }
  }
}

// ---- Absmean and the int8 activations of BitNet and MatMul-free models

TEST(Absmean, ActivationVectors) {
  const auto codes = [](const Floats& x) {
    return Codes("absmean:int8/token", x, 1);
  };
  EXPECT_EQ(codes({127, .5f, 1.5f, 2.5f, -.5f, -1.5f, -2.5f, 63.5f}),
            (Floats{127, 0, 2, 2, 0, -2, -2, 64}));  // A
  const Floats b = {.1f, -.2f, .3f, -.4f, .5f, -.6f, .7f, -.8f};
  EXPECT_EQ(codes(b), (Floats{16, -32, 48, -64, 79, -95, 111, -127}));
  EXPECT_EQ(codes(Floats(4, 0.0f)), Floats(4, 0.0f));  // C
  EXPECT_EQ(codes({1e-6f, -2e-6f, 3e-6f, -4e-6f}), (Floats{13, -25, 38, -51}));
  const Scheme scheme = ParseScheme("absmean:int8/token");
  EXPECT_EQ(ChooseParams(scheme, FiniteRange(b)).inverse, 158.75f);
  EXPECT_EQ(ChooseParams(scheme, {}).inverse, 12700000.0f);
}

TEST(Absmean, EveryTokenHasItsOwnScale) {
  EXPECT_EQ(Codes("absmean:int8/token", {1, 2, 100, -200}, 2),
            (Floats{64, 127, 64, -127}));
}

TEST(Absmean, WeightVectors) {
  EXPECT_EQ(Codes("absmean:ternary", {.5f, -.5f, 1.5f, -1.5f}, 1),
            (Floats{0, 0, 1, -1}));  // D
  EXPECT_EQ(
      Codes("absmean:ternary", {.5f, -.5f, 1.5f, -1.5f, .4f, -.6f, 1, -2}, 1),
      (Floats{0, 0, 1, -1, 0, -1, 1, -1}));  // E
  EXPECT_EQ(Fake("absmean:ternary", {3, -3, 3, -3}, 2), (Floats{3, -3, 3, -3}));
  EXPECT_EQ(AbsmeanParams(0).inverse, 1.0f / 1e-5f);
}

// The signs of the weights times their mean magnitude: XNOR-Net's binary.
TEST(Absmean, BinaryWeights) {
  EXPECT_EQ(Fake("absmean:int1", {.5f, -.25f, 1.25f, -2}, 1),
            (Floats{1, -1, 1, -1}));
}

// ---- QKeras: fixed scales of powers of two

TEST(QKeras, QuantizedBits) {
  // quantized_bits(6, 2): one sign, two integer, three fraction bits.
  const QuantParams eighth{.scale = 0.125f};
  const Floats x = {-3, -2, -1, -.5f, 0, .5f, 1, 4, 10};
  // Full range; PyTorch's recipe has it too.
  EXPECT_EQ(Fake("torch:int6", x, eighth),
            (Floats{-3, -2, -1, -.5f, 0, .5f, 1, 3.875f, 3.875f}));
  EXPECT_EQ(Fake("uint6", x, {.scale = 0.0625f}),
            (Floats{0, 0, 0, 0, 0, .5f, 1, 3.9375f, 3.9375f}));
  EXPECT_EQ(Fake("int6", {-10, -4, -1, -.5f, 0, .5f, 1, 4, 10}, eighth),
            (Floats{-3.875f, -3.875f, -1, -.5f, 0, .5f, 1, 3.875f, 3.875f}));
}

TEST(QKeras, QuantizedRelu) {
  EXPECT_EQ(
      Fake("uint6", {-3, 0, 2.5625f, 3.3671875f, 1.5625f, 1.046875f, .054688f},
           {.scale = 0.0625f}),
      (Floats{0, 0, 2.5625f, 3.375f, 1.5625f, 1.0625f, .0625f}));
}

// auto_po2: columns with scales of their own; QKeras finds them by iteration,
// here they are given. Its scale counts units of 2^-(bits - 1 - integer).
TEST(QKeras, AutoPowerOfTwoWithTheScalesThatItFinds) {
  const Floats x = {.23f, 2.76f, .1f, .33f, .53f, .16f, .3f, 1.43f};
  const auto check = [&](int bits, int integer, const Floats& scales,
                         const Floats& want) {
    std::vector<QuantParams> params;
    for (const float s : scales) {
      params.push_back({.scale = s * PowerOfTwo(integer - bits + 1)});
    }
    Floats out(x.size());
    QuantizeDequantize(ParseScheme(Name("int", bits, "/channel")), x, 2, 4,
                       params, out);
    EXPECT_EQ(out, want) << bits << "," << integer;
  };
  const Floats four = {.25f, 3, .09375f, .25f, .4375f, 0, .21875f, 1.5f};
  check(4, 2, {.125f, 1, .0625f, .5f}, four);
  check(4, 1, {.25f, 2, .125f, 1}, four);
  check(5, 2, {.125f, 1, .0625f, .5f},
        {.21875f, 2.75f, .09375f, .375f, .46875f, .25f, .234375f, 1.375f});
}

TEST(QKeras, TernaryAndBinary) {
  // A threshold of 0.33 with steps of 1 is a scale of 0.66 for the codes.
  EXPECT_EQ(
      Codes("ternary", {-3, -2, -1, -.2f, 0, .3f, 1, 4, 10}, {.scale = 0.66f}),
      (Floats{-1, -1, -1, 0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(Codes("int1", {0, -0.0f, -1, 2}, {.scale = 1}),
            (Floats{1, 1, -1, 1}));
}

// ---- AQT's minifloat 1-4-3 is fp8 of exponents -11 to 4: the values of its
// test that E4M3 shares once they are scaled by 2^4 into its normal range.
TEST(AqtFloat, ThreeBitMantissas) {
  const Floats x = {28,       27.5f,    28.5f,   -1.0625f, 2.125f,  7.09375f,
                    8.125f,   14.1875f, 11.875f, 8.5625f,  9.3125f, 4.15625f,
                    .433594f, 2.32812f, 5.4375f, 1.00781f, 13.25f,  1.57812f,
                    2.23438f, 6.71875f, 7.9375f, 3.0625f,  6.6875f, 4.625f};
  const Floats want = {28, 28,     28,    -1,   2,      7,     8,    14,
                       12, 9,      9,     4,    .4375f, 2.25f, 5.5f, 1,
                       13, 1.625f, 2.25f, 6.5f, 8,      3,     6.5f, 4.5f};
  EXPECT_EQ(Fake("fp8_e4m3", x, {.scale = 1}), want);
}

// ---- Affine

TEST(Asym, CoversTheRangeAndKeepsZeroExact) {
  const QuantParams p = ChooseParams(ParseScheme("asym:uint8"), {-1, 3});
  EXPECT_EQ(p.scale, 4.0f / 255);
  EXPECT_EQ(p.zero_point, 64);
  EXPECT_EQ(Fake("asym:uint8", {0}, p)[0], 0);
  EXPECT_NEAR(Fake("asym:uint8", {3}, p)[0], 3, p.scale / 2);
  EXPECT_NEAR(Fake("asym:uint8", {-1}, p)[0], -1, p.scale / 2);
  // A constant is one end of [0, c].
  EXPECT_NEAR(Fake("asym:int8", Floats(3, 5.0f), 1)[0], 5, 1e-6);
  EXPECT_NEAR(Fake("asym:int8", Floats(3, -5.0f), 1)[0], -5, 1e-6);
}

TEST(ChooseParams, RefusesWhatHasNoRange) {
  EXPECT_THROW(ChooseParams(ParseScheme("mxfp4"), {}), std::invalid_argument);
  EXPECT_THROW(ChooseParams(ParseScheme("absmean:ternary"), {}),
               std::invalid_argument);
}

// Whatever range: scale and inverse are numbers above zero.
TEST(ChooseParams, AlwaysSound) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kMax = std::numeric_limits<float>::max();
  const Range ranges[] = {
      {0, 0},    {1e-45f, 1e-45f}, {-1e-45f, 0},      {-kMax, kMax},
      {0, kMax}, {-kMax, 0},       {-1e-38f, 1e-38f}, Range::kEmpty,
      {5, 5},    {-0x1p127f, 1}};
  for (std::size_t r = 0; r < kRecipeNames.size(); ++r) {
    for (const FormatInfo& info : AllFormats()) {
      const auto recipe = static_cast<Recipe>(r);
      const Scheme scheme{recipe, info.id,
                          recipe == Recipe::kAbsmean ? Granularity::kToken
                                                     : Granularity::kTensor,
                          0};
      try {
        CheckScheme(scheme);
      } catch (const std::invalid_argument&) {
        continue;
      }
      for (const Range& range : ranges) {
        const QuantParams p = ChooseParams(scheme, range);
        EXPECT_TRUE(p.scale > 0 && p.scale < kInf) << ToString(scheme);
        EXPECT_TRUE(p.Inverse() > 0 && p.Inverse() < kInf)
            << ToString(scheme) << " " << p.scale;
      }
    }
  }
}

}  // namespace
}  // namespace nibble
