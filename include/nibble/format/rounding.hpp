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
  kNearestEven,  // a tie goes to the even code (in ternary: to zero)
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
  // f in units of 2^-32, its sticky bit the last: away if that and what a tie
  // is worth exceed one half. Free of branches that depend on the value.
  const std::uint64_t f = std::uint64_t{fraction} << 1 | (sticky ? 1 : 0);
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 31;
  switch (rounding) {
    case Rounding::kNearestEven:
      return f + (odd ? 1 : 0) > kHalf;
    case Rounding::kHalfAway:
      return f >= kHalf;
    case Rounding::kHalfUp:
      return f + (negative ? 0 : 1) > kHalf;
    case Rounding::kHalfToZero:
      return f > kHalf;
    case Rounding::kFloor:
      return negative && f != 0;
    case Rounding::kStochastic:
      return fraction > (random >> 1);
  }
  return false;
}

// x rounded to an integer. The sign of zero is kept; NaN and infinity stay.
template <class T>
constexpr T RoundToInteger(T x, Rounding rounding, std::uint32_t random = 0) {
  static_assert(std::numeric_limits<T>::is_iec559 && sizeof(T) <= 8);
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  // From here on every T is an integer.
  constexpr T kLimit =
      static_cast<T>(std::int64_t{1} << (std::numeric_limits<T>::digits - 1));
  const Bits sign = std::bit_cast<Bits>(x) & std::bit_cast<Bits>(T{-0.0});
  const T magnitude = std::bit_cast<T>(std::bit_cast<Bits>(x) ^ sign);
  if (!(magnitude < kLimit)) return x;
  const auto whole = static_cast<std::int64_t>(magnitude);
  const T scaled = (magnitude - static_cast<T>(whole)) * T{2147483648};
  const auto fraction = static_cast<std::uint32_t>(scaled);
  const bool away =
      RoundsAway(whole % 2 != 0, fraction, scaled != static_cast<T>(fraction),
                 sign != 0, rounding, random);
  const T rounded = static_cast<T>(whole + (away ? 1 : 0));
  return std::bit_cast<T>(std::bit_cast<Bits>(rounded) | sign);
}

// How far x lies between two neighbours, as far as RoundsAway wants to know
// under this rounding: the quotient (x - low) / (high - low) in doubles, times
// 2^31, where chance decides; else only on which side of the exact middle.
//
// Domain   low <= x < high, whose exponents differ by less than 28 or low is 0,
//          so that their sum is exact.
constexpr std::uint32_t FractionBetween(float low, float high, float x,
                                        Rounding rounding) {
  constexpr std::uint32_t kHalf = 1u << 30;
  const double from = static_cast<double>(low);
  const double to = static_cast<double>(high);
  const double value = static_cast<double>(x);
  if (rounding == Rounding::kStochastic) {
    return static_cast<std::uint32_t>((value - from) / (to - from) *
                                      2147483648.0);
  }
  const double middle = (from + to) / 2;
  if (value >= middle) return value > middle ? kHalf + 1 : kHalf;
  return value > from ? 1 : 0;
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
  return RoundsAway(low_is_odd, FractionBetween(low, high, x, rounding), false,
                    false, rounding, random);
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
