#include "nibble/arith/error_stats.hpp"

#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "data.hpp"
#include "nibble/arith/closed_forms.hpp"
#include "nibble/arith/multiply.hpp"

namespace nibble {
namespace {

TEST(ErrorStats, ByHand) {
  const std::vector<float> x{1, 2, 0, -2}, w{4, 1, 3, 1}, p{5, 2, 1, -1};
  const ProductStats stats = MeasureProducts(x, w, p);
  EXPECT_EQ(stats.pairs, 4u);
  EXPECT_DOUBLE_EQ(stats.bias, (1 + 0 + 1 + 1) / 4.0);
  EXPECT_DOUBLE_EQ(stats.mean_abs, 3 / 4.0);
  EXPECT_DOUBLE_EQ(stats.mse, 3 / 4.0);
  EXPECT_DOUBLE_EQ(stats.nmse, 3 / 24.0);
  EXPECT_DOUBLE_EQ(stats.error_probability, 3 / 4.0);
  EXPECT_DOUBLE_EQ(stats.mean_relative, (0.25 + 0 - 0.5) / 3);
  EXPECT_DOUBLE_EQ(stats.mean_abs_relative, 0.75 / 3);
  EXPECT_DOUBLE_EQ(stats.worst_relative, -0.5);
  EXPECT_THROW(MeasureProducts(x, w, std::vector<float>(3)),
               std::invalid_argument);
  EXPECT_THROW(MeasureProducts({}, {}, {}), std::invalid_argument);
}

TEST(ClosedForms, MeanErrors) {
  EXPECT_NEAR(LMulMeanRelative(0), -0.038487993917358, 1e-13);
  EXPECT_NEAR(LMulMeanRelative(1 / 16.), 0.004081770195038, 1e-13);
  EXPECT_NEAR(LMulMeanRelative(1 / 32.), -0.017433699309650, 1e-13);
  EXPECT_NEAR(LMulMeanRelative(1 / 8.), 0.048536845654, 1e-12);
  EXPECT_NEAR(LMulMeanRelative(0.0566232707), 0, 1e-10);
  EXPECT_NEAR(LMulFormulaMeanRelative(1 / 16.), -0.0641303394, 1e-10);
}

// Every multiplier that has a closed form keeps to it.
TEST(ClosedForms, AgreeWithMeasuredErrors) {
  std::mt19937 rng(1);
  std::uniform_real_distribution<float> uniform(1, 2);
  std::vector<float> x(1 << 20), w(x.size()), p(x.size());
  for (float& v : x) v = uniform(rng);
  for (float& v : w) v = uniform(rng);
  for (const char* name :
       {"lmul", "lmul:k23,l3", "lmul-formula", "mitchell", "pam:corrected",
        "drum:k3", "drum:k6", "pot", "pot:ratio", "lns:g0", "lns:g4"}) {
    const Multiplier multiplier = ParseMultiplier(name);
    const auto closed = ClosedFormOf(multiplier);
    ASSERT_TRUE(closed) << name;
    Multiply(multiplier, x, w, p);
    const ProductStats stats = MeasureProducts(x, w, p);
    // The standard deviation of an error is below 0.3: of the mean, 3e-4.
    if (closed->mean) {
      EXPECT_NEAR(stats.mean_relative, *closed->mean, 1e-3) << name;
    }
    EXPECT_GE(stats.worst_relative, closed->low - 1e-6) << name;
    EXPECT_LE(stats.worst_relative, closed->high + 1e-6) << name;
  }
  EXPECT_FALSE(ClosedFormOf(ParseMultiplier("lmul:k3")));
  EXPECT_FALSE(ClosedFormOf(ParseMultiplier("truncated")));
}

// The paper's claims on operands of 1e6 uniform mantissas: L-Mul of 3 mantissa
// bits is better than E5M2, and of 4 bits as good as E4M3, whose operands are
// rounded and whose product is exact; with the formula neither holds.
TEST(ErrorStats, ClaimsOfThePaper) {
  std::mt19937 rng(2);
  std::uniform_real_distribution<float> uniform(1, 2);
  std::vector<float> x(1 << 20), w(x.size()), p(x.size());
  for (float& v : x) v = uniform(rng);
  for (float& v : w) v = uniform(rng);
  const auto nmse = [&](const char* name) {
    Multiply(ParseMultiplier(name), x, w, p);
    return MeasureProducts(x, w, p).nmse;
  };
  const auto fp8 = [&](int bits) {
    const OperandRule rule{{}, bits, true};
    for (std::size_t i = 0; i < x.size(); ++i) {
      p[i] = PrepareOperand(x[i], rule) * PrepareOperand(w[i], rule);
    }
    return MeasureProducts(x, w, p).nmse;
  };
  EXPECT_NEAR(fp8(2), 4.49e-3, 2e-5);
  EXPECT_NEAR(fp8(3), 1.118e-3, 5e-6);
  EXPECT_NEAR(nmse("lmul:k3"), 3.23e-3, 2e-5);
  EXPECT_NEAR(nmse("lmul:k4"), 1.187e-3, 5e-6);
  EXPECT_NEAR(nmse("lmul"), 9.15e-4, 3e-6);
  EXPECT_NEAR(nmse("mitchell"), 2.04e-3, 1e-5);
  EXPECT_NEAR(nmse("lmul-formula:k3"), 2.13e-2, 1e-4);
  EXPECT_NEAR(nmse("lmul-formula:k4"), 1.56e-2, 1e-4);
  EXPECT_LT(nmse("lmul:k3"), fp8(2));
  EXPECT_NEAR(nmse("lmul:k4") / fp8(3), 1, 0.1);
}

// MAE, WCE, EP, MRE and MSE of every table, to the digits that index.csv
// prints.
void ExpectPrinted(double value, const std::string& printed,
                   const std::string& what) {
  const std::size_t point = printed.find('.');
  const auto digits = static_cast<double>(
      point == std::string::npos ? 0 : printed.size() - point - 1);
  EXPECT_NEAR(value, std::stod(printed), 0.5001 * std::pow(10, -digits))
      << what;
}

TEST(ErrorStats, PublishedCircuits) {
  NIBBLE_NEED_DATA("evoapprox8/index.csv");
  std::ifstream file(testing::DataDir() / "evoapprox8/index.csv");
  std::string line;
  std::getline(file, line);
  int circuits = 0;
  while (std::getline(file, line)) {
    std::vector<std::string> cells;
    std::stringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
    const std::string& name = cells[0];
    const auto table =
        LoadProductTable(testing::DataDir() / ("evoapprox8/" + name + ".bin"),
                         cells[1] == "signed");
    const CircuitStats stats = MeasureCircuit(table);
    const bool nonzero = line.find("nonzero") != std::string::npos;
    ExpectPrinted(stats.mae, cells[3], name);
    ExpectPrinted(static_cast<double>(stats.wce), cells[4], name);
    ExpectPrinted(stats.ep, cells[5], name);
    ExpectPrinted(nonzero ? stats.mre_nonzero : stats.mre, cells[6], name);
    ExpectPrinted(stats.mse, cells[7], name);
    ++circuits;
  }
  EXPECT_EQ(circuits, 14);
}

TEST(ErrorStats, TruncatedArraysAsCircuits) {
  const CircuitStats stats = MeasureCircuit(MakeTruncatedTable(4));
  EXPECT_EQ(stats.mae, 12.25);  // 1KX2's
  EXPECT_EQ(stats.wce, 49);
  EXPECT_NEAR(stats.mre_nonzero, .564, 5e-4);
}

}  // namespace
}  // namespace nibble
