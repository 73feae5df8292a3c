#include "tools/configuration.hpp"

#include "nibble/arith/multiplier.hpp"
#include "nibble/nn/approx_product.hpp"

namespace nibble::tools {

namespace fs = std::filesystem;

void AddSchemes(CLI::App& command, ConfigurationNames& names) {
  command.add_option(
      "--weight-scheme", names.weights,
      "[recipe:]format[/granularity] of weights, as int4/channel");
  command.add_option("--act-scheme", names.acts,
                     "Scheme of activations, as int8");
  command.add_option("--ends-scheme", names.ends,
                     "Scheme of the first and the last layer");
}

void AddMultiplier(CLI::App& command, ConfigurationNames& names) {
  command
      .add_option("--multiplier", names.multiplier,
                  "What multiplies: exact, lmul:k4, mitchell, drum:k6, "
                  "table:mul8u_1JFF.bin...")
      ->capture_default_str();
  command
      .add_option("--where", names.where,
                  "Products it makes: all, conv, dense, attention, qk, av")
      ->capture_default_str();
}

void AddCalibration(CLI::App& command, ConfigurationNames& names) {
  command
      .add_option("--calibration", names.calibration,
                  "Range of activations: absmax, percentile, mse or kl")
      ->capture_default_str();
}

std::optional<Scheme> OptionalScheme(const std::string& name) {
  if (name.empty() || name == "float") return std::nullopt;
  return ParseScheme(name);
}

nn::QuantSpec MakeQuantSpec(const ConfigurationNames& names) {
  return {.weights = OptionalScheme(names.weights),
          .activations = OptionalScheme(names.acts),
          .ends = OptionalScheme(names.ends)};
}

fs::path Resolve(const std::string& name, const std::string& root) {
  const fs::path path(name);
  if (root.empty() || path.is_absolute() || fs::exists(path)) return path;
  return fs::path(root) / path;
}

Configuration MakeConfiguration(const ConfigurationNames& names,
                                const std::string& root) {
  Configuration out;
  out.schemes = MakeQuantSpec(names);
  out.calibration = ParseCalibration(names.calibration);
  MultiplierName multiplier = ParseMultiplierName(names.multiplier);
  if (!multiplier.file.empty()) {
    multiplier.file = Resolve(multiplier.file, root).string();
  }
  // `where` is checked even where nothing depends on it.
  const bool exact = multiplier.kind == MultiplierKind::kExact;
  out.products = nn::ProductsWhere(
      exact ? nn::MatrixProduct{} : nn::ProductOf(Multiplier(multiplier)),
      names.where);
  return out;
}

}  // namespace nibble::tools
