// A language model with its tokenizer and its text: what `perplexity`,
// `generate` and `sweep` run.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "nibble/core/executor.hpp"
#include "nibble/io/tokenizer.hpp"
#include "nibble/nn/perplexity.hpp"
#include "nibble/nn/weights.hpp"
#include "tools/configuration.hpp"

namespace nibble::tools {

struct LanguageOptions {
  std::string weights;    // llama2.c (.bin), safetensors, or a folder of it
  std::string tokenizer;  // llama2.c's
  std::string text;       // what is predicted
  std::string calibration_text;  // "": what `limit` leaves of `text`
  std::string root;  // where relative names that do not exist are looked up
  std::size_t limit = 0;  // tokens; 0 for all
  std::size_t calibration_tokens = 16384;
};

// --model, --weights, --tokenizer, --calibration-text and -tokens.
void AddLanguage(CLI::App& command, std::string& model,
                 LanguageOptions& options);

struct Language {
  nn::Model model;
  nn::Weights weights;
  io::Tokenizer tokenizer;
};

// Errors   InputError naming what is missing or does not fit.
Language LoadLanguage(const LanguageOptions& options);

// The windows that are predicted, and those that calibrate: a text's rule is in
// nn/perplexity.hpp, with 512 tokens, or as many as the model's context.
struct LanguageText {
  std::vector<std::vector<int>> windows, calibration;
  std::size_t bytes = 0;           // that the predicted tokens stand for
  std::string calibration_source;  // where those that calibrate come from
};
LanguageText LoadLanguageText(const Language& language,
                              const LanguageOptions& options);

// Errors   InputError where `configuration` needs to calibrate and there is no
// text.
nn::Perplexity EvaluateLanguage(
    const Language& language, const LanguageText& text,
    const Configuration& configuration, const Executor& executor,
    const std::function<void(std::size_t tokens)>& progress = {});

// The metrics of `p`: perplexity, nll, bits_per_byte, tokens, top1.
std::vector<std::pair<std::string, double>> MetricsOf(const nn::Perplexity& p,
                                                      const LanguageText& text);

}  // namespace nibble::tools
