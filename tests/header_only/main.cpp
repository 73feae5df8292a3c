// A part of a program that uses nibble as headers alone and links nothing.
#include <bit>
#include <cmath>
#include <cstdio>
#include <nibble/arith.hpp>
#include <nibble/quant.hpp>
#include <vector>

int Other(float value);
int Products();

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

// Sums of a small convolution that are not the definition's.
int WrongSums() {
  const nibble::Conv2dShape shape{
      {5, 17, 6}, {5, 17, 33}, {3, 3}, {1, 1}, {1, 1}};
  std::vector<std::uint8_t> in(shape.in.size());
  std::vector<std::int8_t> weight(33 * shape.reduction());
  std::vector<std::int32_t> bias(33, 7), out(shape.out.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    in[i] = static_cast<std::uint8_t>(i * 37);
  }
  for (std::size_t i = 0; i < weight.size(); ++i) {
    weight[i] = static_cast<std::int8_t>(i * 91);
  }
  const auto filter = nibble::PackByteFilter(shape, weight, bias, 11);
  nibble::Conv2d(shape, filter, 1, std::span<const std::uint8_t>(in),
                 nibble::KeepSums{}, std::span(out));
  int wrong = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    wrong += out[i] != nibble::Conv2dSum(shape, in.data(), weight.data(), 7, 11,
                                         i / 33 / 17, i / 33 % 17, i % 33);
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
  int bad = (Other(3.4f) != 3) + Products() + WrongSums();
  for (std::size_t i = 0; i < x.size(); ++i) {
    bad += codes[i] != nibble::QuantizeInt8(x[i], params);
  }
  // Products that meet sums: their bits show what the compiler fused.
  nibble::Silu(x, y);
  for (std::size_t i = 0; i < x.size(); ++i) bad += y[i] != nibble::Silu(x[i]);
  std::vector<float> row(x.size());
  nibble::SoftmaxRow(x, row);
  nibble::Softmax(x, 1, x.size(), y);
  bad += y != row;
  try {
    nibble::QuantizeInt8(x, params, std::span(codes).first(3));
    ++bad;
  } catch (const std::invalid_argument& error) {
    std::puts(error.what());
  }
  bad += WrongProducts();
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
