#include "nibble/nn/rotary.hpp"

#include "nibble/core/check.hpp"

namespace nibble::nn {

RotaryTable MakeRotaryTable(float theta, std::size_t head_dim,
                            std::size_t first, std::size_t count) {
  NIBBLE_CHECK("MakeRotaryTable", head_dim % 2 == 0);
  RotaryTable table;
  table.half = head_dim / 2;
  for (std::size_t position = first; position < first + count; ++position) {
    for (std::size_t i = 0; i < table.half; ++i) {
      const double angle = RotaryAngle(theta, head_dim, i, position);
      table.cosines.push_back(static_cast<float>(std::cos(angle)));
      table.sines.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  return table;
}

void Rotate(const RotaryTable& table, std::size_t heads, std::span<float> x) {
  const std::size_t half = table.half;
  NIBBLE_CHECK("Rotate", x.size() == 2 * heads * table.cosines.size());
  float* low = x.data();
  for (std::size_t t = 0; t < table.cosines.size(); t += half) {
    const float* cosines = table.cosines.data() + t;
    const float* sines = table.sines.data() + t;
    for (std::size_t h = 0; h < heads; ++h, low += 2 * half) {
      float* high = low + half;
      for (std::size_t i = 0; i < half; ++i) {
        const float a = low[i], b = high[i];
        low[i] = a * cosines[i] - b * sines[i];
        high[i] = a * sines[i] + b * cosines[i];
      }
    }
  }
}

}  // namespace nibble::nn
