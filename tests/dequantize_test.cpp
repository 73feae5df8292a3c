#include "nibble/quant/dequantize.hpp"

#include <bit>
#include <cmath>
#include <numeric>
#include <vector>

#include "hwy/tests/hwy_gtest.h"
#include "quant_inputs.hpp"

namespace nibble {
namespace {

using inputs::ElementFormats;
using inputs::kSizes;

// Same bits, or both NaN.
bool Same(float a, float b) {
  return (a != a && b != b) ||
         std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

TEST(DequantizeSpec, GoldenValues) {
  static_assert(DequantizeInt8(-127, {.scale = 0.5f}) == -63.5f);
  static_assert(DequantizeInteger(7, {.scale = 0.5f, .zero_point = 3}, {}) ==
                2.0f);
  EXPECT_EQ(DecodeScaled(0, {.scale = 3}, CodecOf(FormatId::kTernary)), -3);
  EXPECT_EQ(DecodeScaled(1, {.scale = 3}, CodecOf(FormatId::kInt1)), -3);
  EXPECT_EQ(DecodeScaled(0xFD, {.scale = 2}, CodecOf(FormatId::kInt4)), -6);
  EXPECT_EQ(DecodeScaled(0xFE, {.scale = 2}, CodecOf(FormatId::kHint2)), -3);
  EXPECT_EQ(DecodeScaled(0xFD, {.scale = 2}, CodecOf(FormatId::kUint8)), 506);
}

TEST(DequantizeSpec, AgreesWithTheFormat) {
  for (const FormatId format : ElementFormats()) {
    const FormatInfo& info = Info(format);
    const Codec& codec = CodecOf(format);
    for (std::uint32_t code = 0; code < info.codes; ++code) {
      const float want = Decode(format, code);
      const std::uint32_t stored = EncodeScaled(want, {}, codec);
      // What no encoder writes: infinity, and the lowest code of an integer.
      if (std::isinf(want)) continue;
      if (codec.kind == CodecKind::kInteger &&
          want < static_cast<float>(codec.integer.low))
        continue;
      ASSERT_TRUE(Same(DecodeScaled(stored, {}, codec), want))
          << info.name << " code " << code;
    }
  }
}

class DequantizeTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(DequantizeTest);

template <class Code>
void ExpectSpec(std::span<const Code> codes, std::size_t size,
                std::span<const QuantParams> params, const Codec& codec) {
  std::vector<float> out(codes.size() + 1, 42.0f);
  DequantizeGroups(codes, size, params, codec,
                   std::span(out).first(codes.size()));
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const float want = DecodeScaled(codes[i], params[i / size], codec);
    ASSERT_TRUE(Same(out[i], want))
        << Info(codec.format).name << " n=" << codes.size() << " i=" << i
        << " code=" << codes[i] << " got " << out[i] << " want " << want;
  }
  ASSERT_EQ(out[codes.size()], 42.0f) << "wrote past the end";
}

template <class Code>
std::vector<Code> AllCodes(const FormatInfo& info, std::size_t count) {
  std::vector<Code> codes(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto code = static_cast<std::uint32_t>(i * 7919) % info.codes;
    if (info.family == Family::kInteger && info.is_signed && info.bits > 1) {
      code = static_cast<std::uint32_t>(IntegerOfCode(info.integer, code));
    }
    codes[i] = static_cast<Code>(code);
  }
  return codes;
}

TEST_P(DequantizeTest, EveryCodeOfEveryFormat) {
  for (const FormatId format : ElementFormats()) {
    const FormatInfo& info = Info(format);
    for (const float scale : {1.0f, 0.3f, 0x1p-120f, -3e30f}) {
      const QuantParams params{.scale = scale};
      const std::size_t n = info.codes + 13;
      if (info.bits > 8) {
        ExpectSpec<std::uint16_t>(AllCodes<std::uint16_t>(info, n), n,
                                  std::span(&params, 1), CodecOf(format));
      } else {
        ExpectSpec<std::uint8_t>(AllCodes<std::uint8_t>(info, n), n,
                                 std::span(&params, 1), CodecOf(format));
      }
    }
  }
}

// Bits above a shorter code take no part, in any element and any group.
TEST_P(DequantizeTest, EveryByte) {
  std::vector<std::uint8_t> codes(3 * 256);
  std::iota(codes.begin(), codes.end(), std::uint8_t{0});
  for (const FormatId format : ElementFormats()) {
    const Codec& codec = CodecOf(format);
    if (codec.wide) continue;
    for (const std::size_t size : {16u, 32u, 48u, 64u, 257u}) {
      std::vector<QuantParams> params((codes.size() + size - 1) / size);
      for (std::size_t g = 0; g < params.size(); ++g) {
        params[g].scale = 0.37f + static_cast<float>(g);
      }
      ExpectSpec<std::uint8_t>(codes, size, params, codec);
    }
  }
}

TEST_P(DequantizeTest, EverySize) {
  for (const FormatId format : ElementFormats()) {
    const FormatInfo& info = Info(format);
    if (info.bits > 8) continue;
    for (const std::size_t n : kSizes) {
      for (const std::size_t size : {std::size_t{16}, std::size_t{33}, n + 1}) {
        std::vector<QuantParams> params((n + size - 1) / size);
        for (std::size_t g = 0; g < params.size(); ++g) {
          params[g] = {.scale = 0.37f + static_cast<float>(g),
                       .zero_point = static_cast<std::int32_t>(g % 9) - 4};
          if (CodecOf(format).kind != CodecKind::kInteger) {
            params[g].zero_point = 0;
          }
        }
        ExpectSpec<std::uint8_t>(AllCodes<std::uint8_t>(info, n), size, params,
                                 CodecOf(format));
      }
    }
  }
}

TEST_P(DequantizeTest, RejectsWrongSizes) {
  const std::vector<std::int8_t> codes(4);
  std::vector<float> three(3), four(4);
  const std::vector<QuantParams> two(2);
  EXPECT_THROW(DequantizeInt8(codes, {}, three), std::invalid_argument);
  EXPECT_THROW(DequantizeGroups(std::span(codes), 4, std::span(two),
                                CodecOf(FormatId::kInt8), std::span(four)),
               std::invalid_argument);
  EXPECT_THROW(Dequantize(std::span(codes), {}, CodecOf(FormatId::kFp16),
                          std::span(four)),
               std::invalid_argument);
  DequantizeInt8(codes, {}, four);
}

}  // namespace
}  // namespace nibble
