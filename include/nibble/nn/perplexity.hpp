// How well a language model predicts a text.
//
//     const auto texts = nn::TokenizeTexts(tokenizer, text, 100'000);
//     const auto windows = nn::CutWindows(texts, 512);
//     const nn::Perplexity p = nn::Evaluate(model, windows, pool.executor());
//     // p.perplexity(), p.nll(), p.tokens
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "nibble/core/executor.hpp"
#include "nibble/io/tokenizer.hpp"
#include "nibble/nn/language_model.hpp"

namespace nibble::nn {

inline constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// The tokens of a file of texts. Each text between <|endoftext|>, without
// blanks at its ends, becomes BOS and its tokens. The first `limit` of all
// those tokens, BOS included, are taken: the last text may be cut short.
//
// `rest`, where given, receives the texts after that: uncut, and none of them
// taken in part.
std::vector<std::vector<int>> TokenizeTexts(const io::Tokenizer& tokenizer,
                                            std::string_view text,
                                            std::size_t limit = kNoLimit,
                                            std::string_view* rest = nullptr);

// Every text cut into windows of `length` tokens, the last one shorter, which
// do not overlap. Windows of one token, in which nothing is predicted, are
// dropped.
std::vector<std::vector<int>> CutWindows(
    std::span<const std::vector<int>> texts, std::size_t length);

// The specification, in double: what is lost when `token` comes.
//
//     nll = log(sum over i of exp(logits[i])) - logits[token]
//
// Units    nats.
double NegativeLogLikelihood(std::span<const float> logits, int token);

struct Perplexity {
  double total_nll = 0;     // nats
  std::size_t tokens = 0;   // that were predicted
  std::size_t correct = 0;  // of them, those with the largest logit

  double nll() const {
    return tokens == 0 ? 0 : total_nll / static_cast<double>(tokens);
  }
  double perplexity() const { return std::exp(nll()); }
};

// Predicts every token of a window but its first from those before it in the
// window. The same bits for every executor: windows are summed in order.
//
// Errors   as LanguageModel::Run. `progress` is called with the number of
//          tokens predicted so far, from any thread, one call at a time.
Perplexity Evaluate(
    const LanguageModel& model, std::span<const std::vector<int>> windows,
    const Executor& executor = {},
    const std::function<void(std::size_t tokens)>& progress = {});

}  // namespace nibble::nn
