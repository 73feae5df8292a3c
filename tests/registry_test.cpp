#include "nibble/format/registry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

namespace nibble {
namespace {

TEST(Registry, NamesAreUniqueAndFound) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < AllFormats().size(); ++i) {
    const FormatInfo& info = AllFormats()[i];
    EXPECT_EQ(static_cast<std::size_t>(info.id), i) << info.name;
    EXPECT_FALSE(info.name.empty());
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(FindFormat(info.name), info.id);
    EXPECT_EQ(&Info(info.id), &info);
  }
  EXPECT_EQ(FindFormat(""), std::nullopt);
  EXPECT_EQ(FindFormat("int9"), std::nullopt);
  EXPECT_EQ(FindFormat("INT8"), std::nullopt);
}

TEST(Registry, HasEveryPromisedFormat) {
  for (const char* name :
       {"int1",        "int2",          "int8",         "uint2",
        "uint8",       "hint1",         "hint8",        "ternary",
        "bf16",        "fp16",          "fp8_e4m3",     "fp8_e5m2",
        "fp8_e3m4",    "fp8_e4m3_ieee", "fp8_e4m3fnuz", "fp8_e5m2fnuz",
        "fp6_e3m2",    "fp6_e2m3",      "fp4_e2m1",     "e8m0",
        "mxfp8_e4m3",  "mxfp8_e5m2",    "mxfp6_e3m2",   "mxfp6_e2m3",
        "mxfp4",       "mxint8",        "nvfp4",        "q4_0",
        "q8_0",        "tq1_0",         "tq2_0",        "gguf_mxfp4",
        "q4_1",        "q5_0",          "q2_k",         "q4_k",
        "q6_k",        "iq4_nl",        "nf4",          "posit8_es0",
        "posit8_es1",  "posit8_es2",    "posit16_es0",  "posit16_es1",
        "posit16_es2", "log4_f0",       "log8_f3"}) {
    EXPECT_TRUE(FindFormat(name).has_value()) << name;
  }
}

// What the table says of the codes, against the codes themselves.
TEST(Registry, InfosAgreeWithTheCodes) {
  for (const FormatInfo& info : AllFormats()) {
    EXPECT_LE(info.codes, 1u << info.bits);
    float min = INFINITY;
    float max = -INFINITY;
    for (std::uint32_t code = 0; code < info.codes; ++code) {
      const float value = Decode(info.id, code);
      if (!std::isfinite(value)) continue;
      min = std::min(min, value);
      max = std::max(max, value);
    }
    EXPECT_EQ(min, info.min) << info.name;
    EXPECT_EQ(max, info.max) << info.name;
    EXPECT_EQ(info.is_signed, min < 0) << info.name;
  }
}

// Bits per element follow from the element and the scale, or from the bytes.
TEST(Registry, BitsPerElement) {
  for (const FormatInfo& info : AllFormats()) {
    if (info.family != Family::kBlock) {
      EXPECT_EQ(info.element, info.id) << info.name;
      EXPECT_EQ(info.block, 1u);
      if (info.family != Family::kTernary) {
        EXPECT_EQ(info.bits_per_element, info.bits) << info.name;
      }
      continue;
    }
    const double block = static_cast<double>(info.block);
    if (info.block_bytes != 0) {
      EXPECT_EQ(info.bits_per_element * block,
                8.0 * static_cast<double>(info.block_bytes))
          << info.name;
    } else {
      EXPECT_EQ(info.bits_per_element, info.bits + 8 / block) << info.name;
    }
  }
  EXPECT_EQ(Info(FormatId::kTq1_0).bits_per_element, 1.6875);
  EXPECT_EQ(Info(FormatId::kTernary).bits_per_element, 1.6);
}

TEST(Registry, BlockElementsAreUnscaled) {
  EXPECT_EQ(Decode(FormatId::kMxint8, 64), 1);
  EXPECT_EQ(Encode(FormatId::kMxint8, 1.5f), 96u);
  EXPECT_EQ(Decode(FormatId::kMxfp4, 7), 6);
  EXPECT_EQ(Encode(FormatId::kNvfp4, 6.0f), 7u);
}

TEST(Registry, IsConstexpr) {
  static_assert(FindFormat("fp8_e4m3") == FormatId::kFp8E4m3);
  static_assert(Decode(FormatId::kFp8E4m3, 0x7E) == 448);
  static_assert(Encode(FormatId::kInt8, 3.5f) == 4);
  static_assert(Info(FormatId::kMxfp4).bits_per_element == 4.25);
}

// The types and the registry are the same functions.
template <class Format>
void ExpectSame() {
  const auto id = FindFormat(Format::kName);
  ASSERT_TRUE(id.has_value());
  const FormatInfo& info = Info(*id);
  EXPECT_EQ(info.bits, Format::kBits);
  for (std::uint32_t code = 0; code < info.codes; ++code) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(Format::Decode(code)),
              std::bit_cast<std::uint32_t>(Decode(*id, code)));
  }
  for (const float x : {0.0f, 0.3f, -0.7f, 1.5f, -2.5f, 100.0f}) {
    for (const auto rounding : {Rounding::kNearestEven, Rounding::kHalfAway}) {
      const Policy policy{.rounding = rounding, .overflow = Overflow::kNaN};
      EXPECT_EQ(Format::Encode(x, policy), Encode(*id, x, policy));
    }
  }
}

template <class... Formats>
void ExpectAllSame() {
  (ExpectSame<Formats>(), ...);
}

TEST(Registry, EqualsTheTypes) {
  ExpectAllSame<Int<1>, Int<4>, Int<8>, Uint<3>, HalfInt<2>, Ternary, Bf16,
                Fp16, Fp8E4m3, Fp8E5m2, Fp8E3m4, Fp8E4m3Ieee, Fp8E4m3Fnuz,
                Fp8E5m2Fnuz, Fp6E3m2, Fp6E2m3, Fp4E2m1, E8m0, Nf4, Posit8Es0,
                Posit8Es1, Posit8Es2, Posit16Es0, Posit16Es1, Posit16Es2,
                Log4F0, Log4F1, Log6F2, Log8F3, Log8F4>();
}

}  // namespace
}  // namespace nibble
