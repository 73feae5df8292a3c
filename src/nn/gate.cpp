// Kernel and run-time dispatch of nibble/nn/gate.hpp.
#include "nibble/nn/gate.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/nn/gate.cpp"  // from the root
#include <hwy/foreach_target.h>

#include "nibble/core/highway.hpp"
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace nibble::nn {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE void GateVector(D d, const float* gate, const float* in,
                           float* out) {
  const auto all = hn::LoadU(d, gate);
  const auto low = hn::Set(d, -87.0f);
  const auto x = hn::IfThenElse(hn::Lt(all, low), low, all);  // keeps NaN
  const auto e = hn::Exp(d, hn::Neg(x));
  const auto silu = hn::Div(x, hn::Add(hn::Set(d, 1.0f), e));
  hn::StoreU(hn::Mul(silu, hn::LoadU(d, in)), d, out);
}

void GateFloats(const float* gate, const float* in, size_t n, float* out) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> d1;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    GateVector(d, gate + i, in + i, out + i);
  }
  for (; i < n; ++i) GateVector(d1, gate + i, in + i, out + i);
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "nibble/core/check.hpp"

namespace nibble::nn {
HWY_EXPORT(GateFloats);

void Gate(std::span<const float> gate, std::span<const float> in,
          std::span<float> out) {
  NIBBLE_CHECK("Gate", gate.size() == in.size());
  NIBBLE_CHECK("Gate", gate.size() == out.size());
  HWY_DYNAMIC_DISPATCH(GateFloats)
  (gate.data(), in.data(), gate.size(), out.data());
}

}  // namespace nibble::nn
#endif
