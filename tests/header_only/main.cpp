// Half of a program that uses nibble as headers alone and links nothing.
#include <cstdio>
#include <nibble/quant.hpp>
#include <vector>

int Other(float value);

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
  int bad = WrongSums() + (Other(3.4f) != 3);
  for (std::size_t i = 0; i < x.size(); ++i) {
    bad += codes[i] != nibble::QuantizeInt8(x[i], params);
  }
  try {
    nibble::QuantizeInt8(x, params, std::span(codes).first(3));
    ++bad;
  } catch (const std::invalid_argument& error) {
    std::puts(error.what());
  }
  std::printf("target %s, %d wrong\n", hwy::TargetName(HWY_STATIC_TARGET), bad);
  return bad;
}
