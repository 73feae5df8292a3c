#include "nibble/pareto/front.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

namespace nibble::pareto {
namespace {

using enum Goal;
using Points = std::vector<Point>;
using Indices = std::vector<std::size_t>;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const std::vector<Goal> kMinMin = {kMinimize, kMinimize};
const std::vector<Goal> kCostAccuracy = {kMinimize, kMaximize};

// Small whole coordinates, so that ties and copies are common.
Points RandomPoints(std::mt19937& rng, std::size_t n, std::size_t dims,
                    int values) {
  std::uniform_int_distribution<int> any(0, values - 1);
  Points points(n, Point(dims));
  for (Point& p : points) {
    for (double& v : p) v = any(rng);
  }
  return points;
}

TEST(Dominates, NeedsNowhereWorseAndSomewhereBetter) {
  EXPECT_TRUE(Dominates({1, 2}, {1, 3}, kMinMin));
  EXPECT_FALSE(Dominates({1, 3}, {1, 2}, kMinMin));
  EXPECT_FALSE(Dominates({1, 2}, {1, 2}, kMinMin)) << "equal points";
  EXPECT_FALSE(Dominates({0, 3}, {1, 2}, kMinMin)) << "a trade";
  EXPECT_TRUE(Dominates({1, 0.9}, {1, 0.8}, kCostAccuracy));
  EXPECT_FALSE(Dominates({1, 0.8}, {1, 0.9}, kCostAccuracy));
  EXPECT_TRUE(Dominates({-kInf, 1}, {0, 1}, kMinMin));
  EXPECT_FALSE(Dominates({kNaN, 0}, {1, 1}, kMinMin));
  EXPECT_FALSE(Dominates({0, 0}, {1, kNaN}, kMinMin));
  EXPECT_THROW(Dominates({1}, {1, 2}, kMinMin), std::invalid_argument);
  EXPECT_THROW(Dominates({1, 2}, {1}, kMinMin), std::invalid_argument);
}

TEST(Front, KeepsCopiesDropsNaNAndSortsByTheFirstObjective) {
  const Points points = {{3, 0.9}, {1, 0.5},    {2, 0.4}, {3, 0.9},
                         {4, 0.9}, {kNaN, 1.0}, {2, 0.8}, {0, kNaN}};
  EXPECT_EQ(Front(points, kCostAccuracy), (Indices{1, 6, 0, 3}));
  const std::vector<Goal> max_first = {kMaximize, kMinimize};
  const Points turned = {{0.5, 1}, {0.9, 3}, {0.8, 2}};
  EXPECT_EQ(Front(turned, max_first), (Indices{1, 2, 0}));
  EXPECT_TRUE(Front({}, kMinMin).empty());
}

TEST(Ranks, PeelsOneFrontAfterTheOther) {
  const Points points = {{1, 4}, {2, 2}, {4, 1}, {2, 4},
                         {3, 3}, {4, 4}, {2, 2}, {kNaN, 0}};
  EXPECT_EQ(Ranks(points, kMinMin), (Indices{0, 0, 0, 1, 1, 2, 0, kNoRank}));
}

// The definition by hand: a front is what is left undominated once the earlier
// fronts are taken away.
TEST(Ranks, AgreeWithRepeatedPeeling) {
  std::mt19937 rng(1);
  for (int round = 0; round < 60; ++round) {
    const std::size_t dims = 1 + rng() % 4;
    std::vector<Goal> goals(dims);
    for (Goal& g : goals) g = rng() % 2 == 0 ? kMinimize : kMaximize;
    const Points points = RandomPoints(rng, 30, dims, 6);
    const Indices ranks = Ranks(points, goals);
    std::vector<bool> left(points.size(), true);
    for (std::size_t depth = 0, remaining = points.size(); remaining > 0;
         ++depth) {
      Indices layer;
      for (std::size_t i = 0; i < points.size(); ++i) {
        bool beaten = false;
        for (std::size_t j = 0; j < points.size(); ++j) {
          beaten |= left[j] && Dominates(points[j], points[i], goals);
        }
        if (left[i] && !beaten) layer.push_back(i);
      }
      ASSERT_FALSE(layer.empty());
      for (const std::size_t i : layer) {
        ASSERT_EQ(ranks[i], depth);
        left[i] = false;
      }
      remaining -= layer.size();
      if (depth == 0) {
        Indices front = Front(points, goals);
        std::sort(front.begin(), front.end());
        ASSERT_EQ(front, layer);
      }
    }
  }
}

TEST(Hypervolume, HandWorked) {
  // Boxes to (4, 4): 3x1, 2x2, 1x3 overlap in 1x1, 1x1..: 1*3 + 1*2 + 1*1 = 6.
  const Points stairs = {{1, 3}, {2, 2}, {3, 1}};
  EXPECT_EQ(Hypervolume(stairs, kMinMin, {4, 4}), 6);
  // Accuracy grows: cost 1..10 at 0.5, and 5..10 at 0.9 over the reference 0.
  const Points curve = {{1, 0.5}, {5, 0.875}};
  EXPECT_EQ(Hypervolume(curve, kCostAccuracy, {10, 0}), 9 * 0.5 + 5 * 0.375);
  // Copies, dominated points, points at or beyond the reference, NaN: nothing.
  const Points noisy = {{1, 3}, {2, 2}, {3, 1}, {2, 2},    {3, 3},
                        {4, 0}, {5, 0}, {0, 4}, {kNaN, 0}, {0, kNaN}};
  EXPECT_EQ(Hypervolume(noisy, kMinMin, {4, 4}), 6);
  EXPECT_EQ(Hypervolume({}, kMinMin, {4, 4}), 0);
  // One dimension is a length; three: 2*2*2 + 1*1*1 beyond it at the corner.
  const Points line = {{3}, {1}, {2}};
  EXPECT_EQ(Hypervolume(line, std::vector{kMinimize}, {5}), 4);
  const Points cubes = {{0, 0, 2}, {1, 1, 0}, {0, 2, 1}};
  // [0,3]x[0,3]x[2,3] = 9; [1,3]x[1,3]x[0,3] adds 2*2*2 = 8; [0,3]x[2,3]x[1,3]
  // adds below z = 2 the unit layer 3*1*1 less 2*1*1 already counted = 1.
  EXPECT_EQ(Hypervolume(cubes, std::vector(3, kMinimize), {3, 3, 3}), 18);
}

TEST(Hypervolume, InfinitelyGoodPointsGiveInfinity) {
  const Points points = {{-kInf, 1}, {-kInf, 0}, {0, -kInf}};
  EXPECT_EQ(Hypervolume(points, kMinMin, {2, 2}), kInf);
}

TEST(Hypervolume, RefusesWhatHasNoMeaning) {
  const Points points = {{1, 1}};
  EXPECT_THROW(Hypervolume(points, kMinMin, {1}), std::invalid_argument);
  EXPECT_THROW(Hypervolume(points, kMinMin, {1, kInf}), std::invalid_argument);
  EXPECT_THROW(Hypervolume(points, kMinMin, {1, kNaN}), std::invalid_argument);
  EXPECT_THROW(Hypervolume({}, {}, {}), std::invalid_argument);
  const Points three = {{1, 1, 1}};
  EXPECT_THROW(Hypervolume(three, kMinMin, {2, 2}), std::invalid_argument);
}

// Whole coordinates: the volume is the number of unit cells that some point
// covers, exactly.
TEST(Hypervolume, CountsCellsOfAGrid) {
  constexpr int kSide = 6;
  std::mt19937 rng(2);
  for (int round = 0; round < 200; ++round) {
    const std::size_t dims = 1 + rng() % 4;
    std::vector<Goal> goals(dims);
    for (Goal& g : goals) g = rng() % 2 == 0 ? kMinimize : kMaximize;
    const Points points = RandomPoints(rng, rng() % 9, dims, kSide + 1);
    Point reference(dims);
    for (std::size_t d = 0; d < dims; ++d) {
      reference[d] = goals[d] == kMinimize ? kSide : 0;
    }
    int cells = 1, covered = 0;
    for (std::size_t d = 0; d < dims; ++d) cells *= kSide;
    for (int cell = 0; cell < cells; ++cell) {
      bool any = false;
      for (const Point& p : points) {
        bool all = true;
        for (std::size_t d = 0, rest = static_cast<std::size_t>(cell); d < dims;
             ++d, rest /= kSide) {
          const double middle = static_cast<double>(rest % kSide) + 0.5;
          all &= goals[d] == kMinimize ? p[d] < middle : p[d] > middle;
        }
        any |= all;
      }
      covered += any;
    }
    ASSERT_EQ(Hypervolume(points, goals, reference), covered)
        << "round " << round << " dims " << dims;
  }
}

// Random samples: with N of them the estimate's standard deviation is at most
// sqrt(1 / (4 N)) of the unit cube; five of them are passed once in 1.7 million
// draws, and the seed is fixed.
TEST(Hypervolume, AgreesWithMonteCarlo) {
  constexpr int kSamples = 100'000;
  std::mt19937_64 rng(3);
  std::uniform_real_distribution<double> unit;
  for (const std::size_t dims : {2u, 3u, 5u}) {
    Points points(12, Point(dims));
    for (Point& p : points) {
      for (double& v : p) v = unit(rng);
    }
    int inside = 0;
    for (int i = 0; i < kSamples; ++i) {
      Point sample(dims);
      for (double& v : sample) v = unit(rng);
      bool any = false;
      for (const Point& p : points) {
        bool all = true;
        for (std::size_t d = 0; d < dims; ++d) all &= p[d] <= sample[d];
        any |= all;
      }
      inside += any;
    }
    const double exact =
        Hypervolume(points, std::vector(dims, kMinimize), Point(dims, 1.0));
    EXPECT_NEAR(static_cast<double>(inside) / kSamples, exact,
                5 * std::sqrt(0.25 / kSamples))
        << dims;
  }
}

TEST(IgdPlus, HandWorked) {
  const Points target = {{0, 2}, {2, 0}};
  // To (0, 2): from (3, 2) 3, from (1, 6) sqrt(1 + 16). To (2, 0): from (3, 2)
  // sqrt(1 + 4); from (1, 6) the better first objective counts as 0: 6.
  const Points points = {{3, 2}, {1, 6}};
  EXPECT_DOUBLE_EQ(IgdPlus(points, target, kMinMin), (3 + std::sqrt(5.0)) / 2);
  EXPECT_EQ(IgdPlus(target, target, kMinMin), 0);
  const Points better = {{0, 0}};
  EXPECT_EQ(IgdPlus(better, target, kMinMin), 0);
  EXPECT_EQ(IgdPlus({}, target, kMinMin), kInf);
  EXPECT_EQ(IgdPlus(points, {}, kMinMin), 0);
  const Points nothing = {{kNaN, 0}};
  EXPECT_EQ(IgdPlus(nothing, target, kMinMin), kInf);
  EXPECT_EQ(IgdPlus(points, nothing, kMinMin), 0);
  // Maximized objectives count the other way round.
  const Points accuracy = {{1, 0.5}}, wanted = {{1, 0.75}};
  EXPECT_EQ(IgdPlus(accuracy, wanted, kCostAccuracy), 0.25);
  EXPECT_EQ(IgdPlus(wanted, accuracy, kCostAccuracy), 0);
  const Points three = {{1, 1, 1}};
  EXPECT_THROW(IgdPlus(three, target, kMinMin), std::invalid_argument);
}

TEST(AdditiveEpsilon, HandWorked) {
  const Points target = {{0, 2}, {2, 0}};
  const Points points = {{3, 2}, {1, 6}};
  // (0, 2) needs a shift of 3 from (3, 2), 4 from (1, 6); (2, 0) needs 2.
  EXPECT_EQ(AdditiveEpsilon(points, target, kMinMin), 3);
  EXPECT_EQ(AdditiveEpsilon(target, target, kMinMin), 0);
  const Points better = {{-1, -2}};
  EXPECT_EQ(AdditiveEpsilon(better, target, kMinMin), -1);
  EXPECT_EQ(AdditiveEpsilon({}, target, kMinMin), kInf);
  EXPECT_EQ(AdditiveEpsilon(points, {}, kMinMin), -kInf);
  const Points accuracy = {{1, 0.5}}, wanted = {{1, 0.75}};
  EXPECT_EQ(AdditiveEpsilon(accuracy, wanted, kCostAccuracy), 0.25);
  EXPECT_EQ(AdditiveEpsilon(wanted, accuracy, kCostAccuracy), 0);
  const Points nothing = {{kNaN, 0}};
  EXPECT_EQ(AdditiveEpsilon(nothing, target, kMinMin), kInf);
  EXPECT_EQ(AdditiveEpsilon(points, nothing, kMinMin), -kInf);
  const Points infinite = {{kInf, 2}}, also = {{kInf, 2}};
  EXPECT_EQ(AdditiveEpsilon(infinite, also, kMinMin), 0);
  const Points three = {{1, 1, 1}};
  EXPECT_THROW(AdditiveEpsilon(three, target, kMinMin), std::invalid_argument);
}

// What the two indicators promise: 0 or less exactly if every target point is
// matched or beaten.
TEST(Indicators, AgreeWithDominance) {
  std::mt19937 rng(4);
  int reached_count = 0;
  for (int round = 0; round < 300; ++round) {
    const Points a = RandomPoints(rng, 6, 2, 4), b = RandomPoints(rng, 2, 2, 4);
    bool reached = true;
    for (const Point& z : b) {
      bool any = false;
      for (const Point& p : a) any |= p == z || Dominates(p, z, kMinMin);
      reached &= any;
    }
    reached_count += reached;
    ASSERT_EQ(IgdPlus(a, b, kMinMin) == 0, reached);
    ASSERT_EQ(AdditiveEpsilon(a, b, kMinMin) <= 0, reached);
    if (reached) {
      ASSERT_GE(Hypervolume(a, kMinMin, {4, 4}),
                Hypervolume(b, kMinMin, {4, 4}));
    }
  }
  EXPECT_GT(reached_count, 30);
  EXPECT_LT(reached_count, 270);
}

}  // namespace
}  // namespace nibble::pareto
