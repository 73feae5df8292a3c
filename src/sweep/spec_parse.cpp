// Reading of specifications.
#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "nibble/core/check.hpp"
#include "nibble/sweep/spec.hpp"
#include "nlohmann/json.hpp"

namespace nibble::sweep {
namespace {

using Json = nlohmann::ordered_json;  // keeps the order of the file

// A value as it stands in a message: short.
std::string Found(const Json& value) {
  std::string text = value.dump();
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

// JSON, but for keys that come twice and depth that no specification has.
Json ParseStrict(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) {
      if (depth > 8) {
        throw InputError(where, "depth", "more than 8 levels", "at most 4");
      }
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::array_start && depth > 8) {
      throw InputError(where, "depth", "more than 8 levels", "at most 4");
    } else if (event == Json::parse_event_t::key &&
               !keys.back().insert(parsed.get<std::string>()).second) {
      throw InputError(where, "key", Found(parsed) + " twice", "each key once");
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const nlohmann::json::exception& error) {
    throw InputError(where + ": not JSON: " + error.what());
  }
}

[[noreturn]] void RefuseName(const std::string& where, const std::string& field,
                             const std::string& name,
                             const std::vector<std::string>& known) {
  std::string expected = "one of";
  for (std::size_t i = 0; i < known.size(); ++i) {
    expected += (i == 0 ? " " : ", ") + known[i];
  }
  if (known.empty()) expected = "no key here";
  const std::string nearest = Nearest(name, known);
  if (!nearest.empty()) expected += " (nearest: " + nearest + ")";
  throw InputError(where, field, Found(Json(name)), expected);
}

// Reads the parts of one file.
class Reader {
 public:
  Reader(const std::string& where, const Vocabulary& vocabulary)
      : where_(where), vocabulary_(vocabulary) {
    for (const Axis& axis : vocabulary.axes) axes_.push_back(axis.name);
  }

  Spec Read(const Json& file) {
    if (!file.is_object()) Refuse("file", file, "an object");
    Spec spec;
    spec.axes = axes_;
    CheckKeys(file);
    spec.name = Name(file, "name", "");
    if (spec.name.empty()) {
      throw InputError(where_, "name", "nothing", "a name for the sweep");
    }
    spec.title = Name(file, "title", spec.name);
    spec.cost = Name(file, "cost", spec.cost);
    spec.accuracy = Name(file, "accuracy", spec.accuracy);
    for (const std::string& key : vocabulary_.settings) {
      if (file.contains(key)) spec.settings[key] = ToValue(key, file[key]);
    }
    if (file.contains("reference")) spec.reference = Numbers(file["reference"]);
    spec.points = Points(file);
    return spec;
  }

 private:
  [[noreturn]] void Refuse(const std::string& field, const Json& found,
                           const std::string& expected) const {
    throw InputError(where_, field, Found(found), expected);
  }

  void CheckKeys(const Json& file) const {
    std::vector<std::string> known = {"name",     "title",    "axes",
                                      "points",   "exclude",  "cost",
                                      "accuracy", "reference"};
    known.insert(known.end(), vocabulary_.settings.begin(),
                 vocabulary_.settings.end());
    for (const auto& [key, value] : file.items()) {
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        RefuseName(where_, "key", key, known);
      }
    }
  }

  std::string Name(const Json& file, const std::string& key,
                   const std::string& fallback) const {
    if (!file.contains(key)) return fallback;
    if (!file[key].is_string() || file[key] == "") {
      Refuse(key, file[key], "a string that is not empty");
    }
    return file[key].get<std::string>();
  }

  Value ToValue(const std::string& field, const Json& value) const {
    if (value.is_null()) return "float";
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_number()) Refuse(field, value, "a string, a number or null");
    const auto number = value.get<double>();
    return number == 0 ? 0.0 : number;  // one zero, not two
  }

  std::map<std::string, double> Numbers(const Json& object) const {
    if (!object.is_object()) Refuse("reference", object, "metric: number");
    std::map<std::string, double> out;
    for (const auto& [metric, value] : object.items()) {
      if (!value.is_number()) Refuse("reference." + metric, value, "a number");
      out[metric] = value.get<double>();
    }
    return out;
  }

  std::vector<Value> Choices(const std::string& field, const Json& value,
                             bool must_be_list) const {
    if (!value.is_array()) {
      if (must_be_list) Refuse(field, value, "a list of values");
      return {ToValue(field, value)};
    }
    if (value.empty()) Refuse(field, value, "at least one value");
    std::vector<Value> out;
    for (const Json& element : value) out.push_back(ToValue(field, element));
    return out;
  }

  // The cross product of {axis: values}; the first axis varies slowest.
  std::vector<Point> Product(const std::string& field, const Json& object,
                             bool must_be_lists) const {
    if (!object.is_object()) Refuse(field, object, "an object {axis: ...}");
    Point first;
    for (const Axis& axis : vocabulary_.axes) first[axis.name] = axis.fallback;
    std::vector<Point> product = {first};
    for (const auto& [axis, value] : object.items()) {
      if (!first.contains(axis)) RefuseName(where_, field, axis, axes_);
      const auto choices = Choices(field + "." + axis, value, must_be_lists);
      if (product.size() * choices.size() > kMaxPoints) {
        throw InputError(where_, field, "more points",
                         "at most " + std::to_string(kMaxPoints));
      }
      std::vector<Point> longer;
      for (const Point& point : product) {
        for (const Value& choice : choices) {
          longer.push_back(point);
          longer.back()[axis] = choice;
        }
      }
      product = std::move(longer);
    }
    return product;
  }

  std::vector<Point> Points(const Json& file) const {
    std::vector<Point> all;
    std::set<Point> seen;
    const auto add = [&](const std::vector<Point>& points) {
      for (const Point& point : points) {
        if (seen.insert(point).second) all.push_back(point);
      }
      if (all.size() > kMaxPoints) {
        throw InputError(where_, "points", "more points",
                         "at most " + std::to_string(kMaxPoints));
      }
    };
    if (file.contains("axes")) add(Product("axes", file["axes"], true));
    if (file.contains("points")) {
      ForEach(file["points"], "points", [&](const auto& field, const Json& p) {
        add(Product(field, p, false));
      });
    }
    if (file.contains("exclude")) {
      ForEach(
          file["exclude"], "exclude",
          [&](const auto& field, const Json& p) { Exclude(field, p, all); });
    }
    if (all.empty()) {
      throw InputError(where_, "axes, points", "no point", "at least one");
    }
    return all;
  }

  template <class F>
  void ForEach(const Json& list, const std::string& field, const F& f) const {
    if (!list.is_array()) Refuse(field, list, "a list of objects");
    std::size_t i = 0;
    for (const Json& entry : list) {
      f(field + "[" + std::to_string(i++) + "]", entry);
    }
  }

  void Exclude(const std::string& field, const Json& pattern,
               std::vector<Point>& points) const {
    if (!pattern.is_object() || pattern.empty()) {
      Refuse(field, pattern, "an object {axis: ...} that is not empty");
    }
    std::map<std::string, std::vector<Value>> wanted;
    for (const auto& [axis, value] : pattern.items()) {
      if (std::find(axes_.begin(), axes_.end(), axis) == axes_.end()) {
        RefuseName(where_, field, axis, axes_);
      }
      wanted[axis] = Choices(field + "." + axis, value, false);
    }
    const auto matches = [&](const Point& point) {
      return std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
        const auto& [axis, values] = entry;
        return std::find(values.begin(), values.end(), point.at(axis)) !=
               values.end();
      });
    };
    if (std::erase_if(points, matches) == 0) {
      Refuse(field, pattern, "a pattern that matches a point");
    }
  }

  const std::string& where_;
  const Vocabulary& vocabulary_;
  std::vector<std::string> axes_;
};

}  // namespace

Spec ParseSpec(std::string_view json, const std::string& where,
               const Vocabulary& vocabulary) {
  return Reader(where, vocabulary).Read(ParseStrict(json, where));
}

Spec ReadSpec(const std::filesystem::path& path, const Vocabulary& vocabulary) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || std::filesystem::is_directory(path) || !(text << file.rdbuf())) {
    throw InputError(path.string(), "file", "nothing that can be read",
                     "a specification in JSON");
  }
  return ParseSpec(text.str(), path.string(), vocabulary);
}

}  // namespace nibble::sweep
