// nibble generate: a language model goes on with a text.
#include <chrono>
#include <iostream>
#include <memory>

#include "nibble/core/check.hpp"
#include "nibble/nn/generate.hpp"
#include "tools/command.hpp"
#include "tools/language.hpp"

namespace nibble::tools {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string model = "llama", prompt;
  LanguageOptions language;
  ConfigurationNames names;
  std::size_t tokens = 256;
  nn::Sampling sampling;
  std::size_t threads = std::thread::hardware_concurrency();
};

double Seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Tokens as text, as they come. The space in front of a text's first token is
// not part of it.
class Printer {
 public:
  explicit Printer(const io::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void Print(int token) {
    std::string_view piece = tokenizer_.Piece(token);
    if (first_ && piece.starts_with(' ')) piece.remove_prefix(1);
    first_ = false;
    std::cout << piece << std::flush;
  }

 private:
  const io::Tokenizer& tokenizer_;
  bool first_ = true;
};

std::string Rate(std::size_t tokens, double seconds) {
  std::ostringstream out;
  out.precision(4);
  out << tokens << " tokens";
  if (tokens > 0 && seconds > 0) {
    out << ", " << static_cast<double>(tokens) / seconds << " tokens/s";
  }
  return out.str();
}

nn::LanguageModel Load(const Language& language, const Options& o,
                       const Executor& executor) {
  const Configuration configuration = MakeConfiguration(o.names);
  nn::LanguageModel model(language.model, language.weights,
                          configuration.schemes, configuration.products);
  if (model.needs_calibration()) {
    LanguageOptions options = o.language;
    options.text = options.calibration_text;
    if (options.text.empty()) {
      throw InputError(
          "--calibration-text: missing; a scheme such as int8 has "
          "one range for all tokens (int8/token needs none)");
    }
    const LanguageText text = LoadLanguageText(language, options);
    model.Calibrate(text.calibration, configuration.calibration, executor);
  }
  return model;
}

void Run(const Options& o) {
  const Language language = LoadLanguage(o.language);
  ThreadPool pool(o.threads);
  const nn::LanguageModel model = Load(language, o, pool.executor());
  std::vector<int> prompt = language.tokenizer.Encode(o.prompt);
  prompt.insert(prompt.begin(), io::Tokenizer::kBegin);
  const std::size_t context = model.model().context;
  if (prompt.size() > context) {
    throw InputError("--prompt", "tokens", std::to_string(prompt.size()),
                     "at most the model's " + std::to_string(context));
  }
  Printer printer(language.tokenizer);
  for (const int token : std::span(prompt).subspan(1)) printer.Print(token);

  const auto start = Clock::now();
  nn::KvCache cache;
  std::vector<float> logits = model.RunLast(prompt, cache, pool.executor());
  auto first = Clock::now();
  std::size_t made = 0;
  while (made < o.tokens) {
    const int token = nn::SampleToken(logits, o.sampling, made);
    if (made == 0) first = Clock::now();
    if (token == io::Tokenizer::kBegin || token == io::Tokenizer::kEnd) break;
    printer.Print(token);
    if (++made == o.tokens || cache.tokens == context) break;
    logits = model.RunLast(std::span(&token, 1), cache, pool.executor());
  }
  const auto end = Clock::now();
  std::cout << '\n';
  Log("Prompt: " + Rate(prompt.size(), Seconds(start, first)) +
      "; time to first token " + std::to_string(1e3 * Seconds(start, first)) +
      " ms");
  Log("Generated: " +
      Rate(made, made > 1 ? Seconds(first, end) * static_cast<double>(made) /
                                static_cast<double>(made - 1)
                          : 0));
}

}  // namespace

void AddGenerate(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("generate", "Go on with a text, token by token");
  AddLanguage(*command, o->model, o->language);
  command->add_option("--prompt", o->prompt, "Beginning of the text");
  command->add_option("--tokens", o->tokens, "How many to add at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--temperature", o->sampling.temperature,
                   "0: the likeliest token; larger: more surprises")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--top-p", o->sampling.top_p,
                   "Draw from the likeliest tokens of this probability")
      ->check(CLI::Range(1e-9, 1.0))
      ->capture_default_str();
  command->add_option("--seed", o->sampling.seed, "Of the draws")
      ->capture_default_str();
  AddSchemes(*command, o->names);
  AddMultiplier(*command, o->names);
  AddCalibration(*command, o->names);
  command->add_option("--threads", o->threads, "Threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->callback([o] { Run(*o); });
}

}  // namespace nibble::tools
