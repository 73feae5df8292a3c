// Fronts, points.csv, front.json and what plot.svg shows.
#include "nibble/sweep/report.hpp"

#include <set>

#include "nibble/sweep/plot.hpp"
#include "nlohmann/json.hpp"
#include "src/sweep/table.hpp"

namespace nibble::sweep {
namespace {

using Json = nlohmann::ordered_json;

void AddIfNew(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    names.push_back(name);
  }
}

Json Number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

std::string Field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string NumberField(double value) {
  return std::isfinite(value) ? Text(Value(value)) : "";
}

Json ToJson(const Point& point) {
  Json object = Json::object();
  for (const auto& [axis, value] : point) {
    const auto* text = std::get_if<std::string>(&value);
    object[axis] =
        text != nullptr ? Json(*text) : Json(std::get<double>(value));
  }
  return object;
}

// Commits, machines and compilers of the results, each once.
Json Origin(const std::vector<Result>& results) {
  std::set<std::string> commits, machines, compilers;
  for (const Result& r : results) {
    commits.insert(r.made.commit);
    machines.insert(r.made.machine + ", " + std::to_string(r.made.cores) +
                    " threads");
    compilers.insert(r.made.compiler);
  }
  return {{"commit", commits}, {"machine", machines}, {"compiler", compilers}};
}

std::string Subtitle(const Spec& spec, const std::vector<Result>& results) {
  std::string text;
  const auto add = [&](const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : "  ·  ") + part;
  };
  add(std::to_string(results.size()) + " points");
  const auto varying = VaryingAxes(spec.points, spec.axes);
  for (const std::string& axis : spec.axes) {
    if (spec.points.empty()) break;
    const std::string value = Text(spec.points.front(), axis);
    const bool fixed =
        std::find(varying.begin(), varying.end(), axis) == varying.end();
    if (fixed && !value.empty()) add(axis + " " + value);
  }
  if (std::find(varying.begin(), varying.end(), "act-scheme") !=
      varying.end()) {
    add("names are weights × activations");
  }
  return text;
}

}  // namespace

std::vector<std::string> Costs(const Spec& spec,
                               const std::vector<Result>& results,
                               const ReportOptions& options) {
  std::vector<std::string> costs = {spec.cost};
  for (const std::string& cost : options.costs) {
    const bool present = std::any_of(
        results.begin(), results.end(),
        [&](const Result& r) { return !std::isnan(MetricOf(r, cost)); });
    if (present) AddIfNew(costs, cost);
  }
  return costs;
}

std::vector<std::string> MetricNames(const Spec& spec,
                                     const std::vector<Result>& results,
                                     const ReportOptions& options) {
  std::vector<std::string> names = {spec.accuracy};
  for (const std::string& cost : Costs(spec, results, options)) {
    AddIfNew(names, cost);
  }
  for (const Result& r : results) {
    for (const auto& [name, value] : r.metrics) AddIfNew(names, name);
  }
  return names;
}

std::vector<PointStyle> Styles(const Spec& spec,
                               const std::vector<Result>& results,
                               const ReportOptions& options) {
  const auto axes = VaryingAxes(spec.points, spec.axes);
  std::vector<PointStyle> styles;
  for (const Result& r : results)
    styles.push_back(options.style(r.point, axes));
  return styles;
}

FrontReport FindFront(const Spec& spec, const std::vector<Result>& results,
                      const std::string& cost, const ReportOptions& options) {
  const pareto::Goal goal = InfoOf(spec.accuracy, options).goal;
  const std::vector<pareto::Goal> goals = {pareto::Goal::kMinimize, goal};
  std::vector<pareto::Point> points;
  FrontReport front;
  front.cost = cost;
  double worst = 0;
  for (const Result& r : results) {
    const double x = MetricOf(r, cost), y = MetricOf(r, spec.accuracy);
    points.push_back({x, y});
    if (std::isnan(x) || std::isnan(y)) continue;
    front.reference_cost = std::max(front.reference_cost, x);
    worst = std::max(worst, y);
  }
  if (goal == pareto::Goal::kMinimize) front.reference_accuracy = worst;
  const auto given = [&](const std::string& metric, double& value) {
    const auto found = spec.reference.find(metric);
    if (found != spec.reference.end()) value = found->second;
  };
  given(cost, front.reference_cost);
  given(spec.accuracy, front.reference_accuracy);
  front.members = pareto::Front(points, goals);
  front.hypervolume = pareto::Hypervolume(
      points, goals, {front.reference_cost, front.reference_accuracy});
  return front;
}

std::string PointsCsv(const Spec& spec, const std::vector<Result>& results,
                      const ReportOptions& options) {
  const auto metrics = MetricNames(spec, results, options);
  const auto front = FindFront(spec, results, spec.cost, options).members;
  std::string out;
  for (const std::string& axis : spec.axes) out += Field(axis) + ",";
  out += "state,front";
  for (const std::string& metric : metrics) out += "," + Field(metric);
  out += ",elapsed_s,started,commit,machine,error\n";
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Result& r = results[i];
    for (const std::string& axis : spec.axes) {
      out += Field(Text(r.point, axis)) + ",";
    }
    const bool member = std::find(front.begin(), front.end(), i) != front.end();
    out += std::string(r.ok() ? "ok" : "failed") + (member ? ",1" : ",0");
    for (const std::string& metric : metrics) {
      out += "," + NumberField(MetricOf(r, metric));
    }
    out += "," + NumberField(r.seconds) + "," + r.started + "," +
           Field(r.made.commit) + "," + Field(r.made.machine) + "," +
           Field(r.error) + "\n";
  }
  return out;
}

std::string FrontJson(const Spec& spec, const std::vector<Result>& results,
                      const ReportOptions& options) {
  const auto styles = Styles(spec, results, options);
  Json fronts = Json::array();
  for (const std::string& cost : Costs(spec, results, options)) {
    const FrontReport front = FindFront(spec, results, cost, options);
    Json members = Json::array();
    for (const std::size_t i : front.members) {
      members.push_back(
          {{"label", styles[i].label},
           {"point", ToJson(results[i].point)},
           {cost, Number(MetricOf(results[i], cost))},
           {spec.accuracy, Number(MetricOf(results[i], spec.accuracy))}});
    }
    fronts.push_back({{"cost", cost},
                      {"hypervolume", Number(front.hypervolume)},
                      {"reference",
                       {{cost, Number(front.reference_cost)},
                        {spec.accuracy, Number(front.reference_accuracy)}}},
                      {"members", members}});
  }
  const auto ok = std::count_if(results.begin(), results.end(),
                                [](const Result& r) { return r.ok(); });
  Json file = {{"name", spec.name},         {"title", spec.title},
               {"cost", spec.cost},         {"accuracy", spec.accuracy},
               {"points", results.size()},  {"finished", ok},
               {"fronts", fronts},          {"made", Origin(results)},
               {"command", options.command}};
  return file.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string PlotSvg(const Spec& spec, const std::vector<Result>& results,
                    const ReportOptions& options) {
  const MetricInfo accuracy = InfoOf(spec.accuracy, options);
  Plot plot;
  plot.title = spec.title;
  plot.subtitle = Subtitle(spec, results);
  plot.x_label = LabelWithUnit(InfoOf(spec.cost, options));
  plot.y_label = LabelWithUnit(accuracy);
  plot.y_percent = accuracy.percent;
  plot.y_grows = accuracy.goal == pareto::Goal::kMaximize;
  plot.groups = options.groups;
  plot.hollow_meaning = "weights only";
  const auto styles = Styles(spec, results, options);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const double x = MetricOf(results[i], spec.cost);
    const double y = MetricOf(results[i], spec.accuracy);
    plot.points.push_back({.x = x,
                           .y = y,
                           .label = styles[i].label,
                           .group = styles[i].group,
                           .hollow = styles[i].hollow});
    if (styles[i].baseline && !plot.baseline && std::isfinite(y)) {
      plot.baseline = y;
      plot.baseline_label =
          "float: " +
          (accuracy.percent ? Decimal(100 * y, 2) + " %" : ShortNumber(y));
    }
  }
  for (const std::size_t i :
       FindFront(spec, results, spec.cost, options).members) {
    plot.points[i].front = true;
  }
  return ToSvg(plot);
}

}  // namespace nibble::sweep
