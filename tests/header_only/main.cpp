// Half of a program that uses nibble as headers alone and links nothing.
#include <bit>
#include <cmath>
#include <cstdio>
#include <nibble/arith.hpp>
#include <nibble/quant.hpp>
#include <vector>

int Other(float value);

// Matrix products under every kind of multiplier; how many elements are not
// the bits of the specification. Compilers that fuse products and sums of
// floats would make some.
int WrongProducts() {
  constexpr std::size_t m = 13, n = 70, k = 33;
  std::vector<float> x(m * k), w(n * k), out(m * n);
  std::uint32_t state = 1;
  for (auto* values : {&x, &w}) {
    for (float& v : *values) {
      state = state * 1664525 + 1013904223;
      v = std::ldexp(static_cast<float>(state >> 8) * 0x1p-23f - 1,
                     -static_cast<int>(state >> 28));
      if (state % 8 == 7) v = 0;
    }
  }
  int wrong = 0;
  for (const char* name : {"exact", "lmul", "lmul:k4", "lmul:bf16",
                           "lmul:fp8_e4m3", "lmul-formula", "pam:corrected",
                           "drum", "pot", "apot", "lns", "truncated"}) {
    const nibble::Multiplier multiplier = nibble::ParseMultiplier(name);
    nibble::ApproxGemm(multiplier, x, w, m, n, k, out);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const float expected =
          nibble::ApproxDot(multiplier, std::span(x).subspan(i / n * k, k),
                            std::span(w).subspan(i % n * k, k));
      wrong += std::bit_cast<std::uint32_t>(out[i]) !=
               std::bit_cast<std::uint32_t>(expected);
    }
  }
  return wrong;
}

int main() {
  std::vector<float> x(1000), y(1000);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 0.37f * static_cast<float>(i) - 100;
  }
  std::vector<std::int8_t> codes(x.size());
  const nibble::QuantParams params{.scale = 1.0f};
  nibble::QuantizeInt8(x, params, codes);
  int bad = Other(3.4f) != 3;
  for (std::size_t i = 0; i < x.size(); ++i) {
    bad += codes[i] != nibble::QuantizeInt8(x[i], params);
  }
  try {
    nibble::QuantizeInt8(x, params, std::span(codes).first(3));
    ++bad;
  } catch (const std::invalid_argument& error) {
    std::puts(error.what());
  }
  bad += WrongProducts();
  std::printf("target %s, %d wrong\n", hwy::TargetName(HWY_STATIC_TARGET), bad);
  return bad;
}
