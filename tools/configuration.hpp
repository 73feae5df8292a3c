// In which formats and by which multiplier a network computes.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "nibble/nn/network.hpp"
#include "nibble/nn/product.hpp"
#include "nibble/nn/quant_spec.hpp"
#include "nibble/quant/calibrate.hpp"

namespace nibble::tools {

// As the flags and the axes of a sweep name it; "" and "float" are no scheme.
struct ConfigurationNames {
  std::string weights, acts, ends;
  std::string calibration = "absmax";
  std::string multiplier = "exact";
  std::string where = "all";
};

struct Configuration {
  nn::QuantSpec schemes;
  Calibration calibration = Calibration::kAbsMax;
  nn::Products products;
  nn::QuantEngine engine = nn::QuantEngine::kFake;

  bool exact() const { return schemes == nn::QuantSpec{} && !products.any(); }
};

// --weight-scheme, --act-scheme and --ends-scheme.
void AddSchemes(CLI::App& command, ConfigurationNames& names);

// --multiplier and --where.
void AddMultiplier(CLI::App& command, ConfigurationNames& names);

// --calibration.
void AddCalibration(CLI::App& command, ConfigurationNames& names);

// Errors   InputError with the name that is wrong. Tables of multipliers are
//          looked up below `root` where only that exists.
Configuration MakeConfiguration(const ConfigurationNames& names,
                                const std::string& root = "");

// The scheme of that name; nothing for "" and "float".
std::optional<Scheme> OptionalScheme(const std::string& name);
nn::QuantSpec MakeQuantSpec(const ConfigurationNames& names);

// `name` itself, or below `root` where only that exists.
std::filesystem::path Resolve(const std::string& name, const std::string& root);

}  // namespace nibble::tools
