#include "nibble/nn/perplexity.hpp"

#include <algorithm>
#include <mutex>

#include "nibble/core/check.hpp"
#include "nibble/io/text.hpp"

namespace nibble::nn {
namespace {

// What one window gives.
Perplexity EvaluateWindow(const LanguageModel& model,
                          std::span<const int> window) {
  const std::size_t vocab = model.vocab();
  KvCache cache;
  const auto logits = model.Run(window.first(window.size() - 1), cache);
  Perplexity out;
  for (std::size_t t = 0; t + 1 < window.size(); ++t) {
    const auto row = std::span(logits).subspan(t * vocab, vocab);
    out.total_nll += NegativeLogLikelihood(row, window[t + 1]);
    const auto best = std::ranges::max_element(row) - row.begin();
    out.correct += best == window[t + 1];
    ++out.tokens;
  }
  return out;
}

}  // namespace

std::vector<std::vector<int>> TokenizeTexts(const io::Tokenizer& tokenizer,
                                            std::string_view text,
                                            std::size_t limit,
                                            std::string_view* rest) {
  std::vector<std::vector<int>> texts;
  if (rest != nullptr) *rest = {};
  for (const std::string_view part : io::SplitTexts(text)) {
    if (limit == 0) {
      if (rest != nullptr) {
        *rest =
            text.substr(static_cast<std::size_t>(part.data() - text.data()));
      }
      break;
    }
    std::vector<int> tokens = tokenizer.Encode(part);
    tokens.insert(tokens.begin(), io::Tokenizer::kBegin);
    if (tokens.size() > limit) tokens.resize(limit);
    limit -= tokens.size();
    texts.push_back(std::move(tokens));
  }
  return texts;
}

std::vector<std::vector<int>> CutWindows(
    std::span<const std::vector<int>> texts, std::size_t length) {
  NIBBLE_CHECK("CutWindows", length >= 2);
  std::vector<std::vector<int>> windows;
  for (const std::vector<int>& text : texts) {
    for (std::size_t at = 0; at + 1 < text.size(); at += length) {
      const auto first = text.begin() + static_cast<std::ptrdiff_t>(at);
      const std::size_t count = std::min(length, text.size() - at);
      windows.emplace_back(first, first + static_cast<std::ptrdiff_t>(count));
    }
  }
  return windows;
}

double NegativeLogLikelihood(std::span<const float> logits, int token) {
  NIBBLE_CHECK("NegativeLogLikelihood",
               token >= 0 && static_cast<std::size_t>(token) < logits.size());
  const double most = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit} - most);
  const double logit = logits[static_cast<std::size_t>(token)];
  return std::log(sum) + (most - logit);
}

Perplexity Evaluate(const LanguageModel& model,
                    std::span<const std::vector<int>> windows,
                    const Executor& executor,
                    const std::function<void(std::size_t tokens)>& progress) {
  std::vector<Perplexity> parts(windows.size());
  std::mutex mutex;
  std::size_t done = 0;
  executor(windows.size(), [&](std::size_t i) {
    NIBBLE_CHECK("Evaluate", windows[i].size() >= 2);
    parts[i] = EvaluateWindow(model, windows[i]);
    if (!progress) return;
    const std::lock_guard lock(mutex);
    progress(done += parts[i].tokens);
  });
  Perplexity all;
  for (const Perplexity& part : parts) {
    all.total_nll += part.total_nll;
    all.tokens += part.tokens;
    all.correct += part.correct;
  }
  return all;
}

}  // namespace nibble::nn
