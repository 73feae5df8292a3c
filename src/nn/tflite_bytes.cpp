// Kernels and run-time dispatch of TensorFlow Lite's layers without weights.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/nn/tflite_bytes.cpp"  // from the root
#include <hwy/foreach_target.h>

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/nn/tflite_ops.hpp"
#include "nibble/quant/fixed_factor-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble::nn {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace target = nibble::HWY_NAMESPACE;

// Returns how many sums are done: of whole vectors.
size_t AddVectors(const TfliteAdd& add, const uint8_t* HWY_RESTRICT a,
                  const uint8_t* HWY_RESTRICT b, size_t n,
                  uint8_t* HWY_RESTRICT out) {
#if !NIBBLE_SCALED_LANES
  (void)add, (void)a, (void)b, (void)n, (void)out;
  return 0;
#else
  const hn::ScalableTag<int32_t> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  using Scale = target::ScaledLanes<decltype(d)>;
  const Scale scale_a(add.factor_a), scale_b(add.factor_b), scale(add.factor);
  const auto zero_a = hn::Set(d, add.zero_a + 128);
  const auto zero_b = hn::Set(d, add.zero_b + 128);
  const auto zero = hn::Set(d, add.out.zero + 128);
  const auto low = hn::Set(d, add.out.low + 128);
  const auto high = hn::Set(d, add.out.high + 128);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    const auto x = hn::Sub(hn::PromoteTo(d, hn::LoadU(d8, a + i)), zero_a);
    const auto y = hn::Sub(hn::PromoteTo(d, hn::LoadU(d8, b + i)), zero_b);
    const auto sum = hn::Add(scale_a(hn::ShiftLeft<kTfliteAddBits>(x)),
                             scale_b(hn::ShiftLeft<kTfliteAddBits>(y)));
    const auto code = hn::Min(hn::Max(hn::Add(scale(sum), zero), low), high);
    hn::StoreU(target::LowBits(d8, hn::BitCast(du, code)), d8, out + i);
  }
  return i;
#endif
}

// sums[c] of the bytes.
void SumPixels(const uint8_t* HWY_RESTRICT in, size_t pixels, size_t channels,
               int32_t* HWY_RESTRICT sums) {
  const hn::ScalableTag<int32_t> d;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  size_t c = 0;
  for (; c + hn::Lanes(d) <= channels; c += hn::Lanes(d)) {
    auto sum = hn::Zero(d);
    for (size_t p = 0; p < pixels; ++p) {
      const auto x = hn::LoadU(d8, in + p * channels + c);
      sum = hn::Add(sum, hn::PromoteTo(d, x));
    }
    hn::StoreU(sum, d, sums + c);
  }
  for (; c < channels; ++c) {
    sums[c] = 0;
    for (size_t p = 0; p < pixels; ++p) sums[c] += in[p * channels + c];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "src/nn/tflite_impl.hpp"

namespace nibble::nn {
HWY_EXPORT(AddVectors);
HWY_EXPORT(SumPixels);

void AddBytes(const TfliteAdd& add, std::span<const std::uint8_t> a,
              std::span<const std::uint8_t> b, std::span<std::uint8_t> out) {
  const auto code = [](std::uint8_t x) {
    return static_cast<std::int8_t>(x - 128);
  };
  for (std::size_t i = HWY_DYNAMIC_DISPATCH(AddVectors)(add, a.data(), b.data(),
                                                        out.size(), out.data());
       i < out.size(); ++i) {
    out[i] =
        static_cast<std::uint8_t>(TfliteSum(code(a[i]), code(b[i]), add) + 128);
  }
}

void SumBytes(std::span<const std::uint8_t> in, std::span<std::int32_t> sums) {
  HWY_DYNAMIC_DISPATCH(SumPixels)
  (in.data(), in.size() / sums.size(), sums.size(), sums.data());
}

void MeanBytes(const TfliteOutput& range, std::span<const std::uint8_t> in,
               std::span<std::uint8_t> out) {
  const std::size_t pixels = in.size() / out.size();
  std::vector<std::int32_t> sums(out.size());
  SumBytes(in, sums);
  const auto n = static_cast<std::int32_t>(pixels);
  for (std::size_t c = 0; c < out.size(); ++c) {
    out[c] = static_cast<std::uint8_t>(TfliteMean(sums[c] - 128 * n, n, range) +
                                       128);
  }
}

}  // namespace nibble::nn
#endif
