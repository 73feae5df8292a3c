#include "nibble/quant/scheme.hpp"

#include <gtest/gtest.h>

#include <string>

namespace nibble {
namespace {

TEST(Scheme, NamesMeanWhatTheySay) {
  using enum Recipe;
  using enum Granularity;
  using F = FormatId;
  EXPECT_EQ(ParseScheme("int8"), (Scheme{kPlain, F::kInt8, kTensor, 0}));
  EXPECT_EQ(ParseScheme("int8/channel"), (Scheme{kPlain, F::kInt8, kChannel}));
  EXPECT_EQ(ParseScheme("int4/group32"),
            (Scheme{kPlain, F::kInt4, kGroup, 32}));
  EXPECT_EQ(ParseScheme("mxfp4"), (Scheme{kPlain, F::kMxfp4, kBlock}));
  EXPECT_EQ(ParseScheme("nf4/group64"), (Scheme{kPlain, F::kNf4, kGroup, 64}));
  EXPECT_EQ(ParseScheme("aqt:int4/channel"),
            (Scheme{kAqt, F::kInt4, kChannel}));
  EXPECT_EQ(ParseScheme("absmean:int8/token"),
            (Scheme{kAbsmean, F::kInt8, kToken}));
  EXPECT_EQ(ParseScheme("gguf:q4_0"), (Scheme{kGguf, F::kQ4_0, kBlock}));
  EXPECT_EQ(ParseScheme("gguf:mxfp4"), (Scheme{kGguf, F::kGgufMxfp4, kBlock}));
}

TEST(Scheme, CanonicalNameLeavesOutWhatIsAssumed) {
  EXPECT_EQ(ToString(ParseScheme("plain:int8/tensor")), "int8");
  EXPECT_EQ(ToString(ParseScheme("mxfp4/block")), "mxfp4");
  EXPECT_EQ(ToString(ParseScheme("q4_0")), "gguf:q4_0");
  EXPECT_EQ(ToString(ParseScheme("aqt2:int4/group128")), "aqt2:int4/group128");
}

// Every recipe, format and granularity: either refused by CheckScheme, or its
// name comes back as the same scheme.
TEST(Scheme, NamesGoThereAndBack) {
  int valid = 0;
  for (std::size_t r = 0; r < kRecipeNames.size(); ++r) {
    for (const FormatInfo& info : AllFormats()) {
      for (std::size_t g = 0; g < kGranularityNames.size(); ++g) {
        const auto granularity = static_cast<Granularity>(g);
        const Scheme scheme{
            static_cast<Recipe>(r), info.id, granularity,
            granularity == Granularity::kGroup ? std::size_t{48} : 0};
        try {
          CheckScheme(scheme);
        } catch (const std::invalid_argument&) {
          continue;
        }
        ++valid;
        EXPECT_EQ(ParseScheme(ToString(scheme)), scheme) << ToString(scheme);
      }
    }
  }
  EXPECT_GT(valid, 300);
}

std::string Refusal(std::string_view name) {
  try {
    ParseScheme(name);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Scheme, RefusesWithPositionAndTheNearestName) {
  EXPECT_EQ(Refusal("int3x"),
            "int3x: position 4: no such format, did you mean 'int3'?");
  EXPECT_EQ(Refusal("aqtt:int4/channel"),
            "aqtt:int4/channel: position 3: no such recipe, did you mean "
            "'aqt:int4/channel'?");
  EXPECT_EQ(Refusal("int8/chanel"),
            "int8/chanel: position 9: no such granularity, did you mean "
            "'int8/channel'?");
  EXPECT_EQ(Refusal("gguf:q40"),
            "gguf:q40: position 7: no such format, did you mean "
            "'gguf:q4_0'?");
  EXPECT_EQ(Refusal("int8/group"),
            "int8/group: position 10: a group needs its size, did you mean "
            "'int8/group32'?");
  EXPECT_EQ(Refusal("int8/group3x"),
            "int8/group3x: position 11: a group needs its size, did you mean "
            "'int8/group3'?");
  EXPECT_EQ(Refusal("mxfp4/channel"),
            "mxfp4/channel: position 6: the format has its own blocks, did "
            "you mean 'mxfp4'?");
  EXPECT_EQ(Refusal("absmean:int8"),
            "absmean:int8: position 12: absmean scales integers per token, "
            "did you mean 'absmean:int8/token'?");
  EXPECT_EQ(Refusal("aqt:nf4"),
            "aqt:nf4: position 4: 'nf4' is not one of this recipe, did you "
            "mean 'aqt:int4'?");
}

// Whatever is typed: a scheme or an InputError, and each name that is offered
// in its place is accepted.
TEST(Scheme, EverySuggestionIsRight) {
  for (const char* name : {"",
                           ":",
                           "/",
                           "int8/",
                           "aqt:",
                           "int",
                           "INT8",
                           "fp8",
                           "mxfp8",
                           "e8m0",
                           "q2_k",
                           "q4_1",
                           "gguf:int8",
                           "posit",
                           "nf4/group",
                           "int8/group0",
                           "int8/group-1",
                           "int8/group99999999999999999999",
                           "int8/block",
                           "gguf_mxfp4",
                           "absmean:ternary/token",
                           "absmean:int4/channel",
                           "torch:fp16",
                           "aqt2:uint8",
                           "asym:hint4",
                           "aqt:int1",
                           "int8:aqt"}) {
    const std::string message = Refusal(name);
    const std::size_t begin = message.find("did you mean '");
    ASSERT_NE(begin, std::string::npos) << name << " -> " << message;
    const std::string offered =
        message.substr(begin + 14, message.size() - begin - 16);
    EXPECT_EQ(Refusal(offered), "accepted") << name << " -> " << message;
  }
}

TEST(Scheme, BitsCountScalesAndZeroPoints) {
  const auto bits = [](const char* name, std::size_t rows, std::size_t cols) {
    return BitsPerElement(ParseScheme(name), rows, cols);
  };
  EXPECT_DOUBLE_EQ(bits("int8", 10, 16), 8 + 32.0 / 160);
  EXPECT_DOUBLE_EQ(bits("int8/channel", 10, 16), 8 + 2);
  EXPECT_DOUBLE_EQ(bits("int4/group32", 10, 64), 4 + 1);
  EXPECT_DOUBLE_EQ(bits("int4/group32", 1, 33), 4 + 64.0 / 33);
  EXPECT_DOUBLE_EQ(bits("asym:uint4/group32", 10, 64), 4 + 36.0 / 32);
  EXPECT_DOUBLE_EQ(bits("bf16", 10, 10), 16);
  EXPECT_DOUBLE_EQ(bits("mxfp4", 10, 64), 4.25);
  EXPECT_DOUBLE_EQ(bits("mxfp4", 1, 16), 8.5);  // half of the block is padding
  EXPECT_DOUBLE_EQ(bits("nvfp4", 1, 64), 4.5 + 0.5);
  EXPECT_DOUBLE_EQ(bits("gguf:tq2_0", 2, 256), 2.0625);
  EXPECT_DOUBLE_EQ(bits("absmean:ternary", 8, 100), 1.6 + 0.04);
}

TEST(Scheme, CheckNamesTheReason) {
  EXPECT_THROW(CheckScheme({.format = FormatId::kE8m0}), std::invalid_argument);
  EXPECT_THROW(CheckScheme({.format = FormatId::kInt8, .group = 3}),
               std::invalid_argument);
  CheckScheme({});
}

TEST(NearestName, CountsEdits) {
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("int8", "int8"), 0u);
  EXPECT_EQ(NearestName("x", {}), "");
}

}  // namespace
}  // namespace nibble
