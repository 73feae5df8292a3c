#include "nibble/sweep/spec.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "nibble/core/check.hpp"

namespace nibble::sweep {
namespace {

const Vocabulary kVocabulary = {
    .axes = {{"weights"}, {"acts"}, {"ends", ""}, {"width", 1.0}},
    .settings = {"model", "limit"}};

Spec Parse(const std::string& json) {
  return ParseSpec(json, "test.json", kVocabulary);
}

std::vector<std::string> Keys(const Spec& spec) {
  std::vector<std::string> keys;
  for (const Point& p : spec.points) keys.push_back(Key(p));
  return keys;
}

// Short form of a point: the axes that differ from their fallbacks.
std::vector<std::string> Short(const Spec& spec) {
  std::vector<std::string> out;
  for (const Point& p : spec.points) {
    out.push_back(Text(p, "weights") + "|" + Text(p, "acts") + "|" +
                  Text(p, "ends") + "|" + Text(p, "width"));
  }
  return out;
}

TEST(Spec, ReadsEveryKey) {
  const Spec spec = Parse(R"({
    "name": "n", "title": "A title", "model": "resnet20", "limit": 100,
    "axes": {"weights": ["int8", null], "width": [0.5, 2]},
    "cost": "bytes", "accuracy": "top5", "reference": {"bytes": 12.5}})");
  EXPECT_EQ(spec.name, "n");
  EXPECT_EQ(spec.title, "A title");
  EXPECT_EQ(spec.Setting("model"), "resnet20");
  EXPECT_EQ(spec.Setting("limit"), "100");
  EXPECT_EQ(spec.Setting("absent", "else"), "else");
  EXPECT_EQ(spec.cost, "bytes");
  EXPECT_EQ(spec.accuracy, "top5");
  EXPECT_EQ(spec.reference, (std::map<std::string, double>{{"bytes", 12.5}}));
  EXPECT_EQ(spec.axes,
            (std::vector<std::string>{"weights", "acts", "ends", "width"}));
  EXPECT_EQ(Short(spec),
            (std::vector<std::string>{"int8|float||0.5", "int8|float||2",
                                      "float|float||0.5", "float|float||2"}));
}

TEST(Spec, KeyIsCanonical) {
  const Spec spec = Parse(R"({"name": "n", "points":
      [{"width": 8.0, "weights": "say \"hi\"\n\u00e9"}, {"width": -0.0}]})");
  EXPECT_EQ(Keys(spec),
            (std::vector<std::string>{
                "{\"acts\":\"float\",\"ends\":\"\",\"weights\":"
                "\"say \\\"hi\\\"\\n\xC3\xA9\",\"width\":8}",
                "{\"acts\":\"float\",\"ends\":\"\",\"weights\":\"float\","
                "\"width\":0}"}));
  EXPECT_EQ(Key({{"a", 0.1}, {"b", 1e300}}), R"({"a":0.1,"b":1e+300})");
}

TEST(Spec, OrderIsAxesThenPointsWithoutRepetitions) {
  const Spec spec = Parse(R"({"name": "n",
    "axes": {"acts": ["a", "b"], "weights": ["x", "y", "x"]},
    "points": [{"weights": "z"}, {"weights": ["y", "q"], "acts": ["b", "c"]},
               {"weights": "z", "acts": null}]})");
  EXPECT_EQ(Short(spec), (std::vector<std::string>{
                             "x|a||1", "y|a||1", "x|b||1", "y|b||1",
                             "z|float||1", "y|c||1", "q|b||1", "q|c||1"}));
}

TEST(Spec, ExcludeTakesPointsAway) {
  const Spec spec = Parse(R"({"name": "n",
    "axes": {"weights": ["x", "y", "z"], "acts": ["a", "b"]},
    "exclude": [{"weights": "x", "acts": "b"}, {"weights": ["y", "z"],
                 "acts": "a"}]})");
  EXPECT_EQ(Short(spec),
            (std::vector<std::string>{"x|a||1", "y|b||1", "z|b||1"}));
}

TEST(Spec, IdentityIsNameAndSettingsOnly) {
  const auto identity = [](const std::string& rest) {
    return Identity(Parse("{\"name\": \"n\", " + rest + "}"));
  };
  const std::string points = R"("points": [{"weights": "a"}])";
  const std::string first = identity(points + R"(, "model": "m", "limit": 2)");
  EXPECT_EQ(first, R"({"name":"n","settings":{"limit":2,"model":"m"}})");
  EXPECT_EQ(first, identity(R"("limit": 2.0, "model": "m", "title": "t",
                  "cost": "c", "points": [{"weights": "b"}])"));
  EXPECT_NE(first, identity(points + R"(, "model": "m", "limit": 3)"));
  EXPECT_NE(first, identity(points + R"(, "model": "m")"));
}

TEST(Spec, VaryingAxes) {
  const Spec spec = Parse(R"({"name": "n",
      "axes": {"weights": ["a", "b"], "ends": ["c"], "width": [1, 2]}})");
  EXPECT_EQ(VaryingAxes(spec.points, spec.axes),
            (std::vector<std::string>{"weights", "width"}));
  EXPECT_TRUE(VaryingAxes({}, spec.axes).empty());
}

TEST(Spec, Nearest) {
  EXPECT_EQ(Nearest("wieghts", {"acts", "weights", "width"}), "weights");
  EXPECT_EQ(Nearest("act", {"weights", "acts"}), "acts");
  EXPECT_EQ(Nearest("anything", {}), "");
}

TEST(Spec, ReadsAFileAndNamesAMissingOne) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "spec.json";
  std::ofstream(path) << R"({"name": "n", "points": [{"weights": "a"}]})";
  EXPECT_EQ(ReadSpec(path, kVocabulary).points.size(), 1u);
  for (const auto& bad :
       {path.parent_path() / "absent.json", path.parent_path()}) {
    try {
      ReadSpec(bad, kVocabulary);
      ADD_FAILURE() << bad;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(bad.string()),
                std::string::npos);
    }
  }
}

struct Refused {
  const char* json;
  const char* message;  // a part of it
};

class RefusedSpec : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedSpec, NamesWhatWasFoundAndExpected) {
  try {
    Parse(GetParam().json);
    FAIL() << "accepted " << GetParam().json;
  } catch (const InputError& error) {
    const std::string what = error.what();
    EXPECT_EQ(what.find("test.json: "), 0u) << what;
    EXPECT_NE(what.find(GetParam().message), std::string::npos) << what;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedSpec,
    ::testing::Values(
        Refused{"", "not JSON"}, Refused{"{\"name\": }", "not JSON"},
        Refused{"{\"name\": \"\xFF\"}", "not JSON"},
        Refused{"{\"name\": \"n\", \"limit\": 1e999}", "not JSON"},
        Refused{"[]", "file: found [], expected an object"},
        Refused{"{}", "name: found nothing"},
        Refused{R"({"name": 3})", "name: found 3, expected a string"},
        Refused{R"({"name": ""})", "name: found \"\""},
        Refused{R"({"name": "n"})", "found no point, expected at least one"},
        Refused{R"({"name": "n", "name": "m"})", "found \"name\" twice"},
        Refused{R"({"name": "n", "points": [{"acts": 1, "acts": 2}]})",
                "found \"acts\" twice"},
        Refused{R"({"name": "n", "axis": {}})",
                "key: found \"axis\", expected one of"},
        Refused{R"({"name": "n", "axis": {}})", "(nearest: axes)"},
        Refused{R"({"name": "n", "axes": {"weight": ["a"]}})",
                "axes: found \"weight\", expected one of weights, acts, ends, "
                "width (nearest: weights)"},
        Refused{R"({"name": "n", "axes": {"weights": "a"}})",
                "axes.weights: found \"a\", expected a list of values"},
        Refused{R"({"name": "n", "axes": {"weights": []}})",
                "axes.weights: found [], expected at least one"},
        Refused{R"({"name": "n", "axes": {"weights": [true]}})",
                "axes.weights: found true, expected a string, a number"},
        Refused{R"({"name": "n", "axes": []})", "axes: found []"},
        Refused{R"({"name": "n", "points": {}})", "points: found {}"},
        Refused{R"({"name": "n", "points": [3]})", "points[0]: found 3"},
        Refused{R"({"name": "n", "points": [{}, {"act": "a"}]})",
                "points[1]: found \"act\""},
        Refused{R"({"name": "n", "points": [{}], "exclude": [{}]})",
                "exclude[0]: found {}"},
        Refused{R"({"name": "n", "points": [{}], "exclude": [{"acts": "a"}]})",
                "expected a pattern that matches a point"},
        Refused{R"({"name": "n", "points": [{}], "exclude": [{"act": "a"}]})",
                "exclude[0]: found \"act\""},
        Refused{R"({"name": "n", "points": [{}], "exclude": [{"acts": null}]})",
                "found no point"},
        Refused{R"({"name": "n", "points": [{}], "limit": [1]})",
                "limit: found [1]"},
        Refused{R"({"name": "n", "points": [{}], "reference": {"a": "b"}})",
                "reference.a: found \"b\", expected a number"},
        Refused{R"({"name": "n", "points": [{}], "reference": 3})",
                "reference: found 3"},
        Refused{R"({"name": "n", "x": [[[[[[[[[[[]]]]]]]]]]]})",
                "depth: found more than 8 levels"}));

TEST(Spec, RefusesMorePointsThanAnyoneCanRun) {
  std::string list = "[0";
  for (int i = 1; i < 101; ++i) list += "," + std::to_string(i);
  list += "]";
  try {
    Parse("{\"name\": \"n\", \"axes\": {\"weights\": " + list +
          ", \"acts\": " + list + ", \"width\": " + list + "}}");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("at most 1000000"),
              std::string::npos);
  }
}

// The specifications that come with nibble, read as the command reads them.
TEST(Spec, ShippedOnesParse) {
  const Vocabulary vocabulary = {
      .axes = {{"weight-scheme"},
               {"act-scheme"},
               {"ends-scheme", ""},
               {"calibration", "absmax"}},
      .settings = {"model", "width", "weights", "data", "limit",
                   "calibration-images", "seed"}};
  const auto folder = std::filesystem::path(NIBBLE_SOURCE_DIR) / "tools/sweeps";
  const Spec digits = ReadSpec(folder / "digits.json", vocabulary);
  const Spec resnet = ReadSpec(folder / "resnet20-ptq.json", vocabulary);
  EXPECT_EQ(digits.name, "digits");
  EXPECT_EQ(resnet.Setting("model"), "resnet20");
  EXPECT_GE(resnet.points.size(), 40u);
  for (const Spec* spec : {&digits, &resnet}) {
    EXPECT_EQ(Text(spec->points[0], "weight-scheme"), "float");
    EXPECT_EQ(Text(spec->points[0], "act-scheme"), "float");
  }
}

}  // namespace
}  // namespace nibble::sweep
