// nibble sweep: every point of a specification, and the front of them all.
#include <algorithm>
#include <filesystem>
#include <memory>

#include "nibble/core/check.hpp"
#include "nibble/sweep/report.hpp"
#include "nibble/sweep/runner.hpp"
#include "nibble/sweep/spec.hpp"
#include "nibble/sweep/store.hpp"
#include "tools/command.hpp"
#include "tools/embedded.hpp"
#include "tools/multiplier_style.hpp"
#include "tools/sweep_workload.hpp"

namespace nibble::tools {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string spec, data, out;
  std::size_t threads = std::thread::hardware_concurrency();
  Output output = Output::kTable;
};

// Names and combinations are checked before the first point runs.
void CheckPoints(const sweep::Spec& spec, const std::string& where,
                 const std::string& root) {
  for (const sweep::Point& point : spec.points) {
    try {
      MakeConfiguration(NamesOf(point), root);
    } catch (const InputError& error) {
      throw InputError(where + ": point " + sweep::Key(point) + ": " +
                       error.what());
    }
  }
}

std::string CommandLine(const Options& o) {
  std::string line = "nibble sweep";
  if (!o.spec.empty()) line += " " + o.spec;
  if (!o.data.empty()) line += " --data DIR";
  return line;
}

sweep::ReportOptions ReportOptionsOf(const sweep::Spec& spec,
                                     const Options& o) {
  sweep::ReportOptions report{
      .costs = {"linear", "quadratic", "memory_bits", "bytes", "ace"},
      .command = CommandLine(o)};
  const auto varying = sweep::VaryingAxes(spec.points, spec.axes);
  if (std::ranges::find(varying, "multiplier") != varying.end()) {
    report.style = MultiplierStyle;
    report.groups = MultiplierFamilies();
  }
  return report;
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
  CheckPoints(spec, where, o.data);
  const auto workload = LoadSweepWorkload(spec, o.data);
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
          return workload->Evaluate(MakeConfiguration(NamesOf(point), o.data),
                                    pool.executor());
        },
        options);
  }
  const auto results = store.Results(spec.points);
  const sweep::ReportOptions report = ReportOptionsOf(spec, o);
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
