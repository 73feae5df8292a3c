// What training changes, as one array with a table of what lies where.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "nibble/nn/model.hpp"

namespace nibble::qat {

struct Parameter {
  std::string name;  // as weight files have it
  std::vector<std::size_t> shape;
  std::size_t offset = 0, size = 0;
  bool decay = false;  // weight decay: of more than one dimension
};

// Where one layer's parameters begin; kNone where it has none.
struct LayerParameters {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t weight = kNone;  // [out][kernel height][kernel width][in / groups]
  std::size_t bias = kNone;    // [out]; also batch norm's beta
  std::size_t gamma = kNone;   // [out]
  std::size_t moments = kNone;  // in the running moments: mean, then variance
};

struct ParameterTable {
  std::vector<Parameter> all;
  std::vector<LayerParameters> layers;  // by layer of the model
  std::size_t size = 0;                 // of all together
  std::size_t moments = 0;              // running means and variances

  // Appends one of `size` elements; returns its offset.
  std::size_t Add(std::string name, std::vector<std::size_t> shape, bool decay);
};

// The weights, biases and batch norms of a model.
ParameterTable TableOf(const nn::Model& model);

}  // namespace nibble::qat
