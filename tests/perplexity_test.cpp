// Perplexity and sampling, by hand and against the reference in double.
#include "nibble/nn/perplexity.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "data.hpp"
#include "llama_data.hpp"
#include "llama_reference.hpp"
#include "nibble/io/mapped_file.hpp"
#include "nibble/io/text.hpp"
#include "nibble/nn/generate.hpp"
#include "nibble/nn/llama.hpp"

namespace nibble::nn {
namespace {

using nibble::testing::DataDir;
using Windows = std::vector<std::vector<int>>;

TEST(Perplexity, NegativeLogLikelihoodByHand) {
  const std::vector<float> logits = {0, std::log(2.0f), std::log(5.0f)};
  EXPECT_NEAR(NegativeLogLikelihood(logits, 0), std::log(8.0), 1e-6);
  EXPECT_NEAR(NegativeLogLikelihood(logits, 2), std::log(8.0 / 5), 1e-6);
  const std::vector<float> huge = {1e30f, 1e30f, -1e30f};
  EXPECT_NEAR(NegativeLogLikelihood(huge, 1), std::log(2.0), 1e-12);
  EXPECT_THROW(NegativeLogLikelihood(logits, 3), std::invalid_argument);
  EXPECT_THROW(NegativeLogLikelihood(logits, -1), std::invalid_argument);
}

TEST(Perplexity, WindowsDoNotOverlap) {
  const Windows texts = {{1, 2, 3, 4, 5}, {6}, {7, 8, 9}, {}};
  EXPECT_EQ(CutWindows(texts, 3), (Windows{{1, 2, 3}, {4, 5}, {7, 8, 9}}));
  // The rest of one token predicts nothing.
  EXPECT_EQ(CutWindows(texts, 4), (Windows{{1, 2, 3, 4}, {7, 8, 9}}));
  EXPECT_THROW(CutWindows(texts, 1), std::invalid_argument);
}

TEST(Perplexity, TextsBeginWithBosAndEndAtTheLimit) {
  NIBBLE_NEED_DATA("stories260K");
  const auto t = io::Tokenizer::Open(DataDir() / "stories260K/tok512.bin");
  const std::string text =
      "\nOnce upon a time\n<|endoftext|>\n One day \n<|endoftext|>\nLily";
  Windows expected;
  for (const char* part : {"Once upon a time", "One day", "Lily"}) {
    expected.push_back(t.Encode(part));
    expected.back().insert(expected.back().begin(), 1);
  }
  EXPECT_EQ(TokenizeTexts(t, text), expected);
  const std::size_t first = expected[0].size();
  std::string_view rest;
  EXPECT_EQ(TokenizeTexts(t, text, first, &rest), Windows{expected[0]});
  EXPECT_EQ(rest.substr(0, 7), "One day");
  EXPECT_EQ(TokenizeTexts(t, text, first + 2, &rest),
            (Windows{expected[0], {1, expected[1][1]}}));
  EXPECT_EQ(rest, "Lily");
  TokenizeTexts(t, text, kNoLimit, &rest);
  EXPECT_EQ(rest, "");
  EXPECT_TRUE(TokenizeTexts(t, "", 5).empty());
}

// The rule of the command and the reference in double, on real text.
TEST(Perplexity, EqualsTheReference) {
  NIBBLE_NEED_DATA("stories260K");
  NIBBLE_NEED_DATA("text");
  const auto path = DataDir() / "stories260K/stories260K.bin";
  const auto t = io::Tokenizer::Open(DataDir() / "stories260K/tok512.bin");
  const auto windows = CutWindows(
      TokenizeTexts(
          t, io::ReadText(DataDir() / "text/tinystories_train_2MiB.txt"), 1200),
      300);
  const LlamaFile file = LoadLlama(path);
  const LanguageModel model(Llama(file.config), file.weights);
  ThreadPool pool(2);
  std::size_t seen = 0;
  const Perplexity p =
      Evaluate(model, windows, pool.executor(),
               [&](std::size_t tokens) { seen = tokens; });
  EXPECT_EQ(seen, p.tokens);
  EXPECT_EQ(Evaluate(model, windows).total_nll, p.total_nll);

  const io::MappedFile bytes = io::MappedFile::Open(path);
  const nibble::testing::LlamaReference reference(bytes.bytes());
  double nll = 0;
  std::size_t tokens = 0;
  for (const std::vector<int>& window : windows) {
    const auto logits = reference.Run(window);
    for (std::size_t i = 0; i + 1 < window.size(); ++i) {
      double sum = 0;
      const double* row = logits.data() + i * reference.vocab;
      for (std::size_t v = 0; v < reference.vocab; ++v) sum += std::exp(row[v]);
      nll += std::log(sum) - row[window[i + 1]];
      ++tokens;
    }
  }
  EXPECT_EQ(p.tokens, tokens);
  EXPECT_GT(tokens, 1150u);
  EXPECT_NEAR(p.nll(), nll / static_cast<double>(tokens), 1e-6);
  EXPECT_NEAR(p.perplexity(), std::exp(nll / static_cast<double>(tokens)),
              1e-5);
  // What SOURCE.txt found on the first stories.
  EXPECT_NEAR(p.nll(), 1.254, 0.15);
}

TEST(SampleToken, GreedyTakesTheFirstOfTheLargest) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(SampleToken(std::vector<float>{1, 3, 3, 2}, {}, 0), 1);
  EXPECT_EQ(SampleToken(std::vector<float>{kNaN, -1, kNaN, -2}, {}, 0), 1);
  EXPECT_THROW(SampleToken({}, {}, 0), std::invalid_argument);
  EXPECT_THROW(SampleToken(std::vector<float>{1}, {.temperature = -1}, 0),
               std::invalid_argument);
  EXPECT_THROW(SampleToken(std::vector<float>{1}, {.top_p = 0}, 0),
               std::invalid_argument);
  EXPECT_THROW(SampleToken(std::vector<float>{1}, {.top_p = 1.5f}, 0),
               std::invalid_argument);
}

// Shares of 100,000 draws, within five standard deviations.
std::vector<double> Shares(const std::vector<float>& logits,
                           const Sampling& sampling) {
  constexpr int kDraws = 100000;
  std::vector<double> shares(logits.size());
  for (int i = 0; i < kDraws; ++i) {
    const int token =
        SampleToken(logits, sampling, static_cast<std::uint64_t>(i));
    shares[static_cast<std::size_t>(token)] += 1.0 / kDraws;
  }
  return shares;
}

TEST(SampleToken, DrawsByProbability) {
  const std::vector<float> logits = {std::log(0.2f), std::log(0.5f),
                                     -std::numeric_limits<float>::infinity(),
                                     std::log(0.3f)};
  const auto at = [&](const Sampling& sampling,
                      const std::vector<double>& expected) {
    const auto shares = Shares(logits, sampling);
    for (std::size_t i = 0; i < shares.size(); ++i) {
      if (expected[i] == 0) {
        EXPECT_EQ(shares[i], 0) << i;
      } else {
        EXPECT_NEAR(shares[i], expected[i], 0.008) << i;
      }
    }
  };
  at({.temperature = 1}, {0.2, 0.5, 0, 0.3});
  const double all = 0.04 + 0.25 + 0.09;  // temperature 1/2: squares
  at({.temperature = 0.5, .seed = 7}, {0.04 / all, 0.25 / all, 0, 0.09 / all});
  at({.temperature = 1, .top_p = 0.7}, {0, 0.625, 0, 0.375});
  at({.temperature = 1, .top_p = 0.4}, {0, 1, 0, 0});
  EXPECT_EQ(SampleToken(logits, {.temperature = 1, .seed = 3}, 9),
            SampleToken(logits, {.temperature = 1, .seed = 3}, 9));
}

}  // namespace
}  // namespace nibble::nn
