#include "tools/sweep_workload.hpp"

#include <chrono>

#include "nibble/core/check.hpp"
#include "nibble/cost/cost.hpp"
#include "tools/language.hpp"
#include "tools/workload.hpp"

namespace nibble::tools {
namespace {

std::size_t Count(const sweep::Spec& spec, const std::string& key,
                  std::size_t fallback) {
  const auto found = spec.settings.find(key);
  if (found == spec.settings.end()) return fallback;
  const double* value = std::get_if<double>(&found->second);
  if (value == nullptr || !(*value >= 0 && *value < 0x1p53) ||
      *value != static_cast<double>(static_cast<std::size_t>(*value))) {
    throw InputError(spec.name, key, sweep::Text(found->second),
                     "a whole number");
  }
  return static_cast<std::size_t>(*value);
}

double Number(const sweep::Spec& spec, const std::string& key,
              double fallback) {
  const auto found = spec.settings.find(key);
  if (found == spec.settings.end()) return fallback;
  const double* value = std::get_if<double>(&found->second);
  if (value == nullptr || !(*value > 0)) {
    throw InputError(spec.name, key, sweep::Text(found->second),
                     "a number above 0");
  }
  return *value;
}

template <class T>
double AsNumber(T value) {
  return static_cast<double>(value);
}

void AddCosts(sweep::Metrics& metrics, const cost::Cost& c) {
  metrics["macs"] = AsNumber(c.macs);
  metrics["weights"] = AsNumber(c.weights);
  metrics["linear"] = AsNumber(c.linear);
  metrics["quadratic"] = AsNumber(c.quadratic);
  metrics["memory_bits"] = AsNumber(c.memory_bits);
  metrics["ace"] = AsNumber(c.ace);
  metrics["bytes"] = AsNumber(c.bytes);
}

// Adds the seconds since it was made.
class Stopwatch {
 public:
  void Stop(sweep::Metrics& metrics) const {
    const std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start_;
    metrics["seconds"] = seconds.count();
  }

 private:
  std::chrono::steady_clock::time_point start_ =
      std::chrono::steady_clock::now();
};

class ImageWorkload : public SweepWorkload {
 public:
  explicit ImageWorkload(const WorkloadOptions& options)
      : workload_(LoadWorkload(options)) {}

  sweep::Metrics Evaluate(const Configuration& configuration,
                          const Executor& executor) override {
    const Stopwatch stopwatch;
    const nn::Evaluation e =
        EvaluateWorkload(workload_, configuration, executor);
    sweep::Metrics metrics = {{"correct", AsNumber(e.correct)},
                              {"total", AsNumber(e.total)},
                              {"accuracy", e.accuracy()},
                              {"mean_logit_error", e.mean_logit_error}};
    stopwatch.Stop(metrics);
    AddCosts(metrics, cost::Count(workload_.model, configuration.schemes));
    return metrics;
  }

 private:
  Workload workload_;
};

class TextWorkload : public SweepWorkload {
 public:
  explicit TextWorkload(const LanguageOptions& options)
      : language_(LoadLanguage(options)),
        text_(LoadLanguageText(language_, options)) {}

  sweep::Metrics Evaluate(const Configuration& configuration,
                          const Executor& executor) override {
    const Stopwatch stopwatch;
    sweep::Metrics metrics;
    for (const auto& [name, value] :
         MetricsOf(EvaluateLanguage(language_, text_, configuration, executor),
                   text_)) {
      metrics[name] = value;
    }
    stopwatch.Stop(metrics);
    AddCosts(metrics, cost::Count(language_.model, configuration.schemes));
    return metrics;
  }

 private:
  Language language_;
  LanguageText text_;
};

}  // namespace

const sweep::Vocabulary kVocabulary{
    .axes = {{"weight-scheme"},
             {"act-scheme"},
             {"ends-scheme", ""},
             {"calibration", "absmax"},
             {"multiplier", "exact"},
             {"where", "all"}},
    .settings = {"model", "width", "weights", "data", "limit",
                 "calibration-images", "seed", "tokenizer", "text",
                 "calibration-text", "calibration-tokens"}};

ConfigurationNames NamesOf(const sweep::Point& point) {
  return {.weights = sweep::Text(point, "weight-scheme"),
          .acts = sweep::Text(point, "act-scheme"),
          .ends = sweep::Text(point, "ends-scheme"),
          .calibration = sweep::Text(point, "calibration"),
          .multiplier = sweep::Text(point, "multiplier"),
          .where = sweep::Text(point, "where")};
}

std::unique_ptr<SweepWorkload> LoadSweepWorkload(const sweep::Spec& spec,
                                                 const std::string& root) {
  const std::string model = spec.Setting("model", "mlp");
  if (model == "llama") {
    LanguageOptions o;
    o.weights = spec.Setting("weights");
    o.tokenizer = spec.Setting("tokenizer");
    o.text = spec.Setting("text");
    o.calibration_text = spec.Setting("calibration-text");
    o.root = root;
    o.limit = Count(spec, "limit", 0);
    o.calibration_tokens =
        Count(spec, "calibration-tokens", o.calibration_tokens);
    return std::make_unique<TextWorkload>(o);
  }
  WorkloadOptions o;
  o.model = model;
  o.width = Number(spec, "width", 1);
  o.weights = spec.Setting("weights");
  o.data = spec.Setting("data");
  o.root = root;
  o.limit = Count(spec, "limit", 0);
  o.calibration_images = Count(spec, "calibration-images", 1024);
  o.seed = Count(spec, "seed", 1);
  return std::make_unique<ImageWorkload>(o);
}

}  // namespace nibble::tools
