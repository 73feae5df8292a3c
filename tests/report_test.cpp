#include "nibble/sweep/report.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "nibble/core/check.hpp"
#include "nibble/format/registry.hpp"
#include "nibble/sweep/plot.hpp"
#include "nlohmann/json.hpp"

namespace nibble::sweep {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string Contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::size_t Count(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

// "" if every element is closed in order and every attribute quoted.
std::string XmlMistake(const std::string& text) {
  std::vector<std::string> open;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '<') {
      if (text[at] == '>') return "a bare > at " + std::to_string(at);
      if (text[at] == '&' && text.find(';', at) > at + 6) {
        return "a bare & at " + std::to_string(at);
      }
      ++at;
      continue;
    }
    const auto end = text.find('>', at);
    if (end == std::string::npos) return "no end of a tag";
    const std::string tag = text.substr(at + 1, end - at - 1);
    if (Count(tag, "\"") % 2 != 0 || Count(tag, "<") != 0) return tag;
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return "closes " + tag;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
    at = end + 1;
  }
  return open.empty() ? "" : "leaves open " + open.back();
}

Result Finished(const Point& point, double cost, double accuracy) {
  Result r;
  r.point = point;
  r.metrics = {{"linear", cost}, {"accuracy", accuracy}, {"bytes", cost / 8}};
  r.started = "2026-01-31T23:59:59Z";
  r.seconds = 0.5;
  r.made = {.commit = "abc", .machine = "CPU, \"fast\"", .cores = 2};
  return r;
}

Point Schemes(const std::string& weights, const std::string& acts) {
  return {{"weight-scheme", weights}, {"act-scheme", acts}};
}

// Four points: two on the front, one dominated, one failed.
struct Example {
  Spec spec;
  std::vector<Result> results;
  ReportOptions options;

  Example() {
    spec.name = "example";
    spec.title = "An <example> & \"more\"";
    spec.axes = {"weight-scheme", "act-scheme"};
    results = {Finished(Schemes("float", "float"), 1600, 0.9173),
               Finished(Schemes("int8/channel", "int8"), 800, 0.915),
               Finished(Schemes("mxfp8_e4m3", "float"), 1600, 0.875),
               Finished(Schemes("nf4,\n\"x\"", "int8"), 0, 0)};
    results[3].metrics.clear();
    results[3].error = "</script><b>bad</b>";
    for (const Result& r : results) spec.points.push_back(r.point);
    options.costs = {"linear", "bytes", "absent"};
    options.command = "nibble sweep </script><script>alert(1)</script>";
  }
};

TEST(Styles, OfSchemes) {
  const std::vector<std::string> all = {"weight-scheme", "act-scheme",
                                        "ends-scheme", "calibration"};
  const auto style = [&](const char* w, const char* a, const char* e,
                         const char* c) {
    return SchemeStyle({{"weight-scheme", w},
                        {"act-scheme", a},
                        {"ends-scheme", e},
                        {"calibration", c}},
                       all);
  };
  const PointStyle full = style("int4/channel", "uint8", "int8", "mse");
  EXPECT_EQ(full.label, "int4/channel × uint8 [int8 ends] (mse)");
  EXPECT_EQ(full.group, "Integer");
  EXPECT_FALSE(full.hollow);
  EXPECT_FALSE(full.baseline);
  const PointStyle weights = style("nf4/group64", "float", "", "absmax");
  EXPECT_EQ(weights.label, "nf4/group64");
  EXPECT_TRUE(weights.hollow);
  EXPECT_EQ(weights.group, "Code book");
  const PointStyle none = style("float", "float", "", "absmax");
  EXPECT_EQ(none.label, "float");
  EXPECT_EQ(none.group, "Float");
  EXPECT_TRUE(none.baseline);
  EXPECT_FALSE(none.hollow);
  EXPECT_FALSE(style("float", "float", "int8", "absmax").baseline);
  EXPECT_EQ(style("float", "posit8_es1", "", "absmax").group, "Posit");
  EXPECT_EQ(SchemeStyle(Schemes("int8", "int8"), {"weight-scheme"}).label,
            "int8");
}

TEST(Styles, FamilyOfEveryFormat) {
  const auto& families = FormatFamilies();
  for (const FormatInfo& info : AllFormats()) {
    const std::string name(info.name);
    const std::string family = FormatFamily(name);
    EXPECT_NE(std::find(families.begin(), families.end(), family),
              families.end());
    EXPECT_EQ(family == "Other", info.family == Family::kScale) << name;
    EXPECT_EQ(FormatFamily("aqt:" + name + "/group32"), family);
  }
  EXPECT_EQ(FormatFamily("ternary/channel"), "Ternary");
  EXPECT_EQ(FormatFamily("mxfp4"), "Block");
  EXPECT_EQ(FormatFamily("bf16"), "Minifloat");
  EXPECT_EQ(FormatFamily("log4_f0"), "Logarithmic");
  EXPECT_EQ(FormatFamily("nonsense"), "Other");
  EXPECT_EQ(FormatFamily(""), "Other");
}

TEST(Front, OfResultsWithItsReference) {
  Example e;
  FrontReport front = FindFront(e.spec, e.results, "linear", e.options);
  EXPECT_EQ(front.members, (std::vector<std::size_t>{1, 0}));
  EXPECT_EQ(front.reference_cost, 1600);
  EXPECT_EQ(front.reference_accuracy, 0);
  EXPECT_EQ(front.hypervolume, 800 * 0.915);
  e.spec.reference = {{"linear", 2000}, {"accuracy", 0.5}};
  front = FindFront(e.spec, e.results, "linear", e.options);
  EXPECT_EQ(front.reference_cost, 2000);
  EXPECT_DOUBLE_EQ(front.hypervolume, 1200 * 0.415 + 400 * 0.0023);
  e.spec.accuracy = "bytes";  // minimized: the reference is the worst
  e.spec.reference.clear();
  front = FindFront(e.spec, e.results, "linear", e.options);
  EXPECT_EQ(front.members, (std::vector<std::size_t>{1}));
  EXPECT_EQ(front.reference_accuracy, 200);
}

TEST(Front, IgnoresResultsWithoutFiniteNumbers) {
  Example e;
  e.results[0].metrics["linear"] = kNaN;
  e.results[1].metrics["accuracy"] = std::numeric_limits<double>::infinity();
  const FrontReport front = FindFront(e.spec, e.results, "linear", e.options);
  EXPECT_EQ(front.members, (std::vector<std::size_t>{2}));
  EXPECT_TRUE(FindFront(e.spec, {}, "linear", e.options).members.empty());
}

// Fields of RFC 4180, with bare line feeds between records.
std::vector<std::vector<std::string>> ReadCsv(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      rows.back().back() += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == ',') {
      rows.back().emplace_back();
    } else if (!quoted && c == '\n') {
      rows.push_back({""});
    } else {
      rows.back().back() += c;
    }
  }
  rows.pop_back();
  return rows;
}

TEST(Csv, ReadsBack) {
  Example e;
  e.results[1].metrics["accuracy"] = 0.1 + 0.2;
  e.results[2].metrics["accuracy"] = kNaN;
  const auto rows = ReadCsv(PointsCsv(e.spec, e.results, e.options));
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0], (std::vector<std::string>{
                         "weight-scheme", "act-scheme", "state", "front",
                         "accuracy", "linear", "bytes", "elapsed_s", "started",
                         "commit", "machine", "error"}));
  for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
  EXPECT_EQ(rows[1][0], "float");
  EXPECT_EQ(rows[1][3], "1");
  EXPECT_EQ(std::strtod(rows[2][4].c_str(), nullptr), 0.1 + 0.2);
  EXPECT_EQ(rows[3][3], "0");
  EXPECT_EQ(rows[3][4], "");
  EXPECT_EQ(rows[4][0], "nf4,\n\"x\"");
  EXPECT_EQ(rows[4][2], "failed");
  EXPECT_EQ(rows[4][11], "</script><b>bad</b>");
  EXPECT_EQ(rows[1][10], "CPU, \"fast\"");
}

TEST(FrontJson, HasEveryCostThatIsThere) {
  Example e;
  const Json json = Json::parse(FrontJson(e.spec, e.results, e.options));
  EXPECT_EQ(json["name"], "example");
  EXPECT_EQ(json["points"], 4);
  EXPECT_EQ(json["finished"], 3);
  ASSERT_EQ(json["fronts"].size(), 2u) << "absent is in no result";
  const Json& front = json["fronts"][0];
  EXPECT_EQ(front["cost"], "linear");
  EXPECT_EQ(front["hypervolume"], 800 * 0.915);
  EXPECT_EQ(front["reference"], (Json{{"linear", 1600}, {"accuracy", 0}}));
  ASSERT_EQ(front["members"].size(), 2u);
  EXPECT_EQ(front["members"][0]["point"],
            (Json{{"weight-scheme", "int8/channel"}, {"act-scheme", "int8"}}));
  EXPECT_EQ(front["members"][0]["accuracy"].get<double>(), 0.915);
  EXPECT_EQ(front["members"][0]["label"], "int8/channel × int8");
  EXPECT_EQ(json["fronts"][1]["cost"], "bytes");
  EXPECT_EQ(json["made"]["commit"], Json::array({"abc"}));
}

TEST(Html, StandsAloneAndEscapesItsData) {
  Example e;
  const std::string html = ReportHtml(e.spec, e.results, e.options);
  EXPECT_EQ(html.find("<!DOCTYPE html>"), 0u);
  EXPECT_EQ(Count(html, "http://www.w3.org/2000/svg"), Count(html, "://"))
      << "a reference to the network";
  EXPECT_EQ(Count(html, " src="), 0u);
  EXPECT_EQ(Count(html, "@import") + Count(html, "url("), 0u);
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(Count(html, "<script"), 2u);
  EXPECT_EQ(Count(html, "</script>"), 2u);
  EXPECT_EQ(Count(html, "<b>"), 0u);
  EXPECT_EQ(Count(html, "innerHTML"), 0u);
  EXPECT_NE(html.find("<title>An &lt;example&gt; &amp; &quot;more&quot;</"),
            std::string::npos);

  const std::string begin = "id=\"data\">";
  const auto from = html.find(begin) + begin.size();
  const Json data =
      Json::parse(html.substr(from, html.find("</script>", from) - from));
  EXPECT_EQ(data["title"], "An <example> & \"more\"");
  EXPECT_EQ(data["command"], e.options.command);
  EXPECT_EQ(data["rows"].size(), 4u);
  EXPECT_EQ(data["rows"][3]["error"], "</script><b>bad</b>");
  EXPECT_EQ(data["rows"][3]["metrics"]["accuracy"], nullptr);
  EXPECT_EQ(data["rows"][1]["metrics"]["accuracy"].get<double>(), 0.915);
  EXPECT_EQ(data["costs"], (Json{"linear", "bytes"}));
  EXPECT_EQ(data["fronts"]["linear"]["hypervolume"], 800 * 0.915);
}

TEST(Svg, IsWellFormedAndShowsTheFront) {
  Example e;
  const std::string svg = PlotSvg(e.spec, e.results, e.options);
  EXPECT_EQ(XmlMistake(svg), "");
  EXPECT_NE(svg.find("An &lt;example&gt; &amp; &quot;more&quot;"),
            std::string::npos);
  EXPECT_NE(svg.find(">int8/channel × int8</text>"), std::string::npos);
  EXPECT_NE(svg.find(">float: 91.73 %</text>"), std::string::npos);
  EXPECT_NE(svg.find(">dominated</text>"), std::string::npos);
  EXPECT_EQ(Count(svg, "class=\"front\""), 1u);
  EXPECT_EQ(svg.find("mxfp8_e4m3</text>"), std::string::npos)
      << "dominated points have no name";
  EXPECT_EQ(XmlMistake("<a><b></a>"), "closes /a");  // the checker checks
  EXPECT_NE(XmlMistake("<a>x & y</a>"), "");
}

TEST(Svg, NamesEqualPointsOnce) {
  Example e;
  e.results = {Finished(Schemes("int8", "int8"), 8, 0.9),
               Finished(Schemes("float", "float"), 16, 0.95),
               Finished(Schemes("int8", "uint8"), 8, 0.9)};
  const std::string svg = PlotSvg(e.spec, e.results, e.options);
  EXPECT_EQ(Count(svg, ">int8 × int8</text>"), 1u);
  EXPECT_EQ(Count(svg, ">int8 × uint8</text>"), 0u);
}

TEST(Svg, OfOnePointAndOfNone) {
  Example e;
  e.results.resize(1);
  EXPECT_EQ(XmlMistake(PlotSvg(e.spec, e.results, e.options)), "");
  EXPECT_EQ(PlotSvg(e.spec, e.results, e.options).find("nan"),
            std::string::npos);
  EXPECT_NE(PlotSvg(e.spec, {}, e.options).find("no finished point"),
            std::string::npos);
}

TEST(Svg, KeepsEveryCircleAndLabelInsideThePicture) {
  Example e;
  e.results.clear();
  e.spec.points.clear();
  for (int i = 0; i < 60; ++i) {
    e.results.push_back(Finished(
        Schemes("int" + std::to_string(i) + "/a-rather-long-name", "int8"),
        std::pow(1.2, i), 0.1 + 0.013 * i));
    e.spec.points.push_back(e.results.back().point);
  }
  const std::string svg = PlotSvg(e.spec, e.results, e.options);
  EXPECT_EQ(XmlMistake(svg), "");
  EXPECT_NE(svg.find("log scale"), std::string::npos) << "cost spans decades";
  for (const std::string attribute : {" cx=\"", " cy=\"", " x=\"", " y=\""}) {
    const double limit = attribute.find('x') != std::string::npos ? 960 : 600;
    for (auto at = svg.find(attribute); at != std::string::npos;
         at = svg.find(attribute, at + 1)) {
      const double v =
          std::strtod(svg.c_str() + at + attribute.size(), nullptr);
      EXPECT_GE(v, 0);
      EXPECT_LE(v, limit);
    }
  }
}

class WriteReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Of each test's own: they run side by side.
    folder_ =
        fs::path(::testing::TempDir()) /
        ("write report " +
         std::string(
             ::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    const char* path = std::getenv("PATH");
    path_ = path == nullptr ? "" : path;
  }
  void TearDown() override {
    ::setenv("PATH", path_.c_str(), 1);
    fs::remove_all(folder_);
  }

  // A program of that name as the only one that can be found.
  void FakeConverter(const std::string& script) {
    fs::create_directories(folder_ / "bin");
    std::ofstream(folder_ / "bin/rsvg-convert") << "#!/bin/sh\n" << script;
    fs::permissions(folder_ / "bin/rsvg-convert", fs::perms::owner_all);
    ::setenv("PATH", (folder_ / "bin").c_str(), 1);
  }

  fs::path folder_;
  std::string path_;
};

TEST_F(WriteReportTest, WritesEveryFileWhole) {
  Example e;
  FakeConverter(
      "[ \"$1 $2\" = '--zoom=2 --output' ] && /bin/cp \"$4\" \"$3\"\n");
  const fs::path out = folder_ / "out";
  const Written written = WriteReport(out, e.spec, e.results, e.options);
  EXPECT_EQ(written.note, "");
  ASSERT_EQ(written.files.size(), 5u);
  EXPECT_EQ(Contents(out / "points.csv"),
            PointsCsv(e.spec, e.results, e.options));
  EXPECT_EQ(Contents(out / "front.json"),
            FrontJson(e.spec, e.results, e.options));
  EXPECT_EQ(Contents(out / "plot.svg"), PlotSvg(e.spec, e.results, e.options));
  EXPECT_EQ(Contents(out / "plot.png"), Contents(out / "plot.svg"));
  EXPECT_EQ(Contents(out / "report.html"),
            ReportHtml(e.spec, e.results, e.options));
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(out))
    ++files;
  EXPECT_EQ(files, 5u) << "temporary files are gone";
}

TEST_F(WriteReportTest, GoesOnWithoutTheConverter) {
  Example e;
  const fs::path out = folder_ / "out";
  fs::create_directories(out);
  std::ofstream(out / "plot.png") << "an older picture";
  ::setenv("PATH", "/nonexistent", 1);
  Written written = WriteReport(out, e.spec, e.results, e.options);
  EXPECT_NE(written.note.find("librsvg2-bin"), std::string::npos);
  EXPECT_EQ(written.files.size(), 4u);
  EXPECT_FALSE(fs::exists(out / "plot.png")) << "it would show older results";
  FakeConverter("exit 3\n");
  written = WriteReport(out, e.spec, e.results, e.options);
  EXPECT_NE(written.note.find("rsvg-convert failed"), std::string::npos);
  EXPECT_TRUE(fs::exists(out / "report.html"));
}

TEST_F(WriteReportTest, NamesTheFileThatCannotBeWritten) {
  Example e;
  fs::create_directories(folder_);
  std::ofstream(folder_ / "file") << "in the way";
  try {
    WriteReport(folder_ / "file", e.spec, e.results, e.options);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("points.csv"), std::string::npos);
  }
}

// The real converter, where it is installed: a PNG of twice 960 by 600.
TEST_F(WriteReportTest, MakesAPicture) {
  Example e;
  const Written written = WriteReport(folder_, e.spec, e.results, e.options);
  if (written.note.find("cannot be run") != std::string::npos) {
    GTEST_SKIP() << written.note;
  }
  ASSERT_EQ(written.note, "");
  const std::string png = Contents(folder_ / "plot.png");
  ASSERT_GT(png.size(), 1000u);
  EXPECT_EQ(png.substr(1, 3), "PNG");
  EXPECT_EQ(png.substr(16, 8),
            std::string("\x00\x00\x07\x80\x00\x00\x04\xB0", 8));
}

}  // namespace
}  // namespace nibble::sweep
