#include "nibble/sweep/function_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "nibble/core/check.hpp"
#include "nibble/pareto/front.hpp"
#include "src/sweep/mutate.hpp"

namespace nibble::sweep {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr std::size_t kWorkers = 8;  // whatever the number of threads
constexpr std::size_t kKept = 5;     // of twice as many that a worker draws
constexpr std::size_t kPool = 120;
constexpr std::size_t kPatience = 250;  // rounds without a better front
constexpr std::size_t kRefinement = 8;  // every so many rounds: the front again
constexpr int kFewSteps = 15;           // of a first fit
constexpr std::size_t kLongStarts = 9;  // where a fit promises something
constexpr int kTriesPerShape = 3;
constexpr std::size_t kShapes = 1 << 16;  // remembered

constexpr pareto::Goal kGoals[] = {pareto::Goal::kMinimize,
                                   pareto::Goal::kMinimize};

std::vector<std::size_t> RanksOf(const std::vector<Candidate>& candidates) {
  std::vector<pareto::Point> points;
  for (const Candidate& c : candidates) {
    points.push_back({static_cast<double>(c.operations), c.error});
  }
  return pareto::Ranks(points, kGoals);
}

// Each configuration, round and place has random numbers of its own.
std::uint64_t SeedOf(std::uint64_t seed, std::size_t round, std::size_t place) {
  Random random(seed);
  Random mixed(random.Bits() ^ round);
  return Random(mixed.Bits() ^ place).Bits();
}

}  // namespace

FunctionSearch::FunctionSearch(const SearchConfig& config)
    : config_(config),
      problem_(config.target, config.lo, config.hi, config.precision) {
  if (config.operations < 1 || config.operations > 24) {
    throw InputError("search-function", "ops",
                     std::to_string(config.operations), "1 to 24");
  }
  BeginAnew();
}

// The identity alone, or every other time beside the front.
void FunctionSearch::BeginAnew() {
  pool_.clear();
  tries_.clear();
  still_ = 0;
  const Candidate identity{{}, 0, problem_.MeasureError({}, 4096)};
  Enter(identity);
  pool_.push_back(identity);
  if (starts_ % 2 == 1) {
    pool_.insert(pool_.end(), front_.begin(), front_.end());
  }
  ++starts_;
}

double FunctionSearch::FrontError(int operations) const {
  double error = kInf;
  for (const Candidate& c : front_) {
    if (c.operations <= operations) error = std::min(error, c.error);
  }
  return error;
}

// Whether the candidate is on the front now.
bool FunctionSearch::Enter(const Candidate& candidate) {
  if (!(candidate.error < FrontError(candidate.operations))) return false;
  std::erase_if(front_, [&](const Candidate& c) {
    return c.operations >= candidate.operations && c.error >= candidate.error;
  });
  const auto place = std::ranges::upper_bound(front_, candidate.operations, {},
                                              &Candidate::operations);
  front_.insert(place, candidate);
  return true;
}

// Of ten drawn from the pool the five of the best ranks.
std::vector<std::size_t> FunctionSearch::DrawParents(Random& random) const {
  std::vector<Candidate> drawn;
  std::vector<std::size_t> where;
  for (std::size_t i = 0; i < 2 * kKept; ++i) {
    where.push_back(random.Below(pool_.size()));
    drawn.push_back(pool_[where.back()]);
  }
  const std::vector<std::size_t> ranks = RanksOf(drawn);
  std::vector<std::size_t> order(drawn.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return ranks[i]; });
  std::vector<std::size_t> parents;
  for (std::size_t i = 0; i < kKept; ++i) parents.push_back(where[order[i]]);
  return parents;
}

// One to four mutations, again until the function is another one, fits, and has
// not been tried too often.
bool FunctionSearch::MakeChild(const Program& parent, Random& random,
                               Program& child) {
  const std::uint64_t old = Fingerprint(Simplify(parent));
  for (int attempt = 0; attempt < 50; ++attempt) {
    child = Mutate(parent, random);
    for (int more = 0; more < 3 && random.Below(5) < 2; ++more) {
      child = Mutate(child, random);
    }
    child = Simplify(child);
    if (CountOperations(child) > config_.operations) continue;
    const std::uint64_t shape = Fingerprint(child);
    if (shape == old) continue;
    int& tries = tries_[shape];
    if (tries >= kTriesPerShape) continue;
    ++tries;
    return true;
  }
  return false;
}

void FunctionSearch::FitTask(Task& task) const {
  Random random(task.seed);
  const int operations = CountOperations(task.program);
  const double best = FrontError(operations);
  Fitter fitter(problem_);
  Fitted fitted = fitter.Fit(
      task.program, {.steps = kFewSteps, .promising = 30 * best}, random);
  if (task.refine || fitted.error < 100 * best) {
    const FitOptions long_options{.random_starts = kLongStarts,
                                  .promising = 30 * best};
    Fitted longer = fitter.Fit(task.program, long_options, random);
    if (longer.error < fitted.error) fitted = std::move(longer);
  }
  if (fitted.error < best) {
    fitted.error = problem_.MeasureError(fitted.program, 4096);
  }
  task.result = {std::move(fitted.program), operations, fitted.error};
}

// The pool's best ranks; within one, those that stand apart. Of candidates with
// about the same error and as many operations one stays.
void FunctionSearch::Select() {
  std::ranges::stable_sort(pool_, [](const Candidate& a, const Candidate& b) {
    return a.operations != b.operations ? a.operations < b.operations
                                        : a.error < b.error;
  });
  const auto same = [](const Candidate& a, const Candidate& b) {
    return a.operations == b.operations && b.error < a.error * 1.001;
  };
  pool_.erase(std::unique(pool_.begin(), pool_.end(), same), pool_.end());
  const std::vector<std::size_t> ranks = RanksOf(pool_);
  std::vector<std::size_t> order(pool_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return ranks[i]; });
  std::vector<Candidate> kept;
  for (const std::size_t i : order) {
    if (kept.size() == kPool || ranks[i] == pareto::kNoRank) break;
    kept.push_back(std::move(pool_[i]));
  }
  pool_ = std::move(kept);
}

void FunctionSearch::Round(const Executor& executor) {
  std::vector<Task> tasks;
  for (std::size_t worker = 0; worker < kWorkers; ++worker) {
    Random random(SeedOf(config_.seed, rounds_, worker));
    for (const std::size_t parent : DrawParents(random)) {
      for (int child = 0; child < 2; ++child) {
        Task task{{}, random.Bits(), false, {}};
        if (MakeChild(pool_[parent].program, random, task.program)) {
          tasks.push_back(std::move(task));
        }
      }
    }
  }
  if (rounds_ % kRefinement == kRefinement - 1) {
    for (std::size_t i = 0; i < front_.size(); ++i) {
      const std::uint64_t seed = SeedOf(config_.seed, rounds_, kWorkers + i);
      tasks.push_back({front_[i].program, seed, true, {}});
    }
  }
  executor(tasks.size(), [&](std::size_t i) { FitTask(tasks[i]); });
  bool better = false;
  for (const Task& task : tasks) {
    if (!(task.result.error < kInf)) continue;
    better |= Enter(task.result);
    pool_.push_back(task.result);
  }
  ++rounds_;
  programs_ += tasks.size();
  still_ = better ? 0 : still_ + 1;
  if (tries_.size() > kShapes) tries_.clear();
  Select();
  if (still_ >= kPatience) BeginAnew();
}

}  // namespace nibble::sweep
