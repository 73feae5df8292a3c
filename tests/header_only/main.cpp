// A part of a program that uses nibble as headers alone and links nothing.
#include <cstdio>
#include <nibble/quant.hpp>
#include <vector>

int Other(float value);
int Products();

int main() {
  std::vector<float> x(1000), y(1000);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 0.37f * static_cast<float>(i) - 100;
  }
  std::vector<std::int8_t> codes(x.size());
  const nibble::QuantParams params{.scale = 1.0f};
  nibble::QuantizeInt8(x, params, codes);
  int bad = (Other(3.4f) != 3) + Products();
  for (std::size_t i = 0; i < x.size(); ++i) {
    bad += codes[i] != nibble::QuantizeInt8(x[i], params);
  }
  try {
    nibble::QuantizeInt8(x, params, std::span(codes).first(3));
    ++bad;
  } catch (const std::invalid_argument& error) {
    std::puts(error.what());
  }
  const std::vector<float> w(33 * 100, 0.3f), s_a{0.5f, 2.0f};
  const std::vector<std::int8_t> q(200, 3);
  std::vector<float> products(66);
  nibble::TernaryGemm(
      nibble::PackTernary(w, 33, 100, nibble::TernaryPacking::kBase3), 2, q,
      s_a, products);
  for (std::size_t i = 0; i < products.size(); ++i) {
    const std::int32_t sum = 300;
    const float s_w = 1 / 0.3f;
    bad += products[i] != nibble::TernaryResult(std::span(&sum, 1), s_a[i / 33],
                                                std::span(&s_w, 1));
  }
  std::printf("target %s, %d wrong\n", hwy::TargetName(HWY_STATIC_TARGET), bad);
  return bad;
}
