// What a sweep shall try: a JSON file with lists of values per axis.
//
//     {"name": "resnet20-ptq",                 which results belong together
//      "model": "resnet20", "limit": 1000,     settings: equal for all points
//      "axes": {"weight-scheme": ["int8", "int4"], "act-scheme": ["int8"]},
//      "points": [{"weight-scheme": ["mxfp4", "nvfp4"]}],
//      "exclude": [{"weight-scheme": "int4", "act-scheme": "int8"}],
//      "cost": "linear", "accuracy": "accuracy", "title": "...",
//      "reference": {"linear": 1e9, "accuracy": 0.1}}
//
// Points come in this order: the cross product of `axes` (the first axis as
// written varies slowest), then each entry of `points`, itself a cross product
// where a value is a list. Repetitions of a point are dropped, then those that
// an entry of `exclude` matches in every axis it names. null is "float": no
// scheme.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nibble::sweep {

using Value = std::variant<double, std::string>;

// One value for every axis that the caller knows.
using Point = std::map<std::string, Value>;

// What evaluating a point gave: name -> number. NaN means "no number".
using Metrics = std::map<std::string, double>;

// Canonical JSON of a point: sorted names, shortest numbers, no spaces. Two
// points are the same exactly if their keys are.
std::string Key(const Point& point);

// A value as people read it: the string itself, or the shortest number.
std::string Text(const Value& value);

// The text of point[axis], "" where the point has no such axis.
std::string Text(const Point& point, const std::string& axis);

// Whether a value asks for no quantization.
inline bool IsFloat(std::string_view scheme) { return scheme == "float"; }

// An axis that the caller understands, and its value in points that do not
// name it.
struct Axis {
  std::string name;
  Value fallback = "float";
};

// What the caller understands; everything else in a file is refused.
struct Vocabulary {
  std::vector<Axis> axes = {};
  std::vector<std::string> settings = {};  // such as "model", "data", "limit"
};

struct Spec {
  std::string name;
  std::string title;                        // `name` where the file has none
  std::map<std::string, Value> settings;    // those that the file names
  std::string cost = "linear";              // metric of the plot's x
  std::string accuracy = "accuracy";        // metric of the plot's y
  std::map<std::string, double> reference;  // of the hypervolume, by metric
  std::vector<std::string> axes;            // every known axis, in its order
  std::vector<Point> points;                // in the order stated above

  // The setting's text, or `fallback`.
  std::string Setting(const std::string& key,
                      const std::string& fallback = "") const;
};

// Reads a specification; `where` names it in messages.
//
// Errors   InputError naming file, key, found and expected: not JSON, a key
//          twice, an unknown key (with the nearest known one), a value of the
//          wrong type, an empty list, an `exclude` that matches nothing, no
//          point at all, more than kMaxPoints.
Spec ParseSpec(std::string_view json, const std::string& where,
               const Vocabulary& vocabulary);
Spec ReadSpec(const std::filesystem::path& path, const Vocabulary& vocabulary);

inline constexpr std::size_t kMaxPoints = 1'000'000;

// What must be equal for stored results to be those of this specification: name
// and settings, as canonical JSON. Axes and points may grow between runs.
std::string Identity(const Spec& spec);

// Those of `axes` in which the points do not all agree.
std::vector<std::string> VaryingAxes(const std::vector<Point>& points,
                                     const std::vector<std::string>& axes);

// The candidate with the smallest edit distance to `name`, "" if there is none.
std::string Nearest(std::string_view name,
                    const std::vector<std::string>& candidates);

}  // namespace nibble::sweep
