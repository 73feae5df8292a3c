// nibble sweep: every point of a specification, and the front of them all.
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>

#include "nibble/sweep/report.hpp"
#include "nibble/sweep/runner.hpp"
#include "nibble/sweep/spec.hpp"
#include "nibble/sweep/store.hpp"
#include "tools/command.hpp"
#include "tools/embedded.hpp"
#include "tools/workload.hpp"

namespace nibble::tools {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string spec, data, out;
  std::size_t threads = std::thread::hardware_concurrency();
  Output output = Output::kTable;
};

const sweep::Vocabulary kVocabulary{
    .axes = {{"weight-scheme"},
             {"act-scheme"},
             {"ends-scheme", ""},
             {"calibration", "absmax"}},
    .settings = {"model", "width", "weights", "data", "limit",
                 "calibration-images", "seed"}};

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

WorkloadOptions WorkloadOf(const sweep::Spec& spec, const std::string& root) {
  WorkloadOptions o;
  o.model = spec.Setting("model", "mlp");
  o.width = Number(spec, "width", 1);
  o.weights = spec.Setting("weights");
  o.data = spec.Setting("data");
  o.root = root;
  o.limit = Count(spec, "limit", 0);
  o.calibration_images = Count(spec, "calibration-images", 1024);
  o.seed = Count(spec, "seed", 1);
  return o;
}

nn::QuantSpec SchemesOf(const sweep::Point& point) {
  return MakeQuantSpec(sweep::Text(point, "weight-scheme"),
                       sweep::Text(point, "act-scheme"),
                       sweep::Text(point, "ends-scheme"));
}

// Names and combinations are checked before the first point runs.
void CheckPoints(const sweep::Spec& spec, const std::string& where) {
  for (const sweep::Point& point : spec.points) {
    try {
      SchemesOf(point);
      ParseCalibration(sweep::Text(point, "calibration"));
    } catch (const InputError& error) {
      throw InputError(where + ": point " + sweep::Key(point) + ": " +
                       error.what());
    }
  }
}

sweep::Metrics MetricsOf(Workload& workload, const sweep::Point& point,
                         const Executor& executor) {
  const auto start = std::chrono::steady_clock::now();
  const nn::QuantSpec spec = SchemesOf(point);
  const nn::Evaluation e = EvaluateWorkload(
      workload, spec, ParseCalibration(sweep::Text(point, "calibration")),
      executor);
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  const cost::Cost c = cost::Count(workload.model, spec);
  const auto number = [](auto value) { return static_cast<double>(value); };
  return {{"correct", number(e.correct)},
          {"total", number(e.total)},
          {"accuracy", e.accuracy()},
          {"mean_logit_error", e.mean_logit_error},
          {"macs", number(c.macs)},
          {"weights", number(c.weights)},
          {"linear", number(c.linear)},
          {"quadratic", number(c.quadratic)},
          {"memory_bits", number(c.memory_bits)},
          {"ace", number(c.ace)},
          {"bytes", number(c.bytes)},
          {"seconds", seconds.count()}};
}

std::string CommandLine(const Options& o) {
  std::string line = "nibble sweep";
  if (!o.spec.empty()) line += " " + o.spec;
  if (!o.data.empty()) line += " --data DIR";
  return line;
}

Json FrontOf(const sweep::Spec& spec, const std::vector<sweep::Result>& results,
             const sweep::ReportOptions& report) {
  const sweep::FrontReport front =
      sweep::FindFront(spec, results, spec.cost, report);
  Json rows = Json::array();
  for (const std::size_t i : front.members) {
    const sweep::Result& r = results[i];
    rows.push_back({{"point", report.style(r.point, spec.axes).label},
                    {spec.cost, r.metrics.at(spec.cost)},
                    {spec.accuracy, r.metrics.at(spec.accuracy)}});
  }
  return rows;
}

// 0: everything is done. 1: a point failed, or Ctrl-C stopped the run.
int Run(const Options& o) {
  const std::string where = o.spec.empty() ? "digits.json" : o.spec;
  const sweep::Spec spec =
      o.spec.empty() ? sweep::ParseSpec(digits_json(), where, kVocabulary)
                     : sweep::ReadSpec(o.spec, kVocabulary);
  CheckPoints(spec, where);
  const WorkloadOptions workload_options = WorkloadOf(spec, o.data);
  Workload workload = LoadWorkload(workload_options);
  const fs::path out =
      o.out.empty() ? fs::path("results") / spec.name : fs::path(o.out);
  std::error_code error;
  fs::create_directories(out, error);
  if (error) throw InputError("--out " + out.string() + ": " + error.message());
  sweep::Store store =
      sweep::Store::Open(out / "points.sqlite", sweep::Identity(spec),
                         sweep::Here(NIBBLE_COMMIT, CommandLine(o)));
  ThreadPool pool(o.threads);
  sweep::RunSummary summary;
  {
    const sweep::StopOnInterrupt guard;
    sweep::RunOptions options{.quiet = quiet,
                              .accuracy = spec.accuracy,
                              .axes = spec.axes,
                              .stop = sweep::StopOnInterrupt::Requested};
    summary = sweep::RunSweep(
        spec.points, store,
        [&](const sweep::Point& point) {
          return MetricsOf(workload, point, pool.executor());
        },
        options);
  }
  const auto results = store.Results(spec.points);
  const sweep::ReportOptions report{
      .costs = {"linear", "quadratic", "memory_bits", "bytes", "ace"},
      .command = CommandLine(o)};
  const sweep::Written written = sweep::WriteReport(out, spec, results, report);
  PrintRows({{"name", spec.name},
             {"points", summary.total},
             {"finished", summary.finished},
             {"earlier", summary.earlier},
             {"failed", summary.failed},
             {"cost", spec.cost},
             {"front", FrontOf(spec, results, report)}},
            "front", o.output);
  if (!written.note.empty()) Log(written.note);
  Log("Report: " + fs::absolute(out / "report.html").string());
  if (summary.stopped) {
    Log("Stopped; the same command goes on where it was.");
    return 1;
  }
  return summary.failed == 0 ? 0 : 1;
}

}  // namespace

void AddSweep(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "sweep", "Evaluate every point of a specification; draw the front");
  command->add_option("spec", o->spec,
                      "JSON file (default: the embedded digits, every format)");
  command
      ->add_option("--data", o->data,
                   "Folder that the specification's files lie in")
      ->envname("NIBBLE_DATA");
  command->add_option("--out", o->out, "Folder of the results (results/NAME)");
  command->add_option("--threads", o->threads, "Threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  AddOutput(*command, o->output);
  command->callback([o] {
    if (const int code = Run(*o); code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace nibble::tools
