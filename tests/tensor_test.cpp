#include "nibble/quant/tensor.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "hwy/tests/hwy_gtest.h"
#include "nibble/format/gguf.hpp"
#include "nibble/quant/stats.hpp"
#include "quant_inputs.hpp"

namespace nibble {
namespace {

using inputs::EdgeInputs;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

bool Same(float a, float b) {
  return (a != a && b != b) ||
         std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

// Every recipe and format, under every granularity that they allow.
std::vector<Scheme> AllSchemes() {
  std::vector<Scheme> out;
  for (std::size_t r = 0; r < kRecipeNames.size(); ++r) {
    for (const FormatInfo& info : AllFormats()) {
      for (const Scheme& scheme :
           {Scheme{static_cast<Recipe>(r), info.id, Granularity::kTensor, 0},
            Scheme{static_cast<Recipe>(r), info.id, Granularity::kChannel, 0},
            Scheme{static_cast<Recipe>(r), info.id, Granularity::kToken, 0},
            Scheme{static_cast<Recipe>(r), info.id, Granularity::kGroup, 32},
            Scheme{static_cast<Recipe>(r), info.id, Granularity::kGroup, 48},
            Scheme{static_cast<Recipe>(r), info.id, Granularity::kBlock, 0}}) {
        try {
          CheckScheme(scheme);
          out.push_back(scheme);
        } catch (const std::invalid_argument&) {
        }
      }
    }
  }
  return out;
}

struct Shape {
  std::size_t rows, cols;
};
constexpr Shape kShapes[] = {{0, 0},  {0, 5},  {5, 0},   {1, 1},   {1, 31},
                             {3, 32}, {3, 33}, {2, 100}, {7, 256}, {1, 5000}};

class TensorTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(TensorTest);

// Element by element from codes, scales and zero points alone.
void ExpectCodesExplain(const QuantizedTensor& t, std::span<const float> out) {
  const std::size_t size =
      std::max<std::size_t>(GroupSize(t.scheme, t.rows, t.cols), 1);
  const std::vector<float> values = CodeValues(t);
  const std::size_t per_row = (t.cols + size - 1) / size;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t r = i / t.cols;
    const std::size_t c = i % t.cols;
    const std::size_t g = t.scheme.granularity == Granularity::kTensor
                              ? 0
                              : r * per_row + c / size;
    ASSERT_TRUE(Same(values[i] * t.scales[g], out[i]))
        << ToString(t.scheme) << " i=" << i;
  }
}

TEST_P(TensorTest, FakeIsQuantizeThenDequantize) {
  for (const Scheme& scheme : AllSchemes()) {
    for (const auto& [rows, cols] : kShapes) {
      const std::size_t n = rows * cols;
      const FormatId element = Info(scheme.format).family == Family::kBlock
                                   ? Info(scheme.format).element
                                   : scheme.format;
      const auto x = EdgeInputs(element, 0.1f, n, 3);
      const QuantizedTensor t = QuantizeTensor(scheme, x, rows, cols);
      std::vector<float> out(n + 1, 42.0f), fake(n + 1, 42.0f);
      DequantizeTensor(t, std::span(out).first(n));
      QuantizeDequantize(scheme, x, rows, cols, std::span(fake).first(n));
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_TRUE(Same(out[i], fake[i]))
            << ToString(scheme) << " " << rows << "x" << cols << " i=" << i
            << " x=" << x[i] << " " << out[i] << " != " << fake[i];
      }
      ASSERT_EQ(out[n], 42.0f);
      ASSERT_EQ(fake[n], 42.0f);
      if (n != 0) ExpectCodesExplain(t, std::span(out).first(n));
      std::vector<float> in_place = x;
      QuantizeDequantize(scheme, in_place, rows, cols, in_place);
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_TRUE(Same(in_place[i], fake[i])) << ToString(scheme);
      }
    }
  }
}

// The scalar path, one element after the other.
TEST_P(TensorTest, EqualsTheSpecificationElementByElement) {
  for (const Scheme& scheme : AllSchemes()) {
    const FormatInfo& info = Info(scheme.format);
    if (info.family == Family::kBlock) continue;
    const bool weights = scheme.recipe == Recipe::kAbsmean &&
                         scheme.granularity != Granularity::kToken;
    const std::size_t rows = 5, cols = 101;
    const auto x = EdgeInputs(scheme.format, 0.1f, rows * cols, 8);
    std::vector<float> out(x.size());
    QuantizeDequantize(scheme, x, rows, cols, out);
    const Codec codec = CodecOf(scheme);
    const std::size_t size = GroupSize(scheme, rows, cols);
    const std::size_t length =
        scheme.granularity == Granularity::kTensor ? x.size() : cols;
    for (std::size_t row = 0; row < x.size(); row += length) {
      for (std::size_t g = 0; g < length; g += size) {
        const auto group = std::span<const float>(x).subspan(
            row + g, std::min(size, length - g));
        const QuantParams p =
            weights ? AbsmeanParams(
                          static_cast<float>(SumOfMagnitudes(group) /
                                             static_cast<double>(group.size())))
                    : ChooseParams(scheme, FiniteRange(group));
        for (std::size_t i = 0; i < group.size(); ++i) {
          const float want =
              DecodeScaled(EncodeScaled(group[i], p, codec), p, codec);
          ASSERT_TRUE(Same(out[row + g + i], want))
              << ToString(scheme) << " x=" << group[i] << " "
              << out[row + g + i] << " != " << want;
        }
      }
    }
  }
}

// The format room's blocks, which are tested against other people's programs.
template <class Block>
void ExpectMx(const char* name) {
  const Scheme scheme = ParseScheme(name);
  for (const float scale : {1.0f, 1e-30f, 1e30f, 0x1p-125f, 0x1p-149f}) {
    const auto x = EdgeInputs(Info(scheme.format).element, scale, 333, 17);
    std::vector<float> out(x.size());
    QuantizeDequantize(scheme, x, 1, x.size(), out);
    for (std::size_t b = 0; b < x.size(); b += 32) {
      const std::size_t n = std::min<std::size_t>(32, x.size() - b);
      std::vector<std::uint8_t> codes(n);
      std::vector<float> want(n);
      const std::uint8_t e =
          Block::Encode(std::span<const float>(x).subspan(b, n), codes);
      Block::Decode(e, codes, want);
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_TRUE(Same(out[b + i], want[i]))
            << name << " x=" << x[b + i] << " " << out[b + i]
            << " != " << want[i];
      }
    }
  }
}

TEST_P(TensorTest, MxEqualsTheFormat) {
  ExpectMx<Mxfp8E4m3>("mxfp8_e4m3");
  ExpectMx<Mxfp8E5m2>("mxfp8_e5m2");
  ExpectMx<Mxfp6E3m2>("mxfp6_e3m2");
  ExpectMx<Mxfp6E2m3>("mxfp6_e2m3");
  ExpectMx<Mxfp4>("mxfp4");
  ExpectMx<Mxint8>("mxint8");
}

TEST_P(TensorTest, Nvfp4EqualsTheFormat) {
  for (const float scale : {1.0f, 1e-30f, 1e-40f, 1e30f}) {
    auto x = EdgeInputs(FormatId::kFp4E2m1, scale, 400, 5);
    for (float& v : x) {  // an infinity beside zeros is another matter
      if (std::isinf(v)) v = 0;
    }
    std::fill(x.begin() + 32, x.begin() + 48, 0.0f);
    for (std::size_t i = 64; i < 80; ++i) x[i] *= 1e-7f;
    std::vector<float> out(x.size());
    QuantizeDequantize(ParseScheme("nvfp4"), x, 4, 100, out);
    const float tensor = Nvfp4::TensorScale(LargestFinite(x));
    for (std::size_t r = 0; r < 4; ++r) {
      for (std::size_t b = 0; b < 100; b += 16) {
        const std::size_t n = std::min<std::size_t>(16, 100 - b);
        const auto block = std::span<const float>(x).subspan(r * 100 + b, n);
        std::vector<std::uint8_t> codes(n);
        std::vector<float> want(n);
        const auto s = Nvfp4::Encode(block, tensor, codes);
        Nvfp4::Decode(s, tensor, codes, want);
        for (std::size_t i = 0; i < n; ++i) {
          ASSERT_TRUE(Same(out[r * 100 + b + i], want[i]))
              << "x=" << block[i] << " " << out[r * 100 + b + i]
              << " != " << want[i];
        }
      }
    }
  }
}

// Values, not bits: our zeros in an all-zero block of Q4_0 are not negative.
TEST_P(TensorTest, GgufEqualsTheBlocks) {
  for (const char* name : {"q4_0", "q5_0", "q8_0", "tq1_0", "tq2_0"}) {
    const Scheme scheme = ParseScheme(name);
    const FormatInfo& info = Info(scheme.format);
    for (const float scale : {1.0f, 1e-3f, 100.0f, 1e-9f}) {
      auto x = EdgeInputs(info.element, scale, 2 * 256, 5);
      for (float& v : x) {  // where fp16 can hold the scale
        if (!(std::fabs(v) < 60000)) v = std::isnan(v) ? v : scale;
      }
      std::vector<float> out(x.size()), want(x.size());
      std::vector<std::uint8_t> bytes(x.size() / info.block * info.block_bytes);
      QuantizeDequantize(scheme, x, 2, 256, out);
      EncodeGguf(scheme.format, x, bytes);
      DecodeGguf(scheme.format, bytes, want);
      for (std::size_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(out[i], want[i]) << name << " x=" << x[i] << " i=" << i;
      }
    }
  }
  const auto x = EdgeInputs(FormatId::kFp4E2m1, 1.0f, 320, 5);
  std::vector<float> out(x.size()), want(x.size());
  std::vector<std::uint8_t> bytes(10 * 17);
  QuantizeDequantize(ParseScheme("gguf:mxfp4"), x, 10, 32, out);
  EncodeGguf(FormatId::kGgufMxfp4, x, bytes);
  DecodeGguf(FormatId::kGgufMxfp4, bytes, want);
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_TRUE(Same(out[i], want[i])) << "x=" << x[i];
  }
}

TEST_P(TensorTest, FixedParamsForAllAndPerColumn) {
  const std::size_t rows = 6, cols = 37;
  for (const char* name : {"aqt:int4/channel", "int8", "asym:uint8", "fp8_e4m3",
                           "nf4", "posit16_es1", "torch:uint4"}) {
    const Scheme scheme = ParseScheme(name);
    const Codec codec = CodecOf(scheme);
    const auto x = EdgeInputs(scheme.format, 0.5f, rows * cols, 6);
    for (const std::size_t count : {std::size_t{1}, cols}) {
      std::vector<QuantParams> params(count);
      for (std::size_t c = 0; c < count; ++c) {
        const float f = 0.3f * static_cast<float>(c + 1);
        params[c] = ChooseParams(scheme, {-f, 2 * f});
      }
      std::vector<float> fake(x.size()), out(x.size());
      QuantizeDequantize(scheme, x, rows, cols, params, fake);
      const QuantizedTensor t = QuantizeTensor(scheme, x, rows, cols, params);
      DequantizeTensor(t, out);
      const auto values = CodeValues(t);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const QuantParams& p = params[count == 1 ? 0 : i % cols];
        const float want = DecodeScaled(EncodeScaled(x[i], p, codec), p, codec);
        ASSERT_TRUE(Same(fake[i], want)) << name << " x=" << x[i];
        ASSERT_TRUE(Same(out[i], want)) << name << " x=" << x[i];
        ASSERT_TRUE(Same(values[i] * p.scale, want)) << name;
      }
    }
  }
}

// Zeros, constants, NaN and infinity: a stated answer, and a scale that is a
// number.
TEST_P(TensorTest, ScalesAreSoundWhateverComes) {
  const std::vector<std::vector<float>> hard = {
      std::vector<float>(96, 0.0f),    std::vector<float>(96, -0.0f),
      std::vector<float>(96, 3.0f),    std::vector<float>(96, -3.0f),
      std::vector<float>(96, kNaN),    std::vector<float>(96, kInf),
      std::vector<float>(96, -kInf),   std::vector<float>(96, 1e-45f),
      std::vector<float>(96, -1e-40f), std::vector<float>(96, 3.4e38f),
      std::vector<float>(96, -3.4e38f)};
  for (const Scheme& scheme : AllSchemes()) {
    for (const auto& x : hard) {
      const QuantizedTensor t = QuantizeTensor(scheme, x, 3, 32);
      for (const float scale : t.scales) {
        ASSERT_TRUE(std::isfinite(scale) && scale != 0)
            << ToString(scheme) << " x=" << x[0] << " scale " << scale;
      }
      std::vector<float> out(x.size());
      DequantizeTensor(t, out);
      const bool has_nan = Info(scheme.format).family == Family::kPosit ||
                           (Info(scheme.format).family != Family::kInteger &&
                            Info(scheme.format).minifloat.has_nan());
      for (const float v : out) {
        ASSERT_TRUE(std::isfinite(v) || (std::isnan(x[0]) && has_nan))
            << ToString(scheme) << " x=" << x[0] << " -> " << v;
      }
    }
  }
}

TEST_P(TensorTest, ZerosStayZeroAndConstantsAreKept) {
  for (const Scheme& scheme : AllSchemes()) {
    const FormatInfo& info = Info(scheme.format);
    const bool no_zero =
        scheme.format == FormatId::kInt1 || info.integer.half_shift;
    const std::vector<float> zeros(64, 0.0f);
    std::vector<float> out(64, 1.0f);
    EXPECT_EQ(QuantizeDequantize(scheme, zeros, 2, 32, out), 0u);
    for (const float v : out) {
      ASSERT_TRUE(v == 0.0f || no_zero) << ToString(scheme);
    }
    // The absolute maximum of the plain recipe is the largest value itself.
    if (scheme.recipe != Recipe::kPlain || info.family == Family::kBlock ||
        info.family == Family::kPosit || recipe_internal::IsCast(info)) {
      continue;
    }
    const std::vector<float> constant(64, 0.7f);
    EXPECT_EQ(QuantizeDequantize(scheme, constant, 2, 32, out), 0u)
        << ToString(scheme);
    for (const float v : out) {
      ASSERT_NEAR(v, 0.7f, 0.7f * 0x1p-22f) << ToString(scheme);
    }
  }
}

TEST_P(TensorTest, CountsWhatSaturates) {
  const QuantParams one{};
  std::vector<float> x = {127.4f, 127.6f, -127.4f, -127.6f,
                          kInf,   -kInf,  kNaN,    0.0f};
  std::vector<float> out(x.size());
  EXPECT_EQ(QuantizeDequantize(ParseScheme("int8"), x, 1, x.size(),
                               std::span(&one, 1), out),
            4u);
  EXPECT_EQ(out, (std::vector<float>{127, 127, -127, -127, 127, -127, 0, 0}));
  x = {448.0f, 449.0f, -1e9f, 1.0f};
  out.resize(4);
  EXPECT_EQ(QuantizeDequantize(ParseScheme("fp8_e4m3"), x, 1, 4,
                               std::span(&one, 1), out),
            2u);
  const QuantParams shifted{.zero_point = 10};
  x = {245.0f, 246.0f, -10.0f, -11.0f};
  EXPECT_EQ(QuantizeDequantize(ParseScheme("asym:uint8"), x, 1, 4,
                               std::span(&shifted, 1), out),
            2u);
}

TEST_P(TensorTest, RejectsWrongSizes) {
  const std::vector<float> x(12);
  std::vector<float> out(11);
  const Scheme int8 = ParseScheme("int8");
  EXPECT_THROW(QuantizeTensor(int8, x, 3, 5), std::invalid_argument);
  EXPECT_THROW(QuantizeDequantize(int8, x, 3, 4, out), std::invalid_argument);
  EXPECT_THROW(DequantizeTensor(QuantizeTensor(int8, x, 3, 4), out),
               std::invalid_argument);
  const std::vector<QuantParams> two(2);
  EXPECT_THROW(QuantizeTensor(int8, x, 3, 4, two), std::invalid_argument);
  EXPECT_THROW(QuantizeTensor({.format = FormatId::kE8m0}, x, 3, 4),
               std::invalid_argument);
  EXPECT_THROW(
      QuantizeTensor(ParseScheme("mxfp4"), x, 3, 4, std::span(two).first(1)),
      std::invalid_argument);
}

// More bits, less error: 6.02 dB each, for a uniform signal.
TEST_P(TensorTest, EveryBitIsWorthSixDecibels) {
  std::mt19937 rng(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> x(1 << 14), out(x.size());
  for (float& v : x) v = uniform(rng);
  for (int bits = 3; bits <= 8; ++bits) {
    const Scheme scheme = ParseScheme("int" + std::to_string(bits));
    QuantizeDequantize(scheme, x, 1, x.size(), out);
    // Step 2 / (2^b - 2): noise step^2 / 12, signal 1 / 3.
    const double steps = std::pow(2.0, bits) - 2;
    EXPECT_NEAR(Compare(x, out).sqnr_db, 20 * std::log10(steps), 0.2);
  }
}

}  // namespace
}  // namespace nibble
