// nibble search-function: programs of few operations for a function.
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>

#include "nibble/core/check.hpp"
#include "nibble/io/file.hpp"
#include "nibble/sweep/function_search.hpp"
#include "nibble/sweep/plot.hpp"
#include "nibble/sweep/progress.hpp"
#include "nibble/sweep/runner.hpp"
#include "tools/command.hpp"

namespace nibble::tools {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPoints = 1 << 16;  // of the errors that are written

struct Options {
  std::string domain = "0,1", precision = "f64", out;
  sweep::SearchConfig config;
  double minutes = 10;
  std::size_t rounds = 0;
  std::size_t threads = std::thread::hardware_concurrency();
  bool resume = false;
  Output output = Output::kTable;
};

void ReadDomain(const std::string& text, sweep::SearchConfig& config) {
  const char* begin = text.c_str();
  char* end = nullptr;
  config.lo = std::strtod(begin, &end);
  const bool comma = end != begin && *end == ',';
  const char* second = end + 1;
  if (comma) config.hi = std::strtod(second, &end);
  if (!comma || end == second || *end != '\0') {
    throw InputError("search-function", "--domain", text,
                     "two numbers, as 0,1");
  }
}

fs::path Beside(const fs::path& out, const char* extension) {
  return fs::path(out).replace_extension(extension);
}

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw InputError(path.string() + ": cannot be read");
  return text.str();
}

sweep::FunctionSearch Begin(const Options& o) {
  const fs::path out = o.out;
  if (out.extension() != ".json") {
    throw InputError("search-function", "--out", o.out, "a name as exp2.json");
  }
  if (!(o.minutes > 0 && o.minutes < 1e6)) {
    throw InputError("search-function", "--minutes", std::to_string(o.minutes),
                     "a number above 0");
  }
  const fs::path state = Beside(out, ".state");
  sweep::FunctionSearch search =
      o.resume ? sweep::FunctionSearch::Load(ReadAll(state), state.string(),
                                             o.config)
               : sweep::FunctionSearch(o.config);
  io::WriteFileAtomically(state, search.Save());  // before the work, not after
  return search;
}

// "1240 rounds, 96 k programs, 5 starts; best 3.1e-15 in 10 operations".
void ShowProgress(const sweep::FunctionSearch& search, double seconds,
                  bool last) {
  static const bool terminal = ::isatty(STDERR_FILENO) != 0;
  static double shown = 0;
  if (quiet) return;
  if (!terminal && !last && seconds < shown + 30) return;
  shown = seconds;
  const sweep::Candidate& best = search.front().back();
  std::fprintf(stderr,
               "%s%s: %zu rounds, %zu programs, %zu starts; best %.3g in %d "
               "operations%s",
               terminal ? "\r\033[K" : "", sweep::Duration(seconds).c_str(),
               search.rounds(), search.programs(), search.starts(), best.error,
               best.operations, terminal && !last ? "" : "\n");
  std::fflush(stderr);
}

// True if it was stopped by Ctrl-C.
bool Search(sweep::FunctionSearch& search, const Options& o) {
  const fs::path state = Beside(o.out, ".state");
  ThreadPool pool(o.threads);
  const sweep::StopOnInterrupt guard;
  const auto start = Clock::now();
  const auto passed = [&] {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  double saved = 0;
  while (passed() < 60 * o.minutes &&
         (o.rounds == 0 || search.rounds() < o.rounds) &&
         !sweep::StopOnInterrupt::Requested()) {
    search.Round(pool.executor());
    if (passed() > saved + 10) {
      io::WriteFileAtomically(state, search.Save());
      saved = passed();
    }
    ShowProgress(search, passed(), false);
  }
  ShowProgress(search, passed(), true);
  io::WriteFileAtomically(state, search.Save());
  return sweep::StopOnInterrupt::Requested();
}

// c0 + x (c1 + x (...)) with its minimax coefficients: the yardstick.
struct Polynomial {
  int degree;
  double error;
};

std::vector<Polynomial> MinimaxPolynomials(const sweep::Problem& problem,
                                           int operations) {
  std::vector<Polynomial> out;
  sweep::Fitter fitter(problem);
  sweep::Random random(1);
  sweep::Program horner{{}, {1}, -1};
  for (int degree = 1; 2 * degree <= operations; ++degree) {
    horner.coefficients.push_back(1);
    const auto read = horner.output;
    horner.vertices.push_back({sweep::Op::kMul, {0, read, 0}});
    const auto product = static_cast<sweep::Operand>(horner.vertices.size());
    horner.vertices.push_back(
        {sweep::Op::kAdd,
         {product, static_cast<sweep::Operand>(-degree - 1), 0}});
    horner.output = static_cast<sweep::Operand>(horner.vertices.size());
    const auto fitted = fitter.Fit(
        horner, {.random_starts = 0, .steps = 400, .promising = 1}, random);
    out.push_back({degree, problem.MeasureError(fitted.program, kPoints)});
  }
  return out;
}

Json FrontRows(const sweep::FunctionSearch& search) {
  Json rows = Json::array();
  const bool narrow = search.config().precision == sweep::Precision::kF32;
  for (const sweep::Candidate& c : search.front()) {
    const std::string name =
        search.config().target + "_" + std::to_string(c.operations);
    rows.push_back(
        {{"operations", c.operations},
         {"error", search.problem().MeasureError(c.program, kPoints)},
         {"formula", sweep::ToFormula(c.program)},
         {"coefficients", c.program.coefficients},
         {"cpp", sweep::ToCpp(c.program, name, narrow ? "float" : "double")}});
  }
  return rows;
}

std::string Csv(const Json& rows) {
  std::ostringstream out;
  out << "operations,error,formula,coefficients\n";
  for (const Json& row : rows) {
    out << row["operations"] << ',' << row["error"] << ",\""
        << row["formula"].get<std::string>() << "\",\"";
    const char* separator = "";
    for (const Json& c : row["coefficients"]) {
      out << separator << c;
      separator = " ";
    }
    out << "\"\n";
  }
  return out.str();
}

std::string Header(const Json& result) {
  std::string out = "// Made by: " + result["command"].get<std::string>() +
                    "\n#include <cmath>\n";
  for (const Json& row : result["front"]) {
    char error[32];
    std::snprintf(error, sizeof(error), "%.3g", row["error"].get<double>());
    out += "\n// " + std::to_string(row["operations"].get<int>()) +
           " operations, largest relative error " + error + " on [" +
           result["domain"].get<std::string>() + "].\n" +
           row["cpp"].get<std::string>();
  }
  return out;
}

std::string Picture(const Json& result) {
  sweep::Plot plot;
  plot.title = result["target"].get<std::string>() + " on [" +
               result["domain"].get<std::string>() + "]";
  plot.subtitle = result["command"];
  plot.x_label = "Operations (fma counts as two)";
  plot.y_label = "Correct decimal digits";
  plot.groups = {"found", "minimax polynomial"};
  const auto add = [&](const Json& rows, const std::string& group, bool front) {
    for (const Json& row : rows) {
      const double error = row["error"];
      char label[32];
      std::snprintf(label, sizeof(label), "%.2g", error);
      plot.points.push_back({.x = row["operations"].get<double>(),
                             .y = -std::log10(error),
                             .label = label,
                             .group = group,
                             .front = front});
    }
  };
  add(result["front"], "found", true);
  add(result["minimax_polynomials"], "minimax polynomial", false);
  return sweep::ToSvg(plot);
}

std::string CommandLine(const sweep::FunctionSearch& search) {
  const sweep::SearchConfig& c = search.config();
  return "nibble search-function --target " + c.target + " --domain " +
         sweep::Number(c.lo) + "," + sweep::Number(c.hi) + " --ops " +
         std::to_string(c.operations) + " --seed " + std::to_string(c.seed) +
         (c.precision == sweep::Precision::kF32 ? " --precision f32" : "") +
         " --rounds " + std::to_string(search.rounds());
}

Json Write(const sweep::FunctionSearch& search, const fs::path& out) {
  Json result = {{"command", CommandLine(search)},
                 {"target", search.config().target},
                 {"domain", sweep::Number(search.config().lo) + "," +
                                sweep::Number(search.config().hi)},
                 {"programs", search.programs()},
                 {"starts", search.starts()},
                 {"front", FrontRows(search)}};
  Json polynomials = Json::array();
  for (const Polynomial& p :
       MinimaxPolynomials(search.problem(), search.config().operations)) {
    polynomials.push_back({{"degree", p.degree},
                           {"operations", 2 * p.degree},
                           {"error", p.error}});
  }
  result["minimax_polynomials"] = polynomials;
  io::WriteFileAtomically(out, result.dump(2) + "\n");
  io::WriteFileAtomically(Beside(out, ".csv"), Csv(result["front"]));
  io::WriteFileAtomically(Beside(out, ".hpp"), Header(result));
  io::WriteFileAtomically(Beside(out, ".svg"), Picture(result));
  return result;
}

// 0: done. 1: stopped by Ctrl-C, results so far are written.
int Run(Options& o) {
  ReadDomain(o.domain, o.config);
  o.config.precision =
      o.precision == "f32" ? sweep::Precision::kF32 : sweep::Precision::kF64;
  sweep::FunctionSearch search = Begin(o);
  const bool stopped = Search(search, o);
  Json result = Write(search, o.out);
  if (o.output == Output::kTable) {
    for (Json& row : result["front"]) {
      row = {{"operations", row["operations"]},
             {"error", row["error"]},
             {"formula", row["formula"]}};
    }
  }
  PrintRows(result, "front", o.output);
  if (stopped) Log("Stopped; the same command with --resume goes on.");
  return stopped ? 1 : 0;
}

}  // namespace

void AddSearchFunction(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "search-function",
      "Evolve programs that compute a function in few operations");
  std::string names;
  for (const sweep::Target& target : sweep::Targets()) {
    names += (names.empty() ? "" : ", ") + std::string(target.name);
  }
  command->add_option("--target", o->config.target, names)
      ->capture_default_str();
  command->add_option("--domain", o->domain, "LO,HI")->capture_default_str();
  command
      ->add_option("--ops", o->config.operations,
                   "Operations at most, 1 to 24; fma counts as two")
      ->capture_default_str();
  command
      ->add_option("--out", o->out,
                   "FILE.json; .csv, .hpp, .svg and .state are written beside")
      ->required();
  command->add_option("--seed", o->config.seed, "Of the random numbers")
      ->capture_default_str();
  command->add_option("--minutes", o->minutes, "How long, at most")
      ->capture_default_str();
  command
      ->add_option("--rounds", o->rounds,
                   "How many rounds of the search, at most (0: no limit); the "
                   "result depends on it and the seed alone")
      ->capture_default_str();
  command
      ->add_option("--precision", o->precision,
                   "Arithmetic in which errors are measured")
      ->check(CLI::IsMember({"f32", "f64"}))
      ->capture_default_str();
  command->add_option("--threads", o->threads, "Threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_flag("--resume", o->resume, "Go on from FILE.state");
  AddOutput(*command, o->output);
  command->callback([o] {
    if (const int code = Run(*o); code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace nibble::tools
