// Where the outputs of a model's layers lie while it runs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "nibble/nn/model.hpp"

namespace nibble::nn {

// Which buffer each layer's output lies in: a buffer is free again after the
// last layer that reads it. As few buffers as possible keep a batch in cache.
inline std::vector<std::size_t> AssignSlots(const Model& model,
                                            std::size_t& slots) {
  const std::size_t n = model.layers.size();
  std::vector<std::size_t> last_use(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (const int from : {model.layers[i].input, model.layers[i].input2}) {
      if (from >= 0) last_use[static_cast<std::size_t>(from)] = i;
    }
  }
  last_use[n - 1] = n;
  std::vector<std::size_t> slot(n), busy_until;
  for (std::size_t i = 0; i < n; ++i) {
    // Free: last read by an earlier layer, not by this one.
    const auto free = std::ranges::find_if(
        busy_until, [&](std::size_t until) { return until < i; });
    slot[i] = static_cast<std::size_t>(free - busy_until.begin());
    if (free == busy_until.end()) busy_until.push_back(0);
    busy_until[slot[i]] = last_use[i];
  }
  slots = busy_until.size();
  return slot;
}

}  // namespace nibble::nn
