#include "nibble/arith/multiplier.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "data.hpp"
#include "nibble/arith/approx_gemm.hpp"

namespace nibble {
namespace {

const char* const kNames[] = {"exact",         "lmul",
                              "lmul:k4",       "lmul:k3,l2",
                              "lmul:bf16",     "lmul:fp16,k5,l4,round",
                              "lmul:fp8_e4m3", "lmul:fp8_e5m2,k1",
                              "lmul-formula",  "lmul-formula:k7",
                              "mitchell",      "pam",
                              "pam:corrected", "drum",
                              "drum:k12",      "pot",
                              "pot:ratio",     "apot",
                              "apot:b2",       "lns",
                              "lns:g0",        "truncated",
                              "truncated:t0"};

TEST(Multiplier, NamesComeBack) {
  for (const char* name : kNames) {
    EXPECT_EQ(ToString(ParseMultiplier(name)), name);
  }
  EXPECT_EQ(ToString(ParseMultiplierName("drum:k6")), "drum");
  EXPECT_EQ(ToString(ParseMultiplierName("lmul:l2,k3")), "lmul:k3,l2");
  EXPECT_EQ(ToString(ParseMultiplierName("table:a/mul8s_1KV8.bin")),
            "table:a/mul8s_1KV8.bin");
  EXPECT_EQ(ToString(ParseMultiplierName("table-signed:mul8s_x")),
            "table:mul8s_x");
  EXPECT_EQ(ToString(ParseMultiplierName("table-signed:mul8u_x")),
            "table-signed:mul8u_x");
  EXPECT_TRUE(ParseMultiplierName("table:a/mul8s_1KV8.bin").variant);
  EXPECT_FALSE(ParseMultiplierName("table:mul8s/mul8u_1.bin").variant);
}

std::string Refusal(const char* name) {
  try {
    ParseMultiplierName(name);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Multiplier, RefusesWithPositionAndTheNearestName) {
  EXPECT_EQ(Refusal("lmu"),
            "lmu: position 3: no such multiplier, did you mean 'lmul'?");
  EXPECT_EQ(Refusal("drum:k2"),
            "drum:k2: position 6: k is 3 to 12, did you mean 'drum:k3'?");
  EXPECT_EQ(Refusal("lns:g9x"),
            "lns:g9x: position 6: g is 0 to 8, did you mean 'lns:g8'?");
  EXPECT_EQ(Refusal("lmul:k5,fp8_e4m3"),
            "lmul:k5,fp8_e4m3: position 6: fp8_e4m3 has 3 mantissa bits, did "
            "you mean 'lmul:fp8_e4m3,k3'?");
  EXPECT_EQ(Refusal("lmul:bf16,l8"),
            "lmul:bf16,l8: position 11: bf16 has 7 mantissa bits, did you mean "
            "'lmul:bf16,l7'?");
  EXPECT_EQ(Refusal("lmul:rond"),
            "lmul:rond: position 7: no such option, did you mean "
            "'lmul:round'?");
  EXPECT_EQ(Refusal("exact:k3"),
            "exact:k3: position 6: exact has no options, did you mean "
            "'exact'?");
  EXPECT_EQ(Refusal("table"),
            "table: position 5: a table needs its file, did you mean "
            "'table:mul8u_1JFF.bin'?");
  EXPECT_EQ(Refusal("table:x.bin"),
            "table:x.bin: position 5: signed or unsigned? The file's name "
            "begins with neither mul8s nor mul8u, did you mean "
            "'table-unsigned:x.bin'?");
}

// Whatever is typed: a multiplier or an InputError, and what is offered in its
// place is accepted.
TEST(Multiplier, EverySuggestionIsRight) {
  for (const char* name : {"",
                           ":",
                           ",",
                           "lmul:",
                           "lmul:,",
                           "lmul:k",
                           "lmul:k0",
                           "lmul:k99999999999",
                           "lmul:k-1",
                           "lmul:k3,",
                           "lmul:k3,,l2",
                           "LMUL",
                           "lmul-formul:k9",
                           "lmul:fp16,k11",
                           "lmul:fp8_e5m2,l3,k4",
                           "pam:correct",
                           "pot:k3",
                           "apot:b1",
                           "apot:b7",
                           "lns:g",
                           "truncated:t16",
                           "truncated:4",
                           "table:",
                           "table-signed:",
                           "tabel:x",
                           "mitchell:"}) {
    const std::string message = Refusal(name);
    const std::size_t begin = message.find("did you mean '");
    ASSERT_NE(begin, std::string::npos) << name << " -> " << message;
    const std::string offered =
        message.substr(begin + 14, message.size() - begin - 16);
    EXPECT_EQ(Refusal(offered.c_str()), "accepted") << name << " " << message;
  }
}

TEST(Multiplier, GoldenProducts) {
  const auto product = [](const char* name, float x, float w) {
    return ParseMultiplier(name)(x, w);
  };
  EXPECT_EQ(product("exact", 3, 5), 15);
  EXPECT_EQ(product("lmul", 3, 5), 14.5f);
  EXPECT_EQ(product("lmul:k4", 3, 5), 15);  // 2^-3 for 2^-4
  EXPECT_EQ(product("lmul:k3,l2", 3, 5), 16);
  EXPECT_EQ(product("mitchell", 3, 5), 14);
  EXPECT_EQ(product("pot", 3, 5), 12);    // 3 * 4
  EXPECT_EQ(product("pot", 3, -6), -24);  // a tie goes up
  EXPECT_EQ(product("pot:ratio", 1, 1.4f), 1);
  EXPECT_EQ(product("pot:ratio", 1, 1.5f), 2);
  EXPECT_EQ(product("lns:g0", 3, 5), 16);        // 2^2 * 2^2
  EXPECT_EQ(product("drum:k3", 1, 1), 1.5625f);  // 1.25 * 1.25
  EXPECT_EQ(ParseMultiplier("truncated:t0")(std::int8_t{-100}, std::int8_t{77}),
            -7700);
}

TEST(Multiplier, RefusesTablesOfTheWrongSize) {
  const auto path = std::filesystem::temp_directory_path() / "mul8u_short.bin";
  std::ofstream(path) << "no table";
  try {
    ParseMultiplier("table:" + path.string());
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("found 8 bytes, expected 131072"),
              std::string::npos)
        << error.what();
  }
  std::filesystem::remove(path);
  EXPECT_THROW(ParseMultiplier("table:/nowhere/mul8u_.bin"), InputError);
  EXPECT_THROW(ParseMultiplier("table-signed:/tmp"), InputError);
}

TEST(Multiplier, RefusesNumbersOutOfRange) {
  using enum MultiplierKind;
  EXPECT_THROW(Multiplier({.kind = kDrum, .k = 2}), std::invalid_argument);
  EXPECT_THROW(Multiplier({.kind = kApot, .n = 7}), std::invalid_argument);
  EXPECT_THROW(Multiplier({.kind = kLns, .n = 9}), std::invalid_argument);
  EXPECT_THROW(Multiplier({.kind = kTruncated, .n = 16}),
               std::invalid_argument);
  EXPECT_THROW(Multiplier({.kind = kLMul, .k = 24}), std::invalid_argument);
}

}  // namespace
}  // namespace nibble
