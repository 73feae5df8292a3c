#include "nibble/format/gguf.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "data.hpp"
#include "nibble/io/safetensors.hpp"

namespace nibble {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<FormatId> GgufTypes() {
  std::vector<FormatId> out;
  for (const FormatInfo& info : AllFormats()) {
    if (info.block_bytes != 0) out.push_back(info.id);
  }
  return out;
}

// ggml's own name.
std::string Name(FormatId id) {
  return id == FormatId::kGgufMxfp4 ? "mxfp4" : std::string(Info(id).name);
}

std::vector<float> Decoded(FormatId id, const Bytes& bytes) {
  const FormatInfo& info = Info(id);
  std::vector<float> out(bytes.size() / info.block_bytes * info.block);
  DecodeGguf(id, bytes, out);
  return out;
}

Bytes Encoded(FormatId id, std::span<const float> x) {
  const FormatInfo& info = Info(id);
  Bytes out(x.size() / info.block * info.block_bytes);
  EncodeGguf(id, x, out);
  return out;
}

void ExpectSameBytes(const Bytes& got, const Bytes& expected, FormatId id) {
  ASSERT_EQ(got.size(), expected.size());
  const std::size_t size = Info(id).block_bytes;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i], expected[i])
        << Name(id) << " block " << i / size << " byte " << i % size;
  }
}

TEST(Gguf, ElevenTypes) { EXPECT_EQ(GgufTypes().size(), 11u); }

TEST(Gguf, DecodesWhatGgmlWrote) {
  NIBBLE_NEED_DATA("golden/ggml_blocks");
  for (const FormatId id : GgufTypes()) {
    const std::string stem = "golden/ggml_blocks/" + Name(id);
    const auto bytes = testing::ReadRaw<std::uint8_t>(stem + "_blocks.bin");
    const auto expected = testing::ReadRaw<float>(stem + "_dequant_f32.bin");
    const auto got = Decoded(id, bytes);
    ASSERT_EQ(got.size(), expected.size()) << Name(id);
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i], expected[i]) << Name(id) << " element " << i;
    }
  }
}

TEST(Gguf, EncodesTheBytesThatGgmlWrote) {
  NIBBLE_NEED_DATA("golden/ggml_blocks");
  const auto rows = testing::ReadRaw<float>("golden/ggml_blocks/rows_f32.bin");
  for (const FormatId id : GgufTypes()) {
    if (Info(id).decode_only) continue;
    ExpectSameBytes(Encoded(id, rows),
                    testing::ReadRaw<std::uint8_t>("golden/ggml_blocks/" +
                                                   Name(id) + "_blocks.bin"),
                    id);
  }
}

const char kCpu[] = "golden/ggml_cpu/golden.safetensors";

Bytes ToBytes(const io::TensorView& tensor) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(tensor.data.data());
  return {data, data + tensor.data.size()};
}

// Ties, subnormal scales, zero blocks.
TEST(Gguf, EncodesHarderRowsAsGgmlDoes) {
  NIBBLE_NEED_DATA(kCpu);
  const auto file = io::SafeTensors::Open(testing::DataDir() / kCpu);
  const auto rows = io::ToFloat(file.Get("rows"));
  int types = 0;
  for (const FormatId id : GgufTypes()) {
    if (Info(id).decode_only) continue;
    ExpectSameBytes(Encoded(id, rows),
                    ToBytes(file.Get("blocks." + Name(id) + ".ref")), id);
    ++types;
  }
  EXPECT_EQ(types, 7);
}

TEST(Gguf, DecodesHarderRowsAsGgmlDoes) {
  NIBBLE_NEED_DATA(kCpu);
  const auto file = io::SafeTensors::Open(testing::DataDir() / kCpu);
  for (const FormatId id : {FormatId::kQ4_0, FormatId::kGgufMxfp4}) {
    const auto got =
        Decoded(id, ToBytes(file.Get("blocks." + Name(id) + ".ref")));
    const auto expected = io::ToFloat(file.Get("dequant." + Name(id)));
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i], expected[i]) << Name(id) << " element " << i;
    }
  }
}

// No decoded row of theirs exists for the rest of the harder rows, but the row
// itself does: the error of a search stays below that of rounding to the grid's
// step in every block of 32.
TEST(Gguf, DecodesTheSearchedTypesCloseToTheRow) {
  NIBBLE_NEED_DATA(kCpu);
  const auto file = io::SafeTensors::Open(testing::DataDir() / kCpu);
  const auto rows = io::ToFloat(file.Get("rows"));
  for (const auto& [id, bits] :
       {std::pair{FormatId::kQ2K, 2}, std::pair{FormatId::kQ4K, 4},
        std::pair{FormatId::kQ6K, 6}, std::pair{FormatId::kIq4Nl, 4}}) {
    const auto got =
        Decoded(id, ToBytes(file.Get("blocks." + Name(id) + ".ref")));
    for (std::size_t b = 0; b < 2 * 1024; b += 256) {  // rows 0 and 1
      double error = 0;
      double power = 0;
      for (std::size_t i = b; i < b + 256; ++i) {
        error += std::pow(got[i] - rows[i], 2);
        power += std::pow(rows[i], 2);
      }
      // 6 dB per bit, less 10 dB for the crest of a Gaussian.
      EXPECT_LT(10 * std::log10(error / power), 10 - 6.0 * bits) << Name(id);
    }
  }
}

// The block that reference/ternary.md works out: pseudo-random ternary weights
// with d = 1.
std::vector<float> LcgTernary() {
  std::vector<float> w(256);
  std::uint32_t state = 1;
  for (float& v : w) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>((state >> 16) % 3) - 1;
  }
  return w;
}

std::string Hex(const Bytes& bytes) {
  std::string out;
  for (const unsigned byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

TEST(Gguf, TernaryGoldenBytes) {
  const auto w = LcgTernary();
  EXPECT_EQ(Hex(Encoded(FormatId::kTq2_0, w)),
            "8562a9a164588a48680150160668502a99065a525459a0484610914858225181"
            "9a85105026a12a96158a0590906021a02a9a2148564651619169586429995946"
            "003c");
  EXPECT_EQ(Hex(Encoded(FormatId::kTq1_0, w)),
            "7bc2a86f3547ec3f51580ed1c8500ef7a1caf2b82c9d1b3ecc0b663d47bf645e"
            "f69410448832c16862ec922f4b51503230d72a7f003c");
  for (const auto id : {FormatId::kTq1_0, FormatId::kTq2_0}) {
    EXPECT_EQ(Decoded(id, Encoded(id, w)), w);
  }
}

// All 243 values of five digits survive the byte.
TEST(Gguf, Tq1EveryByteRoundTrips) {
  for (int v = 0; v < 243; ++v) {
    std::vector<float> x(256);
    x[255] = 1;
    for (int n = 0, rest = v; n < 5; ++n, rest /= 3) {
      x[static_cast<std::size_t>(32 * n)] = static_cast<float>(rest % 3 - 1);
    }
    EXPECT_EQ(Decoded(FormatId::kTq1_0, Encoded(FormatId::kTq1_0, x)), x);
  }
}

TEST(Gguf, ZeroBlockDecodesToZero) {
  for (const FormatId id : GgufTypes()) {
    if (Info(id).decode_only) continue;
    const std::vector<float> zero(Info(id).block);
    EXPECT_EQ(Decoded(id, Encoded(id, zero)), zero) << Name(id);
  }
}

// They take no part in the scale; NaN is stored as zero, infinity saturates.
TEST(Gguf, NaNAndInfinityInABlock) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const FormatId id : GgufTypes()) {
    if (Info(id).decode_only) continue;
    std::vector<float> x(Info(id).block, 1.0f);
    x[0] = -1;
    const auto clean = Decoded(id, Encoded(id, x));
    x[3] = std::numeric_limits<float>::quiet_NaN();
    x[4] = kInf;
    x[5] = -kInf;
    const auto got = Decoded(id, Encoded(id, x));
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (i < 3 || i > 5) {
        EXPECT_EQ(got[i], clean[i]) << Name(id);
      }
      EXPECT_TRUE(std::isfinite(got[i])) << Name(id);
    }
    EXPECT_LE(std::abs(got[3]), 1.0f / 15 + 1e-3f) << Name(id);
    EXPECT_GE(got[4], clean[1]) << Name(id);
    EXPECT_LE(got[5], clean[0]) << Name(id);

    std::vector<float> all(Info(id).block,
                           std::numeric_limits<float>::quiet_NaN());
    for (const float v : Decoded(id, Encoded(id, all))) EXPECT_EQ(v, 0);
  }
}

TEST(Gguf, Mxfp4TiesGoToZeroAndThereIsNoMinusZero) {
  std::vector<float> x(32);
  x[0] = 6;       // scale 1
  x[1] = 2.5f;    // between 2 and 3
  x[2] = -5;      // between -4 and -6
  x[3] = -0.25f;  // between 0 and -0.5
  const auto bytes = Encoded(FormatId::kGgufMxfp4, x);
  EXPECT_EQ(bytes[0], 127);
  EXPECT_EQ(bytes[1] & 15, 7);
  EXPECT_EQ(bytes[2] & 15, 4);
  EXPECT_EQ(bytes[3] & 15, 14);
  EXPECT_EQ(bytes[4] & 15, 0);
}

TEST(Gguf, RefusesSizesThatDisagree) {
  std::vector<float> x(32);
  Bytes bytes(18);
  EncodeGguf(FormatId::kQ4_0, x, bytes);
  EXPECT_THROW(EncodeGguf(FormatId::kQ8_0, x, bytes), std::invalid_argument);
  EXPECT_THROW(DecodeGguf(FormatId::kQ8_0, bytes, x), std::invalid_argument);
  EXPECT_THROW(EncodeGguf(FormatId::kIq4Nl, x, bytes), std::invalid_argument);
  EXPECT_THROW(EncodeGguf(FormatId::kMxfp4, x, bytes), std::invalid_argument);
  EXPECT_THROW(DecodeGguf(FormatId::kInt8, bytes, x), std::invalid_argument);
  x.resize(31);
  EXPECT_THROW(EncodeGguf(FormatId::kQ4_0, x, bytes), std::invalid_argument);
  EXPECT_THROW(DecodeGguf(FormatId::kQ4_0, bytes, x), std::invalid_argument);
}

}  // namespace
}  // namespace nibble
