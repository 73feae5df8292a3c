#include "nibble/quant/ternary_blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "data.hpp"
#include "io_test.hpp"
#include "nibble/format/gguf.hpp"
#include "nibble/quant/ternary_gemm.hpp"
#include "ternary_inputs.hpp"

namespace nibble {
namespace {

using testing::Refusal;
using enum TernaryPacking;

// S = S * 1664525 + 1013904223; the draws are its upper 16 bits.
std::vector<std::int8_t> Draws(std::uint32_t seed, int modulus, int shift) {
  std::vector<std::int8_t> out(256);
  for (auto& v : out) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<std::int8_t>(static_cast<int>(seed >> 16) % modulus -
                                 shift);
  }
  return out;
}

std::vector<std::uint8_t> Hex(std::string_view text) {
  std::vector<std::uint8_t> out;
  for (const std::byte b : testing::FromHex(text)) {
    out.push_back(std::to_integer<std::uint8_t>(b));
  }
  return out;
}

// 256 drawn weights as ggml (d = 1) and bitnet.cpp (scale 1) write them.
const char kTq2[] =
    "8562a9a164588a48680150160668502a99065a525459a0484610914858225181"
    "9a85105026a12a96158a0590906021a02a9a2148564651619169586429995946"
    "003c";
const char kTq1[] =
    "7bc2a86f3547ec3f51580ed1c8500ef7a1caf2b82c9d1b3ecc0b663d47bf645e"
    "f69410448832c16862ec922f4b51503230d72a7f003c";
const char kI2s[] =
    "52896a4a1925a22129400594902905a86690a58515650a219104462125884542"
    "a6520405984aa89654a250060609480aa8a64821959145494669251968666591"
    "0000803f00000000000000000000000000000000000000000000000000000000";

TEST(TernaryBlocks, GoldenBytes) {
  const auto w = Draws(1, 3, 1), a = Draws(2, 255, 127);
  EXPECT_EQ(TernaryDot(w, a), 251);
  const struct {
    TernaryBlocks type;
    const char* hex;
  } cases[] = {{TernaryBlocks::kTq2_0, kTq2},
               {TernaryBlocks::kTq1_0, kTq1},
               {TernaryBlocks::kI2S, kI2s}};
  for (const auto& c : cases) {
    const auto bytes = Hex(c.hex);
    ASSERT_EQ(bytes.size(), TernaryBlocksBytes(c.type, 1, 256));
    for (const TernaryPacking packing : {kTwoBits, kBase3}) {
      const auto packed = PackTernary(c.type, bytes, 1, 256, packing, "w");
      EXPECT_EQ(UnpackTernary(packed), w);
      EXPECT_TRUE(packed.one_scale());
      EXPECT_EQ(packed.scales[0], 1.0f);
      std::array<std::int32_t, 1> sum{};
      TernaryGemm(packed, 1, a, sum);
      EXPECT_EQ(sum[0], 251);
    }
  }
  // Our own encoders give those bytes too.
  const std::vector<float> x(w.begin(), w.end());
  for (const FormatId id : {FormatId::kTq1_0, FormatId::kTq2_0}) {
    std::vector<std::uint8_t> bytes(Info(id).block_bytes);
    EncodeGguf(id, x, bytes);
    EXPECT_EQ(bytes, Hex(id == FormatId::kTq1_0 ? kTq1 : kTq2));
  }
}

TEST(TernaryBlocks, I2sRunsOnThroughTheRows) {
  // 4 x 96: rows end within blocks of 128.
  const auto t = inputs::RandomTrits(4 * 96, 5);
  std::vector<std::uint8_t> bytes(
      TernaryBlocksBytes(TernaryBlocks::kI2S, 4, 96));
  for (std::size_t i = 0; i < t.size(); ++i) {
    const std::size_t within = i % 128;
    bytes[i / 128 * 32 + within % 32] =
        static_cast<std::uint8_t>(bytes[i / 128 * 32 + within % 32] |
                                  (t[i] + 1) << (6 - within / 32 * 2));
  }
  const float scale = 0.25f;
  std::memcpy(bytes.data() + 96, &scale, 4);
  const auto w = PackTernary(TernaryBlocks::kI2S, bytes, 4, 96, kBase3, "w");
  EXPECT_EQ(UnpackTernary(w), t);
  EXPECT_EQ(w.scale(3, 0), 4.0f);
}

// Rows of ternary values among others, with scales of their own per block.
TEST(TernaryBlocks, BlocksThatGgmlWrote) {
  NIBBLE_NEED_DATA("golden/ggml_blocks");
  for (const FormatId id : {FormatId::kTq1_0, FormatId::kTq2_0}) {
    const std::string stem = "golden/ggml_blocks/" + std::string(Info(id).name);
    const auto bytes = testing::ReadRaw<std::uint8_t>(stem + "_blocks.bin");
    const auto expected = testing::ReadRaw<float>(stem + "_dequant_f32.bin");
    const auto type =
        id == FormatId::kTq1_0 ? TernaryBlocks::kTq1_0 : TernaryBlocks::kTq2_0;
    const auto w = PackTernary(type, bytes, 6, 1024, kTwoBits, "w");
    const auto t = UnpackTernary(w);
    EXPECT_EQ(w.layout.group, 256u);
    for (std::size_t i = 0; i < t.size(); ++i) {
      const float s_w = w.scale(i / 1024, i % 1024 / 256);
      if (t[i] == 0 || std::isinf(s_w)) {
        ASSERT_EQ(expected[i], 0.0f);
      } else {  // 1 / (1 / d), twice rounded
        const float value = static_cast<float>(t[i]) / s_w;
        ASSERT_NEAR(value, expected[i], 0x1p-22f * std::abs(value));
      }
    }
  }
}

TEST(TernaryBlocks, RefusesOtherBytes) {
  auto bytes = Hex(kTq2);
  const auto pack = [&](TernaryBlocks type, std::size_t n, std::size_t k) {
    PackTernary(type, bytes, n, k, kTwoBits, "f.gguf: blk.0");
  };
  EXPECT_REFUSED(pack(TernaryBlocks::kTq2_0, 2, 256),
                 "f.gguf: blk.0: bytes: found 66, expected 132 for 2 x 256");
  EXPECT_REFUSED(pack(TernaryBlocks::kTq2_0, 2, 128),
                 "f.gguf: blk.0: shape: found 2 x 128, expected rows of 256 n");
  EXPECT_REFUSED(pack(TernaryBlocks::kI2S, 3, 100),
                 "f.gguf: blk.0: shape: found 3 x 100, expected a multiple of "
                 "128 weights");
  bytes[40] |= 0x30;  // element 128 + 64 + 8
  EXPECT_REFUSED(pack(TernaryBlocks::kTq2_0, 1, 256),
                 "f.gguf: blk.0: weight [0, 200]: found code 3, expected 0, 1 "
                 "or 2");
  EXPECT_EQ(Refusal([&] {
              bytes[40] &= 0xDF;
              pack(TernaryBlocks::kTq2_0, 1, 256);
            }),
            "");
}

}  // namespace
}  // namespace nibble
