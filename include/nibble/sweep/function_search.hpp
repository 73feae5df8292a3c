// A search for programs that compute a function in few operations: evolution of
// graphs, with the number of operations and the largest relative error as the
// two things to make small.
//
// Source   Real et al., "AutoNumerics-Zero", arXiv:2312.08472: mutations insert
//          a vertex, remove one, or switch an edge, until the function changes;
//          a worker draws programs, keeps those near the front, and each has
//          two children; an evolution strategy fits the coefficients. The
//          polishing of fit.hpp is ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "nibble/core/executor.hpp"
#include "nibble/sweep/fit.hpp"
#include "nibble/sweep/program.hpp"

namespace nibble::sweep {

struct SearchConfig {
  std::string target = "exp2";
  double lo = 0, hi = 1;
  int operations = 10;  // at most; 1 to 24
  Precision precision = Precision::kF64;
  std::uint64_t seed = 1;

  bool operator==(const SearchConfig&) const = default;
};

struct Candidate {
  Program program;
  int operations = 0;
  double error = 0;

  bool operator==(const Candidate&) const = default;
};

// The search after a number of rounds. Its course is a function of the
// configuration alone: the same for any executor, and however often it was
// saved and read back.
class FunctionSearch {
 public:
  // Begins with the identity.
  //
  // Errors   InputError as Problem; or if operations are out of range.
  explicit FunctionSearch(const SearchConfig& config);

  // Eighty children, and a new beginning where the front has long stood still.
  void Round(const Executor& executor = {});

  // Programs that no other beats, fewest operations first. Errors are on 4,096
  // points and the ends.
  const std::vector<Candidate>& front() const { return front_; }

  std::size_t rounds() const { return rounds_; }
  std::size_t programs() const { return programs_; }  // fitted so far
  std::size_t starts() const { return starts_; }
  const SearchConfig& config() const { return config_; }
  const Problem& problem() const { return problem_; }

  // The whole state as JSON, and back. `where` names the file in messages.
  //
  // Errors   InputError if the text is no such state or its configuration is
  //          another one.
  std::string Save() const;
  static FunctionSearch Load(const std::string& text, const std::string& where,
                             const SearchConfig& config);

 private:
  struct Task {
    Program program;
    std::uint64_t seed;
    bool refine;  // many starts
    Candidate result;
  };

  std::vector<std::size_t> DrawParents(Random& random) const;
  bool MakeChild(const Program& parent, Random& random, Program& child);
  void FitTask(Task& task) const;
  bool Enter(const Candidate& candidate);
  void Select();
  void BeginAnew();
  double FrontError(int operations) const;

  SearchConfig config_;
  Problem problem_;
  std::vector<Candidate> front_, pool_;
  std::unordered_map<std::uint64_t, int> tries_;  // by fingerprint
  std::size_t rounds_ = 0, programs_ = 0, starts_ = 0, still_ = 0;
};

}  // namespace nibble::sweep
