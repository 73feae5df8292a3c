// Kernel and run-time dispatch of nibble/nn/rms_norm.hpp.
#include "nibble/nn/rms_norm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/nn/rms_norm.cpp"  // from the root
#include <hwy/foreach_target.h>

#include "nibble/core/highway.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble::nn {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

float SumOfSquares(const float* HWY_RESTRICT x, size_t n) {
  const hn::ScalableTag<float> d;
  const size_t N = hn::Lanes(d);
  auto sum = hn::Zero(d);
  size_t i = 0;
  for (; i + N <= n; i += N) {
    const auto v = hn::LoadU(d, x + i);
    sum = hn::MulAdd(v, v, sum);
  }
  float total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; i < n; ++i) total += x[i] * x[i];
  return total;
}

void RmsNormRow(const float* x, const float* HWY_RESTRICT weight, size_t n,
                float epsilon, float* out) {
  const hn::ScalableTag<float> d;
  const size_t N = hn::Lanes(d);
  const float mean = SumOfSquares(x, n) / static_cast<float>(n);
  const float scale = 1.0f / std::sqrt(mean + epsilon);
  const auto scales = hn::Set(d, scale);
  size_t i = 0;
  for (; i + N <= n; i += N) {
    const auto v = hn::Mul(hn::LoadU(d, x + i), scales);
    hn::StoreU(hn::Mul(v, hn::LoadU(d, weight + i)), d, out + i);
  }
  for (; i < n; ++i) out[i] = x[i] * scale * weight[i];
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "nibble/core/check.hpp"

namespace nibble::nn {
HWY_EXPORT(RmsNormRow);

void RmsNorm(std::span<const float> in, std::span<const float> weight,
             float epsilon, std::span<float> out) {
  NIBBLE_CHECK("RmsNorm", !weight.empty());
  NIBBLE_CHECK("RmsNorm", in.size() % weight.size() == 0);
  NIBBLE_CHECK("RmsNorm", in.size() == out.size());
  for (std::size_t at = 0; at < in.size(); at += weight.size()) {
    HWY_DYNAMIC_DISPATCH(RmsNormRow)
    (in.data() + at, weight.data(), weight.size(), epsilon, out.data() + at);
  }
}

}  // namespace nibble::nn
#endif
