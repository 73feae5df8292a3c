// report.html: the data as JSON, and a page that draws it.
#include "nibble/sweep/plot.hpp"
#include "nibble/sweep/report.hpp"
#include "nlohmann/json.hpp"
#include "src/sweep/page.hpp"
#include "src/sweep/table.hpp"

namespace nibble::sweep {
namespace {

using Json = nlohmann::ordered_json;

Json Number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json MetricsJson(const std::vector<std::string>& names,
                 const ReportOptions& options) {
  Json list = Json::array();
  for (const std::string& name : names) {
    const MetricInfo info = InfoOf(name, options);
    list.push_back({{"name", name},
                    {"label", info.label},
                    {"unit", info.unit},
                    {"grows", info.goal == pareto::Goal::kMaximize},
                    {"percent", info.percent}});
  }
  return list;
}

Json RowsJson(const Spec& spec, const std::vector<Result>& results,
              const std::vector<std::string>& metrics,
              const ReportOptions& options) {
  const auto styles = Styles(spec, results, options);
  Json rows = Json::array();
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Result& r = results[i];
    Json axes = Json::object(), numbers = Json::object();
    for (const std::string& axis : spec.axes) axes[axis] = Text(r.point, axis);
    for (const std::string& metric : metrics) {
      numbers[metric] = Number(MetricOf(r, metric));
    }
    rows.push_back(
        {{"label", styles[i].label},
         {"group", styles[i].group},
         {"hollow", styles[i].hollow},
         {"baseline", styles[i].baseline},
         {"error", r.error},
         {"axes", axes},
         {"metrics", numbers},
         {"seconds", Number(r.seconds)},
         {"started", r.started},
         {"commit", r.made.commit},
         {"machine", r.made.machine + ", " + std::to_string(r.made.cores) +
                         " threads, " + r.made.compiler}});
  }
  return rows;
}

Json FrontsJson(const Spec& spec, const std::vector<Result>& results,
                const std::vector<std::string>& costs,
                const ReportOptions& options) {
  Json fronts = Json::object();
  for (const std::string& cost : costs) {
    const FrontReport front = FindFront(spec, results, cost, options);
    fronts[cost] = {{"hypervolume", Number(front.hypervolume)},
                    {"cost", Number(front.reference_cost)},
                    {"accuracy", Number(front.reference_accuracy)}};
  }
  return fronts;
}

// JSON inside <script>: without "<" nothing in it can end the element.
std::string ForScript(const Json& json) {
  const std::string text =
      json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string ReportHtml(const Spec& spec, const std::vector<Result>& results,
                       const ReportOptions& options) {
  const auto metrics = MetricNames(spec, results, options);
  const auto costs = Costs(spec, results, options);
  Json groups = Json::array();
  for (std::size_t i = 0; i < options.groups.size(); ++i) {
    groups.push_back({{"name", options.groups[i]}, {"color", GroupColor(i)}});
  }
  Json settings = Json::object();
  for (const auto& [name, value] : spec.settings) settings[name] = Text(value);
  const Json data = {{"title", spec.title},
                     {"name", spec.name},
                     {"cost", spec.cost},
                     {"accuracy", spec.accuracy},
                     {"costs", costs},
                     {"axes", spec.axes},
                     {"varying", VaryingAxes(spec.points, spec.axes)},
                     {"settings", settings},
                     {"metrics", MetricsJson(metrics, options)},
                     {"groups", groups},
                     {"fronts", FrontsJson(spec, results, costs, options)},
                     {"command", options.command},
                     {"rows", RowsJson(spec, results, metrics, options)}};
  return std::string(page::kHead) + "<title>" + EscapeXml(spec.title) +
         "</title>\n<style>" + page::kStyle + "</style>\n</head>\n<body>\n" +
         page::kBody + "<noscript>" + PlotSvg(spec, results, options) +
         "</noscript>\n<script type=\"application/json\" id=\"data\">" +
         ForScript(data) + "</script>\n<script>" + page::kScales +
         page::kChart + page::kScript + "</script>\n</body>\n</html>\n";
}

}  // namespace nibble::sweep
