// llama2.c's tokenizers: files, the order of joins, and round trips.
#include "nibble/io/tokenizer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "data.hpp"
#include "io_test.hpp"
#include "nibble/io/text.hpp"

namespace nibble::io {
namespace {

using nibble::testing::Append;
using nibble::testing::ByteVector;
using nibble::testing::Refusal;

struct Piece {
  std::string text;
  float score = 0;
};

void AppendPiece(ByteVector& out, const Piece& piece) {
  Append(out, piece.score);
  Append(out, static_cast<std::int32_t>(piece.text.size()));
  for (const char c : piece.text) out.push_back(static_cast<std::byte>(c));
}

// The 259 first tokens and then `pieces`.
ByteVector File(const std::vector<Piece>& pieces, std::int32_t longest = 16) {
  ByteVector out;
  Append(out, longest);
  for (const char* name : {"<unk>", "\n<s>\n", "\n</s>\n"}) {
    AppendPiece(out, {name});
  }
  for (int i = 0; i < 256; ++i) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", i);
    AppendPiece(out, {name});
  }
  for (const Piece& piece : pieces) AppendPiece(out, piece);
  return out;
}

Tokenizer Make(const std::vector<Piece>& pieces) {
  return Tokenizer::Parse(File(pieces), "t.bin");
}

// Tokens as pieces, "|" between them.
std::string Cut(const Tokenizer& tokenizer, std::string_view text) {
  std::string out;
  for (const int token : tokenizer.Encode(text)) {
    out += (out.empty() ? "" : "|") + std::string(tokenizer.Piece(token));
  }
  return out;
}

TEST(Tokenizer, JoinsTheBestScoreFirst) {
  std::vector<Piece> pieces = {{" ", -9},  {"a", -9},  {"b", -9}, {"c", -9},
                               {"ab", -2}, {"bc", -1}, {" a", -4}};
  EXPECT_EQ(Cut(Make(pieces), "abc"), " a|bc");
  EXPECT_EQ(Cut(Make(pieces), "aabc"), " a|a|bc");
  // A join may make another one possible, which is better than what waits.
  pieces.push_back({"abc", -3});
  EXPECT_EQ(Cut(Make(pieces), "aabc"), " a|abc");
  pieces.back().score = -5;
  EXPECT_EQ(Cut(Make(pieces), "abc"), " a|bc");
}

TEST(Tokenizer, OfEqualScoresTheLeftmostComesFirst) {
  const auto t = Make({{" ", -9}, {"a", -9}, {"aa", -1}});
  EXPECT_EQ(Cut(t, "aaa"), " |aa|a");
  EXPECT_EQ(Cut(t, "aaaaa"), " |aa|aa|a");
}

TEST(Tokenizer, CharactersWithoutAPieceBecomeBytes) {
  const auto t = Make({{" ", 0}, {"\xC3\xA9", 0}, {"\xE2\x82", 5}});
  EXPECT_EQ(t.Encode("\xC3\xA9"), (std::vector<int>{259, 260}));
  // The euro sign: three bytes, of which no two are joined.
  EXPECT_EQ(t.Encode("\xE2\x82\xAC"),
            (std::vector<int>{259, 3 + 0xE2, 3 + 0x82, 3 + 0xAC}));
  EXPECT_EQ(t.Encode("\n"), (std::vector<int>{259, 3 + '\n'}));
}

TEST(Tokenizer, NamesOfTokensInATextAreText) {
  const auto t =
      Make({{" ", 0}, {"<", 0}, {"s", 0}, {">", 0}, {"<s", 1}, {"<s>", 2}});
  EXPECT_EQ(Cut(t, "<s>"), " |<s>");
  EXPECT_EQ(t.Encode("<s>")[1], 264);
  EXPECT_EQ(t.Decode(t.Encode("<0x41><s>")), "<0x41><s>");
}

TEST(Tokenizer, PiecesOfSpecialTokensAreEmpty) {
  const auto t = Make({{" a", 0}, {" ", 0}});
  const int tokens[] = {1, 259, 2, 3 + 'x'};
  EXPECT_EQ(t.Decode(tokens), "ax");
  EXPECT_THROW(t.Piece(-1), std::invalid_argument);
  EXPECT_THROW(t.Piece(261), std::invalid_argument);
  EXPECT_EQ(t.size(), 261u);
}

TEST(Tokenizer, RefusesWhatIsCutOrLies) {
  const ByteVector whole = File({{" ", 0}, {"ab", -1}});
  const auto parse = [](const ByteVector& bytes) {
    return Tokenizer::Parse(bytes, "t.bin");
  };
  // A file that ends between two pieces is whole: it has one token less.
  for (std::size_t n = 0; n + 1 < whole.size(); ++n) {
    const ByteVector part(whole.begin(),
                          whole.begin() + static_cast<std::ptrdiff_t>(n));
    const bool between = n == whole.size() - 10 || n == whole.size() - 19;
    EXPECT_EQ(Refusal([&] { parse(part); }).empty(), between) << n;
  }
  EXPECT_REFUSED(parse(ByteVector(2)),
                 "t.bin: longest piece: found 2 bytes, expected 4");
  EXPECT_REFUSED(parse(File({{"abc", 0}}, 2)),
                 "t.bin: token 259, length: found 3, expected 0 to 2");
  EXPECT_REFUSED(parse(File({{"a", std::numeric_limits<float>::quiet_NaN()}})),
                 "t.bin: token 259, score: found NaN, expected a number");
  ByteVector negative = File({{"a", 0}});
  for (std::size_t i = 2; i <= 5; ++i) {
    negative[negative.size() - i] = std::byte{0xFF};
  }
  EXPECT_REFUSED(parse(negative),
                 "t.bin: token 259, length: found -1, expected 0 to 16");
  ByteVector other = File({});
  other[other.size() - 2] = std::byte{'0'};
  EXPECT_REFUSED(parse(other),
                 "t.bin: token 258: found \"<0xF0>\", expected <0xFF>");
  ByteVector few;
  Append(few, std::int32_t{7});
  AppendPiece(few, {"<unk>"});
  EXPECT_REFUSED(parse(few), "t.bin: tokens: found 1, expected at least 259");
}

// The loop of run.c, which looks at every pair for every join.
std::vector<std::string> JoinSlowly(const std::vector<Piece>& pieces,
                                    std::vector<std::string> parts) {
  while (true) {
    std::size_t best = parts.size();
    float best_score = 0;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      for (const Piece& piece : pieces) {
        if (piece.text == parts[i] + parts[i + 1] &&
            (best == parts.size() || piece.score > best_score)) {
          best = i;
          best_score = piece.score;
        }
      }
    }
    if (best == parts.size()) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(Tokenizer, EqualsTheLoopOverAllPairs) {
  std::mt19937 rng(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Piece> pieces = {{" ", 0}, {"a", 0}, {"b", 0}};
    for (int i = 0; i < 12; ++i) {
      std::string text;
      for (std::size_t n = 2 + rng() % 3; n > 0; --n) text += " ab"[rng() % 3];
      bool known = false;
      for (const Piece& p : pieces) known |= p.text == text;
      if (!known) pieces.push_back({text, static_cast<float>(rng() % 4)});
    }
    std::string text;
    for (std::size_t n = 1 + rng() % 40; n > 0; --n) text += " ab"[rng() % 3];
    std::vector<std::string> characters = {" "};
    for (const char c : text) characters.emplace_back(1, c);
    std::string expected;
    for (const auto& part : JoinSlowly(pieces, characters)) {
      expected += (expected.empty() ? "" : "|") + part;
    }
    ASSERT_EQ(Cut(Make(pieces), text), expected) << text;
  }
}

const std::vector<std::string>& TrickyTexts() {
  static const std::vector<std::string> texts = {
      "",
      " ",
      "  ",
      "a",
      " a",
      "a ",
      "\n",
      "\n\n",
      "\t \n",
      "Once upon a time",
      "caf\xC3\xA9 na\xC3\xAFve \xE2\x82\xAC 5",
      "\xF0\x9F\x98\x80 smile",
      "<s>",
      "</s>",
      "<unk>",
      "<0x0A>",
      "\n<s>\n",
      "<|endoftext|>",
      std::string("nul\0in it", 9),
      "\xFF\xFE\x80\x80\x80\x80\x80",
      "\xC3",
      "\xE2\x82",
      "\x80",
      "\xEF\xBB\xBF"
      "bom",
      "\xE2\x96\x81underline",
      "tab\tand\rreturn",
      "    many      spaces   ",
      std::string(1000, 'a'),
      std::string(500, ' ')};
  return texts;
}

TEST(Tokenizer, RoundTripsOfTrickyTexts) {
  NIBBLE_NEED_DATA("stories260K");
  const auto t =
      Tokenizer::Open(nibble::testing::DataDir() / "stories260K/tok512.bin");
  EXPECT_EQ(t.size(), 512u);
  for (const std::string& text : TrickyTexts()) {
    EXPECT_EQ(t.Decode(t.Encode(text)), text);
  }
  std::mt19937 rng(2);
  for (int round = 0; round < 300; ++round) {
    std::string text(rng() % 50, 0);
    for (char& c : text) c = static_cast<char>(rng() % 256);
    EXPECT_EQ(t.Decode(t.Encode(text)), text);
  }
}

TEST(Tokenizer, GoldenTextHasTheGoldenTokens) {
  NIBBLE_NEED_DATA("stories260K");
  const auto dir = nibble::testing::DataDir() / "stories260K";
  const auto t = Tokenizer::Open(dir / "tok512.bin");
  const std::string text = ReadText(dir / "golden_greedy_text.txt");
  const auto golden = nibble::testing::ReadRaw<std::int32_t>(
      "stories260K/golden_greedy_tokens_i32.bin");
  const auto tokens = t.Encode(text.substr(0, text.size() - 1));
  EXPECT_EQ(tokens, std::vector<int>(golden.begin() + 1, golden.end()));
}

TEST(SplitTexts, CutsAndTrims) {
  using Texts = std::vector<std::string_view>;
  EXPECT_EQ(SplitTexts(" a b\n<|endoftext|>\nc<|endoftext|>\n<|endoftext|>"),
            (Texts{"a b", "c"}));
  EXPECT_EQ(SplitTexts(""), Texts{});
  EXPECT_EQ(SplitTexts(" \n"), Texts{});
  EXPECT_EQ(SplitTexts("x<|endoftext"), (Texts{"x<|endoftext"}));
}

}  // namespace
}  // namespace nibble::io
