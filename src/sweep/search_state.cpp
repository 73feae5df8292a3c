// A function search as JSON and back.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "nibble/core/check.hpp"
#include "nibble/sweep/function_search.hpp"

namespace nibble::sweep {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

Json ToJson(const SearchConfig& c) {
  return {{"target", c.target},
          {"lo", c.lo},
          {"hi", c.hi},
          {"operations", c.operations},
          {"precision", c.precision == Precision::kF32 ? "f32" : "f64"},
          {"seed", c.seed}};
}

Json ToJson(const Candidate& c) {
  Json vertices = Json::array();
  for (const Vertex& v : c.program.vertices) {
    vertices.push_back(
        {kOpNames[static_cast<std::size_t>(v.op)], v.in[0], v.in[1], v.in[2]});
  }
  return {{"vertices", vertices},
          {"coefficients", c.program.coefficients},
          {"output", c.program.output},
          {"error", c.error}};
}

Json ToJson(const std::vector<Candidate>& candidates) {
  Json out = Json::array();
  for (const Candidate& c : candidates) out.push_back(ToJson(c));
  return out;
}

Candidate ToCandidate(const Json& json) {
  Candidate c;
  for (const Json& vertex : json.at("vertices")) {
    const auto found =
        std::ranges::find(kOpNames, vertex.at(0).get<std::string>());
    Vertex v{static_cast<Op>(found - kOpNames.begin()), {}};
    for (std::size_t k = 0; k < 3; ++k) v.in[k] = vertex.at(k + 1);
    c.program.vertices.push_back(v);
  }
  c.program.coefficients = json.at("coefficients").get<std::vector<double>>();
  c.program.output = json.at("output");
  c.error = json.at("error");
  if (!IsValid(c.program)) throw std::out_of_range("a program is broken");
  c.operations = CountOperations(c.program);
  return c;
}

std::vector<Candidate> ToCandidates(const Json& json) {
  std::vector<Candidate> out;
  for (const Json& candidate : json) out.push_back(ToCandidate(candidate));
  return out;
}

}  // namespace

std::string FunctionSearch::Save() const {
  std::vector<std::pair<std::uint64_t, int>> tries(tries_.begin(),
                                                   tries_.end());
  std::ranges::sort(tries);
  return Json{{"nibble_function_search", kVersion},
              {"config", ToJson(config_)},
              {"rounds", rounds_},
              {"programs", programs_},
              {"starts", starts_},
              {"still", still_},
              {"front", ToJson(front_)},
              {"pool", ToJson(pool_)},
              {"tries", tries}}
             .dump() +
         "\n";
}

FunctionSearch FunctionSearch::Load(const std::string& text,
                                    const std::string& where,
                                    const SearchConfig& config) {
  FunctionSearch search(config);
  try {
    const Json json = Json::parse(text);
    if (json.at("nibble_function_search") != kVersion) {
      throw InputError(where, "nibble_function_search",
                       json["nibble_function_search"].dump(),
                       std::to_string(kVersion));
    }
    const Json expected = ToJson(config);
    for (const auto& [key, value] : expected.items()) {
      if (json.at("config").at(key) != value) {
        throw InputError(where, "config." + key, json["config"][key].dump(),
                         value.dump());
      }
    }
    search.rounds_ = json.at("rounds");
    search.programs_ = json.at("programs");
    search.starts_ = json.at("starts");
    search.still_ = json.at("still");
    search.front_ = ToCandidates(json.at("front"));
    search.pool_ = ToCandidates(json.at("pool"));
    search.tries_.clear();
    for (const Json& entry : json.at("tries")) {
      search.tries_[entry.at(0).get<std::uint64_t>()] = entry.at(1);
    }
    if (search.pool_.empty()) throw std::out_of_range("the pool is empty");
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) {
    throw InputError(where +
                     ": no state of a function search: " + error.what());
  }
  return search;
}

}  // namespace nibble::sweep
