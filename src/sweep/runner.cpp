#include "nibble/sweep/runner.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>

namespace nibble::sweep {
namespace {

volatile std::sig_atomic_t interrupted = 0;
std::array<struct sigaction, 2> earlier_actions;
constexpr std::array<int, 2> kSignals = {SIGINT, SIGTERM};

extern "C" void OnSignal(int) { interrupted = 1; }

Result EvaluateOne(const Point& point, const Evaluate& evaluate) {
  Result result;
  result.point = point;
  result.started = UtcNow();
  const auto start = std::chrono::steady_clock::now();
  try {
    result.metrics = evaluate(point);
  } catch (const std::exception& error) {
    result.error = error.what();
    if (result.error.empty()) result.error = "failed without a message";
  }
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  result.seconds = seconds.count();
  return result;
}

// The values of these axes, as "int4/channel, int8".
std::string ShortName(const Point& point,
                      const std::vector<std::string>& axes) {
  std::string name;
  for (const std::string& axis : axes) {
    const std::string text = Text(point, axis);
    if (!text.empty()) name += (name.empty() ? "" : ", ") + text;
  }
  return name.empty() ? Key(point) : name;
}

std::string Outcome(const Result& result, const std::string& accuracy) {
  if (!result.ok()) return "  failed: " + result.error;
  const auto found = result.metrics.find(accuracy);
  if (found == result.metrics.end()) return "";
  char text[32];
  const bool share = found->second >= 0 && found->second <= 1;
  std::snprintf(text, sizeof(text), share ? "  %.2f %%" : "  %.5g",
                share ? 100 * found->second : found->second);
  return text;
}

}  // namespace

RunSummary RunSweep(const std::vector<Point>& points, Store& store,
                    const Evaluate& evaluate, const RunOptions& options) {
  RunSummary summary;
  summary.total = points.size();
  std::vector<const Point*> missing;
  for (const Point& point : points) {
    if (!store.Has(point)) missing.push_back(&point);
  }
  summary.earlier = points.size() - missing.size();

  const auto axes = VaryingAxes(points, options.axes);
  Progress progress(options.quiet);
  progress.Begin(summary.total, summary.earlier);
  for (const Point* point : missing) {
    if (options.stop()) {
      summary.stopped = true;
      break;
    }
    const std::string name = ShortName(*point, axes);
    progress.Working(name);
    const Result result = EvaluateOne(*point, evaluate);
    store.Add(result);
    ++(result.ok() ? summary.finished : summary.failed);
    progress.Done(name + Outcome(result, options.accuracy), result.ok());
  }
  return summary;
}

StopOnInterrupt::StopOnInterrupt() {
  interrupted = 0;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags =  // the second one kills; reads go on after the first
      static_cast<int>(SA_RESETHAND | SA_RESTART);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &action, &earlier_actions[i]);
  }
}

StopOnInterrupt::~StopOnInterrupt() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &earlier_actions[i], nullptr);
  }
}

bool StopOnInterrupt::Requested() { return interrupted != 0; }

}  // namespace nibble::sweep
