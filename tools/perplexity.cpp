// nibble perplexity: how well a language model predicts a text.
#include <chrono>
#include <memory>

#include "nibble/cost/cost.hpp"
#include "tools/command.hpp"
#include "tools/language.hpp"
#include "tools/progress.hpp"

namespace nibble::tools {
namespace {

struct Options {
  std::string model = "llama";
  LanguageOptions language;
  ConfigurationNames names;
  std::size_t threads = std::thread::hardware_concurrency();
  Output output = Output::kTable;
};

std::size_t PredictedTokens(const LanguageText& text) {
  std::size_t tokens = 0;
  for (const std::vector<int>& window : text.windows) {
    tokens += window.size() - 1;
  }
  return tokens;
}

void Run(const Options& o) {
  const Configuration configuration = MakeConfiguration(o.names);
  const Language language = LoadLanguage(o.language);
  const LanguageText text = LoadLanguageText(language, o.language);
  ThreadPool pool(o.threads);
  const auto start = std::chrono::steady_clock::now();
  const nn::Perplexity p =
      EvaluateLanguage(language, text, configuration, pool.executor(),
                       TerminalProgress(PredictedTokens(text)));
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  Json out = {{"model", o.model},
              {"weights_file", o.language.weights},
              {"text", o.language.text},
              {"weight_scheme", OrNull(o.names.weights)},
              {"act_scheme", OrNull(o.names.acts)},
              {"ends_scheme", OrNull(o.names.ends)},
              {"calibration", o.names.calibration},
              {"multiplier", o.names.multiplier},
              {"where", o.names.where}};
  for (const auto& [name, value] : MetricsOf(p, text)) out[name] = value;
  out["tokens"] = p.tokens;
  AddCosts(out, cost::Count(language.model, configuration.schemes));
  out["threads"] = o.threads;
  out["seconds"] = seconds.count();
  out["peak_bytes"] = PeakBytes();
  Print(out, o.output);
}

}  // namespace

void AddPerplexity(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "perplexity",
      "Predict a text with a language model under number formats");
  AddLanguage(*command, o->model, o->language);
  command->add_option("--text", o->language.text,
                      "File of texts with <|endoftext|> between them");
  command
      ->add_option("--limit", o->language.limit,
                   "Tokens of the text; 0 for all")
      ->capture_default_str();
  AddSchemes(*command, o->names);
  AddMultiplier(*command, o->names);
  AddCalibration(*command, o->names);
  command->add_option("--threads", o->threads, "Threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  AddOutput(*command, o->output);
  command->callback([o] { Run(*o); });
}

}  // namespace nibble::tools
