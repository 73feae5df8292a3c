#include "nibble/sweep/function_search.hpp"

#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "gtest/gtest.h"
#include "nibble/core/check.hpp"

namespace nibble::sweep {
namespace {

// c1 / (x + c0) + c2.
Program Moebius(double c0, double c1, double c2) {
  return {
      {{Op::kAdd, {0, -1, 0}}, {Op::kDiv, {-2, 1, 0}}, {Op::kAdd, {2, -3, 0}}},
      {c0, c1, c2},
      3};
}

// The published form with 10 operations, its refined coefficients:
// (c4 / (c1 / v + c2 + v) - c5)^8, v = c3 / x + x.
Program Published() {
  Program p{{{Op::kDiv, {-3, 0, 0}},
             {Op::kAdd, {1, 0, 0}},
             {Op::kDiv, {-1, 2, 0}},
             {Op::kAdd, {3, -2, 0}},
             {Op::kAdd, {4, 2, 0}},
             {Op::kDiv, {-4, 5, 0}},
             {Op::kSub, {6, -5, 0}}},
            {15141.9109489611, -250.551987027089, 5783.52174679292,
             501.103974062137, -0.999999999999999744},
            7};
  for (Operand i = 7; i < 10; ++i) {
    p.vertices.push_back({Op::kMul, {i, i, 0}});
    p.output = static_cast<Operand>(i + 1);
  }
  return p;
}

TEST(Program, ValuesAndText) {
  const Program p = Moebius(1, 6, 0.5);
  EXPECT_EQ(ValueAt(p, 2.0), 2.5);
  EXPECT_EQ(ValueAt(p, 2.0f), 2.5f);
  EXPECT_EQ(CountOperations(p), 3);
  EXPECT_EQ(ToFormula(p), "(c1 / (x + c0)) + c2");
  const std::string cpp = ToCpp(p, "f", "double");
  EXPECT_NE(cpp.find("inline double f(double x) {"), std::string::npos);
  EXPECT_NE(cpp.find("constexpr double c1 = 0x1.8p+2;"), std::string::npos);
  const Program fused{{{Op::kFma, {0, -1, -2}}}, {2, 3}, 1};
  EXPECT_EQ(CountOperations(fused), 2);
  EXPECT_EQ(ValueAt(fused, 4.0), 11);
}

TEST(Program, SimplifyFoldsAndKeepsTheFunction) {
  // ((c0 + c1) * x - c2) + (x - x) * x, and a vertex that nobody reads.
  const Program p{{{Op::kAdd, {-1, -2, 0}},
                   {Op::kMul, {1, 0, 0}},
                   {Op::kSub, {2, -3, 0}},
                   {Op::kSub, {0, 0, 0}},
                   {Op::kMul, {4, 0, 0}},
                   {Op::kDiv, {0, -1, 0}},
                   {Op::kAdd, {3, 5, 0}}},
                  {1, 2, 5},
                  7};
  const Program s = Simplify(p);
  EXPECT_TRUE(IsValid(s));
  EXPECT_LE(CountOperations(s), 4);
  for (const double x : {-1.0, 0.5, 3.0}) {
    EXPECT_DOUBLE_EQ(ValueAt(s, x), 3 * x - 5);
  }
  // Division by a coefficient is a product, and x + x has one.
  EXPECT_EQ(ToFormula(Simplify({{{Op::kDiv, {0, -1, 0}}}, {4}, 1})), "x * c0");
  EXPECT_EQ(ToFormula(Simplify({{{Op::kAdd, {0, 0, 0}}}, {}, 1})), "x * c0");
}

TEST(Program, FingerprintsTellShapesApart) {
  EXPECT_EQ(Fingerprint(Moebius(1, 2, 3)), Fingerprint(Moebius(4, 5, 6)));
  Program swapped = Moebius(1, 2, 3);
  swapped.vertices[0].in = {-1, 0, 0};
  EXPECT_EQ(Fingerprint(Simplify(swapped)), Fingerprint(Moebius(1, 2, 3)));
  EXPECT_NE(Fingerprint(Published()), Fingerprint(Moebius(1, 2, 3)));
}

TEST(Program, RefusesBadGraphs) {
  EXPECT_TRUE(IsValid({}));
  EXPECT_FALSE(IsValid({{{Op::kAdd, {1, 0, 0}}}, {}, 1}));   // reads itself
  EXPECT_FALSE(IsValid({{{Op::kAdd, {0, -1, 0}}}, {}, 1}));  // no coefficient
  EXPECT_FALSE(IsValid({{}, {}, 1}));
}

// Slopes against differences; exact enough where both are smooth.
TEST(Batch, Slopes) {
  Program p = Published();
  Batch batch;
  Batch::Values x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 0.1 + 0.9 * static_cast<double>(i) / 64;
  }
  const Batch::Values y = batch.Evaluate(p, x, Batch::kPoints);
  std::vector<Batch::Values> slopes;
  batch.Differentiate(p, slopes);
  for (std::size_t k = 0; k < p.coefficients.size(); ++k) {
    Program moved = p;
    const double h = 1e-6 * std::abs(p.coefficients[k]);
    moved.coefficients[k] += h;
    const Batch::Values up = Batch().Evaluate(moved, x, Batch::kPoints);
    moved.coefficients[k] -= 2 * h;
    const Batch::Values down = Batch().Evaluate(moved, x, Batch::kPoints);
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_DOUBLE_EQ(y[i], ValueAt(p, x[i]));
      const double slope = (up[i] - down[i]) / (2 * h);
      EXPECT_NEAR(slopes[k][i], slope, 1e-5 * std::abs(slope) + 1e-12);
    }
  }
}

TEST(Cma, FindsTheMinimumOfACurvedValley) {
  const auto rosenbrock = [](std::span<const double> v) {
    return 100 * std::pow(v[1] - v[0] * v[0], 2) + std::pow(1 - v[0], 2);
  };
  const std::vector<double> mean = {-1, 1}, scale = {0.5, 0.5};
  Random random(1);
  const Minimum found =
      MinimizeCma(rosenbrock, mean, scale, {.generations = 500}, random);
  EXPECT_LT(found.value, 1e-10);
  EXPECT_NEAR(found.x[0], 1, 1e-4);
}

TEST(Cma, StandsNaN) {
  const auto half = [](std::span<const double> v) { return std::sqrt(v[0]); };
  const std::vector<double> mean = {2}, scale = {1};
  Random random(2);
  EXPECT_LT(MinimizeCma(half, mean, scale, {.generations = 60}, random).value,
            0.01);
}

// lmul.md's golden value: at most 5.4e-15, evaluated to 64 bits.
TEST(Problem, PublishedProgramOfTenOperations) {
  const Program p = Published();
  EXPECT_EQ(CountOperations(p), 10);
  long double worst = 0;
  for (int i = 0; i <= 100000; ++i) {
    const long double x = i / 100000.0L;
    const long double y = std::exp2(x);
    worst = std::max(worst, std::abs(ValueAt(p, x) - y) / y);
  }
  EXPECT_LE(worst, 5.4e-15L);
  EXPECT_GT(worst, 2.4e-15L);
  EXPECT_LT(Problem("exp2", 0, 1, Precision::kF64).MeasureError(p, 65536),
            5.4e-15);
}

TEST(Problem, RefusesBadDomains) {
  const auto refuses = [](const char* name, double lo, double hi) {
    EXPECT_THROW(Problem(name, lo, hi, Precision::kF64), InputError)
        << name << " " << lo << " " << hi;
  };
  const double nan = std::nan("");
  refuses("exp2", 1, 0);
  refuses("exp2", 1, 1);
  refuses("exp2", nan, 1);
  refuses("exp2", 0, INFINITY);
  refuses("exp2", 0, 5000);
  refuses("exp3", 0, 1);
  refuses("log2", 0, 1);
  refuses("rsqrt", -1, 1);
  refuses("reciprocal", -1, 1);
  Problem("erf", 0, 2, Precision::kF64);  // 0 at an end is left out
}

// Minimax of degree 1 and the best quotient of three operations.
TEST(Fitter, FindsMinimaxCoefficients) {
  const Problem problem("exp2", 0, 1, Precision::kF64);
  Fitter fitter(problem);
  Random random(1);
  const Program line{
      {{Op::kMul, {0, -1, 0}}, {Op::kAdd, {1, -2, 0}}}, {1, 1}, 2};
  EXPECT_NEAR(fitter.Fit(line, {.promising = 1}, random).error, 0.0298212,
              1e-5);
  EXPECT_NEAR(
      fitter
          .Fit(Moebius(1, 1, 1), {.random_starts = 10, .promising = 1}, random)
          .error,
      8.673e-4, 1e-6);
}

SearchConfig SmallSearch() {
  SearchConfig config;
  config.operations = 6;
  config.seed = 3;
  return config;
}

TEST(FunctionSearch, BeatsMinimaxInAFewRounds) {
  FunctionSearch search(SmallSearch());
  for (int round = 0; round < 40; ++round) search.Round();
  std::map<int, double> best;
  double least = 1;
  for (const Candidate& c : search.front()) {
    EXPECT_LT(c.error, least);  // fewest operations first, each better
    least = c.error;
    EXPECT_EQ(CountOperations(c.program), c.operations);
    for (int ops = c.operations; ops <= 6; ++ops) best[ops] = c.error;
  }
  EXPECT_LT(best[3], 0.0298212);
  EXPECT_LT(best[5], 0.00172476);
}

TEST(FunctionSearch, SameForAnyThreadsAndSaves) {
  FunctionSearch one(SmallSearch());
  FunctionSearch two(SmallSearch());
  ThreadPool pool(3);
  for (int round = 0; round < 6; ++round) {
    one.Round();
    two.Round(pool.executor());
    two = FunctionSearch::Load(two.Save(), "state", SmallSearch());
  }
  EXPECT_EQ(one.Save(), two.Save());
  EXPECT_EQ(one.front(), two.front());
}

TEST(FunctionSearch, RefusesOtherStates) {
  const std::string text = FunctionSearch(SmallSearch()).Save();
  SearchConfig other = SmallSearch();
  other.seed = 4;
  const auto refuses = [](const std::string& state, const SearchConfig& c) {
    EXPECT_THROW(FunctionSearch::Load(state, "file", c), InputError) << state;
  };
  refuses(text, other);
  other = SmallSearch();
  other.hi = 2;
  refuses(text, other);
  refuses("", SmallSearch());
  refuses("{}", SmallSearch());
  for (std::size_t cut = 1; cut < text.size(); cut += 7) {
    refuses(text.substr(0, cut), SmallSearch());
  }
  std::string broken = text;
  broken.replace(broken.find("\"output\":0"), 10, "\"output\":9");
  refuses(broken, SmallSearch());
  SearchConfig large = SmallSearch();
  large.operations = 25;
  EXPECT_THROW(FunctionSearch{large}, InputError);
}

}  // namespace
}  // namespace nibble::sweep
