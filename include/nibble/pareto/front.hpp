// Pareto fronts: which points no other point beats, and how good a set of
// points is as a whole.
//
// A point is a vector of objectives, and each objective has a goal. Rules that
// hold for every function here:
//
// - Equal points do not beat each other: all copies are on the front together,
//   and a copy adds nothing to a hypervolume.
// - A point with a NaN takes no part: it beats nothing, is on no front, has
// rank
//   kNoRank and adds nothing to an indicator.
// - Infinities are ordinary values, save in Hypervolume.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "nibble/core/check.hpp"

namespace nibble::pareto {

enum class Goal : std::uint8_t { kMinimize, kMaximize };

using Point = std::vector<double>;

inline constexpr std::size_t kNoRank = static_cast<std::size_t>(-1);

namespace internal {

inline bool HasNaN(const Point& p) {
  return std::any_of(p.begin(), p.end(), [](double v) { return v != v; });
}

// Whether a is strictly better than b in this objective.
inline bool Better(double a, double b, Goal goal) {
  return goal == Goal::kMinimize ? a < b : a > b;
}

// How much worse a is than b, negative if it is better. Equal infinities: 0.
inline double Loss(double a, double b, Goal goal) {
  if (a == b) return 0;
  return goal == Goal::kMinimize ? a - b : b - a;
}

}  // namespace internal

// True if a is nowhere worse than b and somewhere better.
//
// Shapes   a, b: [goals.size()].
// Errors   std::invalid_argument if the sizes disagree.
inline bool Dominates(const Point& a, const Point& b,
                      std::span<const Goal> goals) {
  NIBBLE_CHECK("Dominates", a.size() == goals.size());
  NIBBLE_CHECK("Dominates", b.size() == goals.size());
  if (internal::HasNaN(a) || internal::HasNaN(b)) return false;
  bool better = false;
  for (std::size_t i = 0; i < goals.size(); ++i) {
    if (internal::Better(b[i], a[i], goals[i])) return false;
    better |= internal::Better(a[i], b[i], goals[i]);
  }
  return better;
}

// Non-dominated sorting: 0 for the front, 1 for the front of what is left
// without it, and so on; kNoRank for points with a NaN.
//
// Cost     points^2 comparisons per call (Deb's fast sort).
// Source   Deb, Pratap, Agarwal, Meyarivan, IEEE Trans. Evol. Comp. 6(2), 2002.
inline std::vector<std::size_t> Ranks(std::span<const Point> points,
                                      std::span<const Goal> goals) {
  const std::size_t n = points.size();
  std::vector<std::size_t> rank(n, kNoRank), beaten_by(n, 0), layer;
  std::vector<std::vector<std::size_t>> beats(n);
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = 0; b < n; ++b) {
      if (!Dominates(points[a], points[b], goals)) continue;
      beats[a].push_back(b);
      ++beaten_by[b];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (beaten_by[i] == 0 && !internal::HasNaN(points[i])) layer.push_back(i);
  }
  for (std::size_t depth = 0; !layer.empty(); ++depth) {
    std::vector<std::size_t> next;
    for (const std::size_t a : layer) {
      rank[a] = depth;
      for (const std::size_t b : beats[a]) {
        if (--beaten_by[b] == 0) next.push_back(b);
      }
    }
    layer = std::move(next);
  }
  return rank;
}

// The indices of the points that no other dominates, best first objective
// first; equal ones in the order given.
inline std::vector<std::size_t> Front(std::span<const Point> points,
                                      std::span<const Goal> goals) {
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool beaten = std::any_of(
        points.begin(), points.end(),
        [&](const Point& p) { return Dominates(p, points[i], goals); });
    if (!beaten && !internal::HasNaN(points[i])) front.push_back(i);
  }
  if (!goals.empty()) {
    std::stable_sort(front.begin(), front.end(), [&](auto a, auto b) {
      return internal::Better(points[a][0], points[b][0], goals[0]);
    });
  }
  return front;
}

namespace internal {

// The volume of the union of the boxes [0, gain]: slabs between successive
// values of the last coordinate, each a union of one dimension less.
inline double UnionVolume(std::vector<Point> gains, std::size_t dims) {
  if (gains.empty()) return 0;
  const std::size_t last = dims - 1;
  std::sort(gains.begin(), gains.end(),
            [&](const Point& a, const Point& b) { return a[last] > b[last]; });
  if (dims == 1) return gains[0][0];
  double volume = 0;
  double best = 0;  // dims == 2: the largest first coordinate so far
  for (std::size_t k = 0; k < gains.size(); ++k) {
    const double below = k + 1 < gains.size() ? gains[k + 1][last] : 0;
    const double top = gains[k][last];
    const double height = top == below ? 0 : top - below;  // inf - inf
    best = std::max(best, gains[k][0]);
    if (height == 0) continue;
    const auto end = gains.begin() + static_cast<std::ptrdiff_t>(k + 1);
    volume +=
        height * (dims == 2 ? best : UnionVolume({gains.begin(), end}, last));
  }
  return volume;
}

}  // namespace internal

// The volume of everything that is dominated by some point and better than the
// reference point; exact but for rounding. Points that are not better than the
// reference in every objective add nothing. The value means something only
// beside its reference point: keep both.
//
// Shapes   points: [n][d], goals, reference: [d], d >= 1.
// Domain   reference finite. A point may be infinitely good; so is the volume.
// Error    relative d (n + 3) 2^-53 to first order: all terms are positive.
// Units    the product of the objectives' units.
// Errors   std::invalid_argument if the sizes disagree, d is 0, or the
// reference
//          is not finite.
// Cost     O(n log n) for d = 2; O(n^(d-1) log n) beyond.
inline double Hypervolume(std::span<const Point> points,
                          std::span<const Goal> goals, const Point& reference) {
  NIBBLE_CHECK("Hypervolume", !goals.empty());
  NIBBLE_CHECK("Hypervolume", reference.size() == goals.size());
  for (const double r : reference) {
    NIBBLE_CHECK("Hypervolume", std::isfinite(r));
  }
  std::vector<Point> gains;
  for (const Point& p : points) {
    NIBBLE_CHECK("Hypervolume", p.size() == goals.size());
    Point gain(goals.size());
    for (std::size_t i = 0; i < goals.size(); ++i) {
      gain[i] = internal::Loss(reference[i], p[i], goals[i]);
    }
    const bool counts =
        std::all_of(gain.begin(), gain.end(), [](double g) { return g > 0; });
    if (counts) gains.push_back(std::move(gain));
  }
  return internal::UnionVolume(std::move(gains), goals.size());
}

// How far `points` stay behind `target` on average: the mean over the target's
// points of the distance to the nearest point, counting only the objectives in
// which that point is worse. 0 exactly if every target point is reached.
//
//     mean_z min_a || max(a - z, 0) ||
//
// Range    [0, inf]; inf without points; 0 without a target.
// Units    those of the objectives, which should be of one size: scale first.
// Errors   std::invalid_argument if a size disagrees.
// Source   Ishibuchi, Masuda, Tanigaki, Nojima, EMO 2015 (IGD+).
inline double IgdPlus(std::span<const Point> points,
                      std::span<const Point> target,
                      std::span<const Goal> goals) {
  double sum = 0;
  std::size_t count = 0;
  for (const Point& z : target) {
    NIBBLE_CHECK("IgdPlus", z.size() == goals.size());
    if (internal::HasNaN(z)) continue;
    double nearest = std::numeric_limits<double>::infinity();
    for (const Point& a : points) {
      NIBBLE_CHECK("IgdPlus", a.size() == goals.size());
      if (internal::HasNaN(a)) continue;
      double distance = 0;
      for (std::size_t i = 0; i < goals.size(); ++i) {
        distance = std::hypot(
            distance, std::max(internal::Loss(a[i], z[i], goals[i]), 0.0));
      }
      nearest = std::min(nearest, distance);
    }
    sum += nearest;
    ++count;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

// The smallest shift, added to every objective in its good direction, after
// which each target point is matched or beaten by one of `points`. Negative if
// the points are better throughout.
//
//     max_z min_a max_i (a_i - z_i)
//
// Range    [-inf, inf]; inf without points; -inf without a target.
// Errors   std::invalid_argument if a size disagrees.
// Source   Zitzler, Thiele, Laumanns, Fonseca, Grunert da Fonseca, IEEE Trans.
//          Evol. Comp. 7(2), 2003 (additive epsilon indicator).
inline double AdditiveEpsilon(std::span<const Point> points,
                              std::span<const Point> target,
                              std::span<const Goal> goals) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  double epsilon = -kInf;
  for (const Point& z : target) {
    NIBBLE_CHECK("AdditiveEpsilon", z.size() == goals.size());
    if (internal::HasNaN(z)) continue;
    double nearest = kInf;
    for (const Point& a : points) {
      NIBBLE_CHECK("AdditiveEpsilon", a.size() == goals.size());
      if (internal::HasNaN(a)) continue;
      double shift = -kInf;
      for (std::size_t i = 0; i < goals.size(); ++i) {
        shift = std::max(shift, internal::Loss(a[i], z[i], goals[i]));
      }
      nearest = std::min(nearest, shift);
    }
    epsilon = std::max(epsilon, nearest);
  }
  return epsilon;
}

}  // namespace nibble::pareto
