// An outside program: int8 codes of five numbers.
#include <cstdint>
#include <cstdio>
#include <nibble/quant.hpp>
#include <vector>

int main() {
  const std::vector<float> x = {-1.0f, -0.4f, 0.0f, 0.4f, 1.0f};
  std::vector<std::int8_t> codes(x.size());
  nibble::QuantizeInt8(x, nibble::QuantParams{.scale = 0.5f}, codes);
  for (int code : codes) std::printf("%d ", code);
  std::puts("");
  return codes[0] == -2 && codes[3] == 1 ? 0 : 1;
}
