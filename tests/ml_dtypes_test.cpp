// Small floats as another program converts them.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <string>
#include <type_traits>

#include "data.hpp"
#include "nibble/format/e8m0.hpp"
#include "nibble/format/minifloat.hpp"

namespace nibble {
namespace {

// All 65,536 bfloat16 inputs as ml_dtypes converts them, and its decode table.
template <class Format>
void EqualsMlDtypes(const std::string& name, bool has_nan) {
  const std::string stem = "golden/ml_dtypes/" + name;
  NIBBLE_NEED_DATA(stem + "_from_bf16.u8");
  const auto decoded = testing::ReadRaw<float>(stem + "_decode.f32");
  ASSERT_EQ(decoded.size(), 1u << Format::kBits);
  for (std::uint32_t code = 0; code < decoded.size(); ++code) {
    if (std::isnan(decoded[code])) {
      EXPECT_TRUE(std::isnan(Format::Decode(code))) << name << " " << code;
    } else {
      EXPECT_EQ(std::bit_cast<std::uint32_t>(Format::Decode(code)),
                std::bit_cast<std::uint32_t>(decoded[code]))
          << name << " " << code;
    }
  }
  constexpr bool kIsScale = std::is_same_v<Format, E8m0>;
  // Ties of E8M0 go up there.
  const Rounding rounding =
      kIsScale ? Rounding::kHalfUp : Rounding::kNearestEven;
  for (const bool saturate : {false, true}) {
    const auto expected = testing::ReadRaw<std::uint8_t>(
        stem + (saturate ? "_from_bf16_saturate.u8" : "_from_bf16.u8"));
    ASSERT_EQ(expected.size(), 65536u);
    const Policy policy{
        .rounding = rounding,
        .overflow = saturate ? Overflow::kSaturate : Overflow::kInfinity,
        .infinity_saturates = false};
    int compared = 0;
    for (std::uint32_t i = 0; i < 65536; ++i) {
      const float x = std::bit_cast<float>(i << 16);
      if (std::isnan(x) && !has_nan) continue;
      if (kIsScale && i >= 0x0041 && i <= 0x005F) continue;  // wrong there
      const std::uint32_t got = Format::Encode(x, policy);
      const std::uint32_t want = expected[i];
      ++compared;
      if (std::isnan(decoded[want])) {
        ASSERT_TRUE(std::isnan(decoded[got])) << name << " input " << i;
      } else {
        ASSERT_EQ(got, want) << name << " input " << i << " " << x;
      }
    }
    EXPECT_EQ(compared, 65536 - (has_nan ? 0 : 254) - (kIsScale ? 31 : 0));
  }
}

TEST(MlDtypes, Fp8E4m3) { EqualsMlDtypes<Fp8E4m3>("float8_e4m3fn", true); }
TEST(MlDtypes, Fp8E5m2) { EqualsMlDtypes<Fp8E5m2>("float8_e5m2", true); }
TEST(MlDtypes, Fp8E3m4) { EqualsMlDtypes<Fp8E3m4>("float8_e3m4", true); }
TEST(MlDtypes, Fp8E4m3Ieee) {
  EqualsMlDtypes<Fp8E4m3Ieee>("float8_e4m3", true);
}
TEST(MlDtypes, Fp8E4m3Fnuz) {
  EqualsMlDtypes<Fp8E4m3Fnuz>("float8_e4m3fnuz", true);
}
TEST(MlDtypes, Fp8E5m2Fnuz) {
  EqualsMlDtypes<Fp8E5m2Fnuz>("float8_e5m2fnuz", true);
}
TEST(MlDtypes, E8m0) { EqualsMlDtypes<E8m0>("float8_e8m0fnu", true); }
TEST(MlDtypes, Fp6E2m3) { EqualsMlDtypes<Fp6E2m3>("float6_e2m3fn", false); }
TEST(MlDtypes, Fp6E3m2) { EqualsMlDtypes<Fp6E3m2>("float6_e3m2fn", false); }
TEST(MlDtypes, Fp4E2m1) { EqualsMlDtypes<Fp4E2m1>("float4_e2m1fn", false); }

}  // namespace
}  // namespace nibble
