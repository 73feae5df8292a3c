// nibble arith: what approximate multipliers get wrong, as a table or a map.
#include <cmath>
#include <memory>
#include <random>

#include "nibble/arith/approx_dot.hpp"
#include "nibble/arith/closed_forms.hpp"
#include "nibble/arith/error_stats.hpp"
#include "nibble/cost/energy.hpp"
#include "nibble/io/npy.hpp"
#include "nibble/io/safetensors.hpp"
#include "tools/arith_map.hpp"
#include "tools/command.hpp"

namespace nibble::tools {
namespace {

// What is measured where no multiplier is named.
const char* const kDefaults[] = {"exact",
                                 "lmul",
                                 "lmul:k3",
                                 "lmul:k4",
                                 "lmul:bf16",
                                 "lmul:fp8_e4m3",
                                 "lmul:fp8_e5m2",
                                 "lmul-formula",
                                 "lmul-formula:k3",
                                 "lmul-formula:k4",
                                 "mitchell",
                                 "pam:corrected",
                                 "drum",
                                 "pot",
                                 "apot",
                                 "lns",
                                 "truncated"};

struct Options {
  std::vector<std::string> multipliers;
  std::string distribution = "uniform";
  std::size_t samples = 1 << 20;
  std::uint64_t seed = 1;
  Output output = Output::kTable;
  std::string map_multiplier, map_out;
};

// The numbers of an array file.
std::vector<float> ReadValues(const std::string& path) {
  std::vector<float> values;
  if (path.ends_with(".npy")) {
    values = io::ToFloat(io::LoadNpy(path));
  } else if (path.ends_with(".safetensors")) {
    const auto file = io::SafeTensors::Open(path);
    for (const io::TensorView& tensor : file.tensors()) {
      if (!tensor.dtype.starts_with("F") && tensor.dtype != "BF16") continue;
      const std::vector<float> part = io::ToFloat(tensor);
      values.insert(values.end(), part.begin(), part.end());
    }
  } else {
    throw InputError("--distribution", "value", "'" + path + "'",
                     "uniform, normal, loguniform, or a file .npy or "
                     ".safetensors");
  }
  if (values.empty()) throw InputError(path + ": has no numbers");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw InputError(path, "element " + std::to_string(i),
                       std::isnan(values[i]) ? "NaN" : "infinity",
                       "finite numbers");
    }
  }
  return values;
}

// Operands: mantissas uniform in [1, 2), N(0, 1), 2^u with u uniform in [-8,
// 8), or elements of a file, drawn with replacement.
std::vector<float> Draw(const Options& o, const std::vector<float>& values,
                        std::mt19937_64& rng) {
  std::vector<float> out(o.samples);
  std::uniform_real_distribution<float> unit(0, 1);
  std::normal_distribution<float> normal(0, 1);
  for (float& v : out) {
    if (o.distribution == "uniform") {
      v = 1 + unit(rng);
    } else if (o.distribution == "normal") {
      v = normal(rng);
    } else if (o.distribution == "loguniform") {
      v = std::exp2(16 * unit(rng) - 8);
    } else {
      v = values[rng() % values.size()];
    }
  }
  return out;
}

void AddStats(Json& row, const ProductStats& stats) {
  row["mean_relative"] = stats.mean_relative;
  row["mean_abs_relative"] = stats.mean_abs_relative;
  row["worst_relative"] = stats.worst_relative;
  row["bias"] = stats.bias;
  row["mse"] = stats.mse;
  row["nmse"] = stats.nmse;
  row["error_probability"] = stats.error_probability;
}

void AddClosed(Json& row, const std::optional<ClosedForm>& closed,
               bool uniform) {
  const bool mean = closed && closed->mean && uniform;
  row["closed_mean_relative"] = mean ? Json(*closed->mean) : Json();
  row["closed_low"] = closed ? Json(closed->low) : Json();
  row["closed_high"] = closed ? Json(closed->high) : Json();
}

void AddCircuit(Json& row, const CircuitStats* circuit) {
  const auto set = [&](const char* name, double value) {
    row[name] = circuit != nullptr ? Json(value) : Json();
  };
  const CircuitStats none;
  const CircuitStats& c = circuit != nullptr ? *circuit : none;
  set("circuit_mae", c.mae);
  set("circuit_wce", static_cast<double>(c.wce));
  set("circuit_ep_pct", c.ep);
  set("circuit_mre_pct", c.mre);
  set("circuit_mre_nonzero_pct", c.mre_nonzero);
  set("circuit_mse", c.mse);
}

void AddPrices(Json& row, const std::optional<cost::Price>& energy,
               const std::optional<cost::Price>& gates) {
  row["energy_pj"] = energy ? Json(energy->value) : Json();
  row["gates"] = gates ? Json(gates->value) : Json();
  std::string source;
  if (energy) {
    source =
        std::string(energy->operation) + ": " + std::string(energy->source);
  }
  if (gates) {
    source += (source.empty() ? "" : "; ") + std::string(gates->operation) +
              ": " + std::string(gates->source);
  }
  row["source"] = source;
}

Json RowOf(const std::string& name, const Multiplier& multiplier,
           const std::vector<float>& x, const std::vector<float>& w,
           bool uniform) {
  std::vector<float> products(x.size());
  std::optional<CircuitStats> circuit;
  if (multiplier.on_bytes()) {  // codes of each side by its largest magnitude
    const ByteScale x_scale(x), w_scale(w);
    for (std::size_t i = 0; i < x.size(); ++i) {
      products[i] = static_cast<float>(
                        multiplier(x_scale.Code(x[i]), w_scale.Code(w[i]))) *
                    (x_scale.scale * w_scale.scale);
    }
    circuit = MeasureCircuit(multiplier.table());
  } else {
    const float unit = multiplier.WeightUnit(FiniteAbsmax(w));
    for (std::size_t i = 0; i < x.size(); ++i) {
      products[i] = multiplier.OfPrepared(multiplier.PrepareX(x[i]),
                                          multiplier.PrepareWeight(w[i], unit));
    }
  }
  Json row = {{"multiplier", name}};
  AddStats(row, MeasureProducts(x, w, products));
  AddClosed(row, ClosedFormOf(multiplier), uniform);
  AddCircuit(row, circuit ? &*circuit : nullptr);
  AddPrices(row, cost::ProductEnergy(multiplier),
            cost::ProductGates(multiplier));
  return row;
}

// Each value rounded to a format, in units of the power of two that brings the
// largest to the top of the format's range.
template <class Format>
std::vector<float> RoundAll(const std::vector<float>& values) {
  const float top = Format::Decode(Format::kParams.max_code());
  const float absmax = FiniteAbsmax(values);
  const int shift =
      absmax > 0 ? static_cast<int>(std::floor(std::log2(top / absmax))) : 0;
  std::vector<float> out(values);
  for (float& v : out) {
    v = std::ldexp(Format::Decode(Format::Encode(std::ldexp(v, shift))),
                   -shift);
  }
  return out;
}

// The yardstick: operands rounded to a format, and the product again.
template <class Format>
Json FormatRow(bool round_product, const std::vector<float>& x,
               const std::vector<float>& w) {
  const std::vector<float> rx = RoundAll<Format>(x), rw = RoundAll<Format>(w);
  std::vector<float> products(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) products[i] = rx[i] * rw[i];
  if (round_product) products = RoundAll<Format>(products);
  const std::string name = std::string(Format::kName) + " mul";
  Json row = {{"multiplier", round_product ? name : name + " unrounded"}};
  AddStats(row, MeasureProducts(x, w, products));
  AddClosed(row, std::nullopt, false);
  AddCircuit(row, nullptr);
  AddPrices(
      row, std::nullopt,
      round_product ? cost::Find(cost::ProductGates(), name) : std::nullopt);
  return row;
}

void RunTable(const Options& o) {
  std::vector<Multiplier> multipliers;
  std::vector<std::string> names = o.multipliers;
  if (names.empty()) names.assign(std::begin(kDefaults), std::end(kDefaults));
  for (const std::string& name : names) {
    multipliers.push_back(ParseMultiplier(name));
  }
  if (o.samples == 0) throw InputError("--samples: requires at least 1");
  std::vector<float> values;
  if (o.distribution != "uniform" && o.distribution != "normal" &&
      o.distribution != "loguniform") {
    values = ReadValues(o.distribution);
  }
  std::mt19937_64 rng(o.seed);
  const std::vector<float> x = Draw(o, values, rng), w = Draw(o, values, rng);
  Json rows = Json::array();
  for (const bool round : {true, false}) {
    rows.push_back(FormatRow<Fp8E4m3>(round, x, w));
    rows.push_back(FormatRow<Fp8E5m2>(round, x, w));
  }
  for (const Multiplier& multiplier : multipliers) {
    rows.push_back(RowOf(ToString(multiplier), multiplier, x, w,
                         o.distribution == "uniform"));
  }
  PrintRows({{"distribution", o.distribution},
             {"samples", o.samples},
             {"seed", o.seed},
             {"multipliers", std::move(rows)}},
            "multipliers", o.output);
}

}  // namespace

void AddArith(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "arith", "Approximate multipliers: their errors as a table or a map");
  command->require_subcommand(1);
  command->fallthrough();
  CLI::App* table = command->add_subcommand(
      "table", "Errors of multipliers, beside fp8, closed forms and prices");
  table->add_option("--multiplier", o->multipliers,
                    "lmul, lmul:k4, drum:k6, table:FILE ...; repeat for more");
  table
      ->add_option("--distribution", o->distribution,
                   "Of operands: uniform (mantissas), normal, loguniform, or a "
                   "file .npy or .safetensors")
      ->capture_default_str();
  table->add_option("--samples", o->samples, "Pairs drawn")
      ->capture_default_str();
  table->add_option("--seed", o->seed, "Of the draw")->capture_default_str();
  AddOutput(*table, o->output);
  table->callback([o] { RunTable(*o); });

  CLI::App* map = command->add_subcommand(
      "map", "Relative error over both mantissas, as a picture");
  map->add_option("--multiplier", o->map_multiplier, "lmul, mitchell, ...")
      ->required();
  map->add_option("--out", o->map_out, "PNG file")->required();
  map->callback(
      [o] { WriteErrorMap(ParseMultiplier(o->map_multiplier), o->map_out); });
}

}  // namespace nibble::tools
