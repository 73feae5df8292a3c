// The dtypes of safetensors as floats; those of npy are in npy_test.cpp.
#include <cmath>
#include <limits>
#include <utility>

#include "data.hpp"
#include "io_test.hpp"
#include "nibble/io/safetensors.hpp"

namespace nibble::io {
namespace {

using testing::ByteVector;

TensorView View(std::string dtype, std::vector<std::size_t> shape, Bytes data) {
  return {"t", std::move(dtype), std::move(shape), data};
}

TEST(ToFloat, ConvertsEveryDtype) {
  const auto values = [](const char* dtype, std::size_t n, const char* hex) {
    const ByteVector bytes = testing::FromHex(hex);
    return ToFloat(View(dtype, {n}, bytes));
  };
  using F = std::vector<float>;
  constexpr float kInf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(values("BOOL", 3, "00 01 ff"), (F{0, 1, 1}));
  EXPECT_EQ(values("U8", 2, "00 ff"), (F{0, 255}));
  EXPECT_EQ(values("I8", 2, "80 7f"), (F{-128, 127}));
  EXPECT_EQ(values("U16", 2, "ffff 0100"), (F{65535, 1}));
  EXPECT_EQ(values("I16", 2, "0080 ff7f"), (F{-32768, 32767}));
  EXPECT_EQ(values("U32", 1, "ffffffff"), (F{4294967296.0f}));
  EXPECT_EQ(values("I32", 2, "00000080 81000001"), (F{-0x1p31f, 16777344.0f}));
  EXPECT_EQ(values("U64", 1, "ffffffffffffffff"), (F{0x1p64f}));
  EXPECT_EQ(values("I64", 1, "0000000000000080"), (F{-0x1p63f}));
  EXPECT_EQ(values("F16", 5, "003c ff7b 0100 00fc 0080"),
            (F{1, 65504, 0x1p-24f, -kInf, 0}));
  EXPECT_EQ(values("BF16", 3, "803f f7c2 807f"), (F{1, -123.5f, kInf}));
  EXPECT_EQ(values("F32", 1, "00004040"), (F{3}));
  EXPECT_EQ(values("F64", 1, "9a9999999999b93f"), (F{0.1f}));
  EXPECT_EQ(values("F64", 1, "9c7500883ce437fe"), (F{-kInf}));  // -1e300
  EXPECT_EQ(values("F8_E8M0", 3, "7f 80 00"), (F{1, 2, 0x1p-127f}));
  // Four bits: the low half first. Six: [11|000000] [2222|1111] [333333|22].
  EXPECT_EQ(values("F4", 4, "21 f7"), (F{0.5f, 1, 6, -6}));
  EXPECT_EQ(values("F6_E2M3", 4, "c1 0f fc"), (F{0.125f, -7.5f, 0, -7.5f}));
  EXPECT_EQ(values("F6_E3M2", 4, "c1 0f fc"), (F{0x1p-4f, -28, 0, -28}));
  for (const char* dtype : {"F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}) {
    EXPECT_TRUE(std::isnan(values(dtype, 2, "7f 80")[dtype[7] != 0])) << dtype;
  }
  EXPECT_EQ(DtypeBits("C64"), 64);
  EXPECT_EQ(DtypeBits("f32"), std::nullopt);
}

// Every code of the small formats against another program's tables.
TEST(ToFloat, DecodesSmallFloatsAsMlDtypes) {
  struct Case {
    const char *dtype, *table;
    std::size_t bits;
  };
  const Case cases[] = {
      {"F8_E4M3", "e4m3fn", 8},       {"F8_E5M2", "e5m2", 8},
      {"F8_E4M3FNUZ", "e4m3fnuz", 8}, {"F8_E5M2FNUZ", "e5m2fnuz", 8},
      {"F8_E8M0", "e8m0fnu", 8},      {"F6_E2M3", "e2m3fn", 6},
      {"F6_E3M2", "e3m2fn", 6},       {"F4", "e2m1fn", 4},
  };
  for (const Case& c : cases) {
    const std::string name = "golden/ml_dtypes/float" + std::to_string(c.bits) +
                             "_" + c.table + "_decode.f32";
    NIBBLE_NEED_DATA(name);
    const auto expected = testing::ReadRaw<float>(name);
    ASSERT_EQ(expected.size(), 1u << c.bits);
    // Codes 0, 1, 2, ... put together bit by bit.
    ByteVector packed(expected.size() * c.bits / 8);
    for (std::size_t bit = 0; bit < packed.size() * 8; ++bit) {
      const bool set = (bit / c.bits) >> (bit % c.bits) & 1;
      if (set) packed[bit / 8] |= std::byte{1} << (bit % 8);
    }
    const auto got = ToFloat(View(c.dtype, {expected.size()}, packed));
    for (std::size_t code = 0; code < got.size(); ++code) {
      EXPECT_TRUE(got[code] == expected[code] ||
                  (std::isnan(got[code]) && std::isnan(expected[code])))
          << c.dtype << " code " << code << ": " << got[code];
    }
  }
}

}  // namespace
}  // namespace nibble::io
