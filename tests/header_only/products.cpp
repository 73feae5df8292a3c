// Products of bytes as headers alone: the compiler may fuse what it likes, the
// bits are those of the specification.
#include <nibble/quant.hpp>
#include <vector>

namespace {

template <class Code>
int WrongProducts(std::size_t m, std::size_t n, std::size_t k, int zero) {
  std::vector<Code> x(m * k);
  std::vector<std::int8_t> w(n * k);
  unsigned state = 1;
  const auto next = [&] { return (state = state * 1664525u + 1013904223u) >> 9; };
  for (auto& c : x) c = static_cast<Code>(next() % 255 + 129);
  for (auto& c : w) {
    c = static_cast<std::int8_t>(static_cast<int>(next() % 255) - 127);
  }
  std::vector<float> scales(n), x_scales(m), y(m * n);
  std::vector<std::int32_t> bias(n), sums(m * n);
  std::vector<std::int8_t> q(m * n), fixed(m * n);
  for (std::size_t j = 0; j < n; ++j) {
    scales[j] = 0.001f * static_cast<float>(next() % 9 + 1);
    bias[j] = static_cast<std::int32_t>(next() % 2001) - 1000;
  }
  for (auto& s : x_scales) s = 0.01f * static_cast<float>(next() % 9 + 1);
  const nibble::Activations<Code> in{x, x_scales, zero}, bare{x, {}, zero};
  const nibble::PackedInt8 packed = nibble::PackInt8({w, n, k});
  const nibble::FixedMultiplier by = nibble::MakeFixedMultiplier(0.0007);
  const nibble::CodeRange range{5, -100, 100};
  nibble::GemmInt8(bare, packed, std::span(sums));
  nibble::GemmInt8(in, packed, nibble::FloatOutput{scales, bias, true},
                   std::span(y));
  nibble::GemmInt8(in, packed, nibble::NearestOutput{scales, bias, range},
                   std::span(q));
  nibble::GemmInt8(bare, packed, nibble::FixedPointOutput{{&by, 1}, bias, range},
                   std::span(fixed));
  std::vector<std::int32_t> row(n);
  nibble::GemvInt8(nibble::Activations<Code>{std::span(x).first(k), {}, zero},
                   nibble::MatrixInt8{w, n, k}, std::span(row));
  int wrong = 0;
  for (std::size_t at = 0; at < m * n; ++at) {
    const std::size_t i = at / n, j = at % n;
    const std::int64_t sum = nibble::DotSpec(
        std::span<const Code>(x).subspan(i * k, k),
        std::span<const std::int8_t>(w).subspan(j * k, k), zero);
    const std::int64_t total = sum + bias[j];
    wrong += sums[at] != sum;
    wrong += i == 0 && row[j] != sum;
    wrong += y[at] != nibble::ScaleTotal(total, x_scales[i], scales[j], true);
    wrong += q[at] !=
             nibble::RequantizeNearest(total, x_scales[i], scales[j], range);
    wrong += fixed[at] != nibble::RequantizeFixedPoint(
                              static_cast<std::int32_t>(total), by, range);
  }
  return wrong;
}

}  // namespace

int Products() {
  int wrong = 0;
  for (const std::size_t m : {1, 2, 3, 4, 5, 7, 12, 13, 25}) {
    for (const std::size_t n : {1, 31, 32, 67}) {
      for (const std::size_t k : {1, 4, 17, 64, 131}) {
        wrong += WrongProducts<std::int8_t>(m, n, k, 0);
        wrong += WrongProducts<std::uint8_t>(m, n, k, 77);
      }
    }
  }
  return wrong;
}
