#include "tools/language.hpp"

#include <algorithm>
#include <numbers>

#include "nibble/core/check.hpp"
#include "nibble/io/text.hpp"
#include "nibble/nn/llama.hpp"

namespace nibble::tools {
namespace {

constexpr std::size_t kWindow = 512;

void Need(const std::string& value, const char* flag, const char* what) {
  if (value.empty()) {
    throw InputError(std::string(flag) + ": missing; a language model needs " +
                     what);
  }
}

// Bytes of text that the predicted tokens stand for. The space that a text's
// first token has in front is not in the text.
std::size_t PredictedBytes(const io::Tokenizer& tokenizer,
                           const std::vector<std::vector<int>>& windows) {
  std::size_t bytes = 0;
  for (const std::vector<int>& window : windows) {
    for (std::size_t t = 1; t < window.size(); ++t) {
      const std::string_view piece = tokenizer.Piece(window[t]);
      const bool first = t == 1 && window[0] == io::Tokenizer::kBegin;
      bytes += piece.size() - (first && piece.starts_with(' ') ? 1 : 0);
    }
  }
  return bytes;
}

}  // namespace

void AddLanguage(CLI::App& command, std::string& model,
                 LanguageOptions& options) {
  command.add_option("--model", model, "Architecture")
      ->check(CLI::IsMember({"llama"}))
      ->capture_default_str();
  command.add_option("--weights", options.weights,
                     "llama2.c file (.bin), safetensors file or index with a "
                     "config.json beside it, or a folder of those");
  command.add_option("--tokenizer", options.tokenizer,
                     "llama2.c's tokenizer.bin");
  command.add_option("--calibration-text", options.calibration_text,
                     "Texts that find the ranges of activations");
  command
      .add_option("--calibration-tokens", options.calibration_tokens,
                  "How many tokens of them")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

Language LoadLanguage(const LanguageOptions& options) {
  Need(options.weights, "--weights",
       "a llama2.c file, or safetensors and config.json");
  Need(options.tokenizer, "--tokenizer", "a tokenizer.bin of llama2.c");
  auto file = nn::LoadLlama(Resolve(options.weights, options.root));
  const auto path = Resolve(options.tokenizer, options.root);
  Language language{nn::Llama(file.config), std::move(file.weights),
                    io::Tokenizer::Open(path)};
  if (language.tokenizer.size() > file.config.vocab) {
    throw InputError(
        path.string(), "tokens", std::to_string(language.tokenizer.size()),
        "at most the model's " + std::to_string(file.config.vocab));
  }
  return language;
}

LanguageText LoadLanguageText(const Language& language,
                              const LanguageOptions& options) {
  Need(options.text, "--text", "a text to predict");
  const std::size_t window = std::min(kWindow, language.model.context);
  const auto path = Resolve(options.text, options.root);
  const std::string text = io::ReadText(path);
  std::string_view rest;
  const auto limit = options.limit == 0 ? nn::kNoLimit : options.limit;
  LanguageText out;
  out.windows = nn::CutWindows(
      nn::TokenizeTexts(language.tokenizer, text, limit, &rest), window);
  if (out.windows.empty()) {
    throw InputError(path.string(), "text", "nothing to predict",
                     "a text of two tokens or more, within --limit");
  }
  out.bytes = PredictedBytes(language.tokenizer, out.windows);
  std::string other;
  out.calibration_source = "what --limit leaves of " + path.string();
  if (!options.calibration_text.empty()) {
    const auto other_path = Resolve(options.calibration_text, options.root);
    rest = other = io::ReadText(other_path);
    out.calibration_source = other_path.string();
  }
  out.calibration = nn::CutWindows(
      nn::TokenizeTexts(language.tokenizer, rest, options.calibration_tokens),
      window);
  return out;
}

nn::Perplexity EvaluateLanguage(
    const Language& language, const LanguageText& text,
    const Configuration& configuration, const Executor& executor,
    const std::function<void(std::size_t tokens)>& progress) {
  nn::LanguageModel model(language.model, language.weights,
                          configuration.schemes, configuration.products);
  if (model.needs_calibration()) {
    if (text.calibration.empty()) {
      throw InputError("--calibration-text",
                       "texts to find the ranges of "
                       "activations",
                       "none in " + text.calibration_source,
                       "some that are not predicted, or a scheme per token "
                       "such as int8/token");
    }
    model.Calibrate(text.calibration, configuration.calibration, executor);
  }
  return nn::Evaluate(model, text.windows, executor, progress);
}

std::vector<std::pair<std::string, double>> MetricsOf(
    const nn::Perplexity& p, const LanguageText& text) {
  const auto tokens = static_cast<double>(p.tokens);
  return {{"perplexity", p.perplexity()},
          {"nll", p.nll()},
          {"bits_per_byte",
           p.total_nll / std::numbers::ln2 / static_cast<double>(text.bytes)},
          {"tokens", tokens},
          {"top1", static_cast<double>(p.correct) / tokens}};
}

}  // namespace nibble::tools
