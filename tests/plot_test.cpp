#include "nibble/sweep/plot.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

namespace nibble::sweep {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Scales, HoldTheirValuesBetweenRoundMarks) {
  const Scale linear = LinearScale(0.3, 9.7);
  EXPECT_EQ(linear.lo, 0);
  EXPECT_EQ(linear.hi, 10);
  EXPECT_EQ(linear.ticks, (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(linear.At(5), 0.5);
  const Scale flat = LinearScale(3, 3);
  EXPECT_LT(flat.lo, 3);
  EXPECT_GT(flat.hi, 3);
  const Scale log = LogScale(10, 1000);
  EXPECT_NEAR(log.At(100), 0.5, 1e-12);
  EXPECT_EQ(log.ticks, (std::vector<double>{10, 20, 50, 100, 200, 500, 1000}));
  EXPECT_EQ(LogScale(1, 1e6).ticks.size(), 7u);
  const Scale error = LogErrorScale(0.1, 0.91);
  EXPECT_LT(error.At(0.1), error.At(0.5));
  EXPECT_NEAR(error.At(0.9) - error.At(0.8), error.At(0.8) - error.At(0.6),
              1e-12)
      << "halving the error is one step everywhere";
  for (const Scale& s : {linear, flat, log, error}) {
    EXPECT_GE(s.ticks.size(), 3u);
    for (const double tick : s.ticks) {
      EXPECT_GE(s.At(tick), -1e-12);
      EXPECT_LE(s.At(tick), 1 + 1e-12);
    }
    EXPECT_EQ(s.At(s.lo), 0);
    EXPECT_NEAR(s.At(s.hi), 1, 1e-12);
  }
}

TEST(Numbers, AreShort) {
  EXPECT_EQ(ShortNumber(0), "0");
  EXPECT_EQ(ShortNumber(0.05), "0.05");
  EXPECT_EQ(ShortNumber(999), "999");
  EXPECT_EQ(ShortNumber(999.9), "1 k");
  EXPECT_EQ(ShortNumber(1234), "1.23 k");
  EXPECT_EQ(ShortNumber(-40551040), "-40.6 M");
  EXPECT_EQ(ShortNumber(6.5e10), "65 G");
  EXPECT_EQ(ShortNumber(1e-7), "0.0000001");
  EXPECT_EQ(ShortNumber(kNaN), "no number");
  EXPECT_EQ(Decimal(1.0, 2), "1");
  EXPECT_EQ(Decimal(100, 0), "100");
  EXPECT_EQ(Decimal(-0.001, 2), "0");
  EXPECT_EQ(Decimal(91.734, 2), "91.73");
}

TEST(EscapeXml, LeavesNothingThatMarkupCouldUse) {
  EXPECT_EQ(EscapeXml("<a href='x' y=\"&\">"),
            "&lt;a href=&#39;x&#39; y=&quot;&amp;&quot;&gt;");
  EXPECT_EQ(EscapeXml(std::string("\x01\x00", 2)), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(EscapeXml("é\t\n"), "é\t\n");
}

TEST(GroupColor, DiffersBetweenGroups) {
  std::set<std::string> colors;
  for (std::size_t i = 0; i < 9; ++i) {
    const std::string color(GroupColor(i));
    ASSERT_EQ(color.size(), 7u);
    colors.insert(color);
  }
  EXPECT_EQ(colors.size(), 9u);
  EXPECT_EQ(GroupColor(9), GroupColor(0)) << "more groups begin again";
}

// The marks and the choice of scales of whole pictures.
TEST(ToSvg, ChoosesItsScales) {
  Plot plot;
  plot.x_label = "cost";
  plot.y_label = "share";
  plot.y_percent = true;
  plot.points = {{.x = 1, .y = 0.9}, {.x = 9, .y = 0.92}};
  EXPECT_EQ(ToSvg(plot).find("log scale"), std::string::npos);
  plot.points[1].x = 11;
  EXPECT_NE(ToSvg(plot).find(">cost, log scale<"), std::string::npos);
  plot.points[0].x = 0;  // zero has no logarithm
  EXPECT_EQ(ToSvg(plot).find("log scale"), std::string::npos);
  plot.points[0].y = 0.5;
  EXPECT_NE(ToSvg(plot).find(">share, error on a log scale<"),
            std::string::npos);
  plot.points[1].y = 1;  // nor has an error of none
  EXPECT_EQ(ToSvg(plot).find("log scale"), std::string::npos);
}

TEST(ToSvg, DrawsTheWorstTenthAtTheEdgeWhereItSqueezesTheOthers) {
  Plot plot;
  for (int i = 0; i < 20; ++i) plot.points.push_back({.x = 1.0 + i, .y = 0.5});
  plot.points[0].y = -90;
  plot.points[1].y = -100;
  plot.points[2].y = 0;
  EXPECT_NE(ToSvg(plot).find(">2 worse<"), std::string::npos);
  plot.points[0].front = true;  // the front is always shown
  EXPECT_EQ(ToSvg(plot).find(" worse<"), std::string::npos);
  plot.points[0].front = false;
  plot.baseline = -100;  // and so is the baseline
  EXPECT_EQ(ToSvg(plot).find(" worse<"), std::string::npos);
  plot.baseline.reset();
  plot.points[3].y = -80;  // a third one is more than a tenth
  EXPECT_EQ(ToSvg(plot).find(" worse<"), std::string::npos);
  for (PlotPoint& p : plot.points) p.y = -p.y;  // where less is better
  plot.points[3].y = 0.5;
  EXPECT_EQ(ToSvg(plot).find(" worse<"), std::string::npos);
  plot.y_grows = false;
  EXPECT_NE(ToSvg(plot).find(">2 worse<"), std::string::npos);
}

// With colours for what is known, more for what is not, and rings.
TEST(ToSvg, LegendFollowsTheGroups) {
  Plot plot;
  plot.groups = {"A", "B"};
  plot.hollow_meaning = "weights only";
  plot.points = {{.x = 1, .y = 2, .group = "new"},
                 {.x = 2, .y = 3, .group = "B", .hollow = true, .front = true},
                 {.x = kNaN, .y = 3, .group = "A"}};
  const std::string svg = ToSvg(plot);
  EXPECT_EQ(svg.find(">A</text>"), std::string::npos) << "no point of it";
  EXPECT_LT(svg.find(">B</text>"), svg.find(">new</text>"));
  EXPECT_NE(svg.find(">weights only</text>"), std::string::npos);
  EXPECT_NE(svg.find(GroupColor(1)), std::string::npos);
  plot.points[1].hollow = false;
  EXPECT_EQ(ToSvg(plot).find(">weights only</text>"), std::string::npos);
}

}  // namespace
}  // namespace nibble::sweep
