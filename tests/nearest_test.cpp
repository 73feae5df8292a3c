// Every format of up to 8 bits against a search of its decode table: all
// bfloat16 inputs, and every code, middle and float beside them, in every
// rounding.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nibble/core/random.hpp"
#include "nibble/format/registry.hpp"

namespace nibble {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Formats whose nearest value is nearest in value: posits have their own rule
// (posit_test), int1 takes the sign.
std::vector<FormatId> SmallFormats() {
  std::vector<FormatId> out;
  for (const FormatInfo& info : AllFormats()) {
    const bool element =
        info.family != Family::kBlock || info.id == FormatId::kIq4Nl;
    if (info.bits <= 8 && element && info.family != Family::kPosit &&
        info.id != FormatId::kInt1) {
      out.push_back(info.id);
    }
  }
  return out;
}

struct Level {
  float value;
  std::uint32_t code;
};

// The finite values, ascending, one code each; of the two zeros the positive.
std::vector<Level> Levels(const FormatInfo& info, bool narrow) {
  std::vector<Level> levels;
  for (std::uint32_t code = 0; code < info.codes; ++code) {
    const float value = Decode(info.id, code);
    if (!std::isfinite(value)) continue;
    if (value == 0 && std::signbit(value)) continue;
    if (info.family == Family::kInteger && narrow && info.is_signed &&
        !info.integer.half_shift && value == info.min) {
      continue;
    }
    levels.push_back({value, code});
  }
  std::ranges::sort(levels, {}, &Level::value);
  return levels;
}

bool IsEven(const FormatInfo& info, const Level& level) {
  return info.family == Family::kTernary ? level.value == 0
                                         : level.code % 2 == 0;
}

// Whether stochastic rounding measures from the lower neighbour, not from the
// one nearer zero; and whether its fraction is a quotient of doubles.
bool FromBelow(const FormatInfo& info) {
  return info.family == Family::kCodebook || info.integer.half_shift ||
         info.id == FormatId::kIq4Nl;
}
bool IsApproximate(const FormatInfo& info) {
  return FromBelow(info) || info.family == Family::kLogarithmic;
}

// Whether x, strictly between two levels, belongs to the upper one; the nearest
// by exact comparison in 64-bit mantissas.
bool GoesUp(const FormatInfo& info, const Level& low, const Level& high,
            float x, Rounding rounding, std::uint32_t random, bool* unsure) {
  // Exact, as are twice x and the sum of two neighbours.
  const long double twice = 2.0L * x;
  const long double middle = static_cast<long double>(low.value) + high.value;
  const bool tie = twice == middle;
  const bool nearer = twice > middle;
  switch (rounding) {
    case Rounding::kNearestEven:
      return tie ? IsEven(info, high) : nearer;
    case Rounding::kHalfAway:
      return tie ? middle >= 0 : nearer;
    case Rounding::kHalfUp:
      return tie || nearer;
    case Rounding::kHalfToZero:
      return tie ? middle <= 0 : nearer;
    case Rounding::kFloor:
      return false;
    case Rounding::kStochastic:
      break;
  }
  const bool negative = !FromBelow(info) && x < 0;
  const long double below = static_cast<long double>(x) - low.value;
  const long double above = static_cast<long double>(high.value) - x;
  const long double gap = static_cast<long double>(high.value) - low.value;
  const long double f = (negative ? above : below) / gap;
  const long double scaled = std::floor(f * 2147483648.0L);
  const long double r = random >> 1;
  *unsure = IsApproximate(info) && std::abs(scaled - r) <= 2;
  return (scaled > r) != negative;
}

class Oracle {
 public:
  Oracle(FormatId id, bool narrow)
      : info_(Info(id)), levels_(Levels(info_, narrow)) {}

  const std::vector<Level>& levels() const { return levels_; }

  // The value that x must become. Everything outside the range saturates.
  float Round(float x, Rounding rounding, std::uint32_t random,
              bool* unsure) const {
    const auto high = std::ranges::upper_bound(levels_, x, {}, &Level::value);
    if (high == levels_.begin()) return levels_.front().value;
    const auto low = high - 1;
    if (high == levels_.end() || low->value == x) return low->value;
    return GoesUp(info_, *low, *high, x, rounding, random, unsure) ? high->value
                                                                   : low->value;
  }

 private:
  const FormatInfo& info_;
  std::vector<Level> levels_;
};

std::vector<float> Inputs(const std::vector<Level>& levels) {
  std::vector<float> x;
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const float v = std::bit_cast<float>(i << 16);
    if (!std::isnan(v)) x.push_back(v);
  }
  const auto with_neighbours = [&x](float v) {
    x.push_back(v);
    x.push_back(std::nextafter(v, kInf));
    x.push_back(std::nextafter(v, -kInf));
  };
  for (std::size_t i = 0; i < levels.size(); ++i) {
    with_neighbours(levels[i].value);
    if (i == 0) continue;
    const double low = levels[i - 1].value;
    const double gap = levels[i].value - low;
    with_neighbours(static_cast<float>(low + gap / 2));
    for (std::uint64_t k = 0; k < 8; ++k) {
      const double f = RandomBits(1, i * 8 + k) * 0x1p-32;
      x.push_back(static_cast<float>(low + gap * f));
    }
  }
  with_neighbours(std::numeric_limits<float>::denorm_min());
  with_neighbours(std::numeric_limits<float>::max());
  return x;
}

constexpr Rounding kRoundings[] = {
    Rounding::kNearestEven, Rounding::kHalfAway, Rounding::kHalfUp,
    Rounding::kHalfToZero,  Rounding::kFloor,    Rounding::kStochastic};

void CheckFormat(FormatId id, bool narrow) {
  const FormatInfo& info = Info(id);
  const Oracle oracle(id, narrow);
  const auto inputs = Inputs(oracle.levels());
  const bool signed_zero = info.family == Family::kLogarithmic ||
                           (info.family == Family::kMinifloat &&
                            info.minifloat.special != Special::kFnuz);
  std::uint64_t draws = 0;
  for (const Rounding rounding : kRoundings) {
    const Policy policy{.rounding = rounding, .narrow = narrow};
    for (const float x : inputs) {
      const std::uint32_t random = RandomBits(2, draws++);
      const std::uint32_t code = Encode(id, x, policy, random);
      ASSERT_LT(code, info.codes);
      const float got = Decode(id, code);
      bool unsure = false;
      const float expected = oracle.Round(x, rounding, random, &unsure);
      if (unsure) continue;
      ASSERT_EQ(got, expected)
          << info.name << " x = " << x << " (" << std::hexfloat << x
          << ") rounding " << static_cast<int>(rounding) << " r = " << random;
      if (got == 0) {
        ASSERT_EQ(std::signbit(got), signed_zero && std::signbit(x))
            << info.name << " x = " << x;
      }
    }
  }
}

class NearestTest : public ::testing::TestWithParam<FormatId> {};

TEST_P(NearestTest, EqualsASearch) {
  CheckFormat(GetParam(), true);
  if (Info(GetParam()).family == Family::kInteger) {
    CheckFormat(GetParam(), false);
  }
}

TEST_P(NearestTest, EveryCodeComesBack) {
  const FormatInfo& info = Info(GetParam());
  for (const Rounding rounding : kRoundings) {
    const Policy policy{
        .rounding = rounding, .infinity_saturates = false, .narrow = false};
    for (std::uint32_t code = 0; code < info.codes; ++code) {
      const float value = Decode(info.id, code);
      const std::uint32_t again = Encode(info.id, value, policy, 12345);
      if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(Decode(info.id, again))) << info.name;
      } else {
        EXPECT_EQ(again, code) << info.name << " " << value;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, NearestTest,
                         ::testing::ValuesIn(SmallFormats()),
                         [](const auto& test) {
                           return std::string(Info(test.param).name);
                         });

TEST(Nearest, FormatsAreThere) { EXPECT_EQ(SmallFormats().size(), 41u); }

}  // namespace
}  // namespace nibble
