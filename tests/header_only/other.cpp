// The other half: the same header in a second file must link.
#include <nibble/arith.hpp>
#include <nibble/quant.hpp>
#include <vector>

int Other(float value) {
  const std::vector<float> x(5, value);
  std::vector<std::int8_t> codes(x.size());
  nibble::QuantizeInt8(x, nibble::QuantParams{.scale = 1.0f}, codes);
  return codes[4];
}
