#include "nibble/qat/parameters.hpp"

namespace nibble::qat {

std::size_t ParameterTable::Add(std::string name,
                                std::vector<std::size_t> shape, bool decay) {
  std::size_t count = 1;
  for (const std::size_t n : shape) count *= n;
  all.push_back({std::move(name), std::move(shape), size, count, decay});
  size += count;
  return all.back().offset;
}

ParameterTable TableOf(const nn::Model& model) {
  ParameterTable table;
  for (const nn::Layer& layer : model.layers) {
    LayerParameters at;
    const std::size_t n = layer.out.channels;
    if (layer.has_weights()) {
      at.weight = table.Add(layer.name + ".weight", layer.weight_shape(), true);
      if (!layer.batch_norm.empty()) {
        at.gamma = table.Add(layer.batch_norm + ".weight", {n}, false);
        at.bias = table.Add(layer.batch_norm + ".bias", {n}, false);
        at.moments = table.moments;
        table.moments += 2 * n;
      } else if (layer.bias) {
        at.bias = table.Add(layer.name + ".bias", {n}, false);
      }
    }
    table.layers.push_back(at);
  }
  return table;
}

}  // namespace nibble::qat
