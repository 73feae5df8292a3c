// How a value that a format cannot hold becomes one that it can.
//
// Everything is decided on exact numbers: a tie is a tie of the real value, not
// of a rounded sum such as x + 0.5f.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace nibble {

// Where a value between two neighbours goes.
//
// kStochastic takes 32 random bits r. With f in (0, 1) the distance to the
// neighbour nearer zero in units of the gap, it goes away from zero exactly if
//
//     floor(f * 2^31) > floor(r / 2)
//
// so its probability is floor(f * 2^31) / 2^31: exact for a multiple of 2^-31,
// else less than 2^-31 too low. f is exact in integers and minifloats. In
// tables, half-shifted integers, posits and logarithms it is a quotient of
// doubles (FractionBetween), in the first two measured from the lower
// neighbour.
enum class Rounding : std::uint8_t {
  kNearestEven,  // a tie goes to the even code
  kHalfAway,     // a tie goes away from zero
  kHalfUp,       // a tie goes towards +infinity
  kHalfToZero,   // a tie goes towards zero
  kFloor,        // everything goes towards -infinity
  kStochastic,
};

// What a finite value becomes that still lies outside the range after it has
// been rounded as if the format went on. A format without infinity takes NaN
// for kInfinity, and one without NaN saturates.
enum class Overflow : std::uint8_t { kSaturate, kInfinity, kNaN };

// Everything that an encoder leaves open.
struct Policy {
  Rounding rounding = Rounding::kNearestEven;
  Overflow overflow = Overflow::kSaturate;
  // An infinite input: the largest finite value, or (false) infinity, NaN where
  // the format has no infinity, the largest finite value where it has neither.
  bool infinity_saturates = true;
  // Signed integers leave their lowest code -2^(b-1) unused.
  bool narrow = true;

  bool operator==(const Policy&) const = default;
};

// True if a magnitude whole + f, 0 <= f < 1, becomes whole + 1.
//
// Domain   fraction = floor(f * 2^31); sticky says that f has bits below it.
//          odd: the code of `whole` is odd. negative: the value is -(whole +
//          f).
constexpr bool RoundsAway(bool odd, std::uint32_t fraction, bool sticky,
                          bool negative, Rounding rounding,
                          std::uint32_t random) {
  constexpr std::uint32_t kHalf = 1u << 30;
  const bool tie = fraction == kHalf && !sticky;
  const bool above = fraction >= kHalf && !tie;
  switch (rounding) {
    case Rounding::kNearestEven:
      return above || (tie && odd);
    case Rounding::kHalfAway:
      return above || tie;
    case Rounding::kHalfUp:
      return above || (tie && !negative);
    case Rounding::kHalfToZero:
      return above;
    case Rounding::kFloor:
      return negative && (fraction != 0 || sticky);
    case Rounding::kStochastic:
      return fraction > (random >> 1);
  }
  return false;
}

// x rounded to an integer. The sign of zero is kept; NaN and infinity stay.
template <class T>
constexpr T RoundToInteger(T x, Rounding rounding, std::uint32_t random = 0) {
  static_assert(std::numeric_limits<T>::is_iec559);
  // From here on every T is an integer.
  constexpr T kLimit =
      static_cast<T>(std::int64_t{1} << (std::numeric_limits<T>::digits - 1));
  const T magnitude = x < 0 ? -x : x;
  if (!(magnitude < kLimit)) return x;
  const auto whole = static_cast<std::int64_t>(magnitude);
  const T scaled = (magnitude - static_cast<T>(whole)) * T{2147483648};
  if (scaled == 0) return x;
  const auto fraction = static_cast<std::uint32_t>(scaled);
  const bool away =
      RoundsAway(whole % 2 != 0, fraction, scaled != static_cast<T>(fraction),
                 x < 0, rounding, random);
  const T rounded = static_cast<T>(whole + (away ? 1 : 0));
  return x < 0 ? -rounded : rounded;
}

// How far x lies between two neighbours, as RoundsAway wants it: about
// floor((x - low) / (high - low) * 2^31), but on the right side of one half,
// exactly one half at a tie, and above zero for x > low.
//
// Domain   low <= x < high, whose exponents differ by less than 28 or low is 0,
//          so that the sum below is exact.
constexpr std::uint32_t FractionBetween(float low, float high, float x) {
  constexpr std::uint32_t kHalf = 1u << 30;
  const double sum = static_cast<double>(low) + static_cast<double>(high);
  const double twice = static_cast<double>(x) * 2;
  if (twice == sum) return kHalf;
  const double quotient =
      (static_cast<double>(x) - static_cast<double>(low)) /
      (static_cast<double>(high) - static_cast<double>(low));
  const auto fraction = static_cast<std::uint32_t>(quotient * 2147483648.0);
  if (twice > sum) return std::max(fraction, kHalf + 1);
  return std::clamp(fraction, x > low ? 1u : 0u, kHalf - 1);
}

// True if x goes to `high` rather than to `low`, whose code is odd or not. At a
// tie half-way to zero from both sides, "away" and "to zero" mean up.
constexpr bool RoundsUp(float low, float high, float x, bool low_is_odd,
                        Rounding rounding, std::uint32_t random) {
  if (low + high < 0) {
    if (rounding == Rounding::kHalfAway) {
      rounding = Rounding::kHalfToZero;
    } else if (rounding == Rounding::kHalfToZero) {
      rounding = Rounding::kHalfAway;
    }
  }
  if (low + high == 0 && rounding == Rounding::kHalfToZero) {
    rounding = Rounding::kHalfUp;
  }
  return RoundsAway(low_is_odd, FractionBetween(low, high, x), false, false,
                    rounding, random);
}

// x itself, hidden from the optimizer: a product that passes through here is
// rounded before it meets a sum, where g++ would fuse the two.
constexpr float Rounded(float x) {
  if (std::is_constant_evaluated()) return x;
#if defined(__GNUC__)
  auto bits = std::bit_cast<std::uint32_t>(x);
  asm("" : "+r"(bits));
  return std::bit_cast<float>(bits);
#else
  return x;
#endif
}

}  // namespace nibble
