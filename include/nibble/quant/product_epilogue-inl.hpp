// What becomes of the sums of an integer product, on vectors: the epilogues
// that core/gemm-inl.hpp calls. product.hpp has the specification.
#if defined(NIBBLE_QUANT_PRODUCT_EPILOGUE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_PRODUCT_EPILOGUE_INL_HPP
#undef NIBBLE_QUANT_PRODUCT_EPILOGUE_INL_HPP
#else
#define NIBBLE_QUANT_PRODUCT_EPILOGUE_INL_HPP
#endif

#include <hwy/cache_control.h>

#include <cstddef>
#include <cstdint>
#include <limits>

#include "nibble/core/aligned.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/product_finish.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace product_internal {

using product::Correction;
using product::Finish;
using product::Kind;

// The first `valid` lanes of v.
template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE void StoreValid(V v, D d, T* HWY_RESTRICT to, size_t valid) {
  if (HWY_LIKELY(valid == hn::Lanes(d))) {
    hn::StoreU(v, d, to);
  } else {
    HWY_ALIGN T lanes[hn::MaxLanes(D())];
    hn::Store(v, d, lanes);
    for (size_t i = 0; i < valid; ++i) to[i] = lanes[i];
  }
}

// SaturatingRoundingDoublingHighMul for b > 0: bits 31 to 62 of a * b + 2^30.
template <class D, class V>
HWY_INLINE V DoublingHighMul(D d, V a, V b) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(
      d, SaturatingRoundingDoublingHighMul(hn::GetLane(a), hn::GetLane(b)));
#else
  const hn::RepartitionToWide<D> d64;
  const auto half = hn::Set(d64, int64_t{1} << 30);
  const auto odd_lane = [&](V v) HWY_ATTR {
    return hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(
                              hn::RebindToUnsigned<decltype(d64)>(), v)));
  };
  // Lane 2i of the product's bits 31 to 62 is its low half after a shift by 31;
  // lane 2i + 1 is the high half after a shift by 1 to the left.
  const auto even = hn::BitCast(hn::RebindToUnsigned<decltype(d64)>(),
                                hn::Add(hn::MulEven(a, b), half));
  const auto odd = hn::Add(hn::MulEven(odd_lane(a), odd_lane(b)), half);
  return hn::OddEven(hn::BitCast(d, hn::ShiftLeft<1>(odd)),
                     hn::BitCast(d, hn::ShiftRight<31>(even)));
#endif
}

// RoundingDivideByPot, a shift per lane.
template <class D, class V>
HWY_INLINE V DivideByPot(D d, V x, V shift) {
  const V one = hn::Set(d, 1);
  const V mask = hn::Sub(one << shift, one);
  const V negative = hn::ShiftRight<31>(x);  // -1 or 0
  const V threshold = hn::Sub(hn::ShiftRight<1>(mask), negative);
  const V up = hn::VecFromMask(d, hn::Gt(hn::And(x, mask), threshold));
  return hn::Sub(x >> shift, up);
}

// total = sum + bias - zero * (sum of weights); what it becomes is chosen at
// compile time, so that a tile's loop has no branches. Out: int32_t, float or
// uint8_t (int8 too).
template <Kind kKind, class Out>
class Epilogue {
 public:
  Epilogue(const Finish& finish, const Correction& correction, Out* out,
           size_t stride)
      : correction_(correction),
        bias_(finish.bias.data()),
        bias_step_(finish.bias.step()),
        scale_(finish.scale.data()),
        scale_step_(finish.scale.step()),
        multiplier_(finish.multiplier.data()),
        shift_(finish.shift.data()),
        fixed_point_step_(finish.shift.step()),
        x_scales_(finish.x_scales),
        x_scale_step_(finish.x_scale_step),
        zero_point_(finish.range.zero_point),
        low_(finish.range.low - zero_point_),
        high_(finish.range.high - zero_point_),
        floor_(finish.relu ? 0.0f : -std::numeric_limits<float>::infinity()),
        out_(out),
        stride_(stride) {}

  HWY_INLINE void Prefetch(size_t m, size_t n, size_t count) const {
    const Out* row = out_ + m * stride_ + n;
    for (size_t i = 0; i < count; i += kCacheLine / sizeof(Out)) {
      hwy::Prefetch(row + i);
    }
  }

  template <class D, class V>
  HWY_INLINE void operator()(D d, V sums, size_t m, size_t n,
                             size_t valid) const {
    const V zero = hn::Set(d, correction_.zero);
    const V weights = hn::LoadU(d, correction_.weight_sums + n);
    const V total = hn::Sub(hn::Add(sums, hn::LoadU(d, bias_ + n * bias_step_)),
                            hn::Mul(zero, weights));
    Out* HWY_RESTRICT to = out_ + m * stride_ + n;
    if constexpr (kKind == Kind::kInt32) {
      StoreValid(total, d, to, valid);
    } else if constexpr (kKind == Kind::kFloat) {
      const hn::Rebind<float, D> df;
      const auto y = Scaled(df, total, m, n);
      const auto floor = hn::Set(df, floor_);
      StoreValid(hn::IfThenElse(hn::Gt(y, floor), y, floor), df, to, valid);
    } else if constexpr (kKind == Kind::kNearest) {
      const hn::Rebind<float, D> df;
      const auto low = hn::Set(df, static_cast<float>(low_));
      const auto high = hn::Set(df, static_cast<float>(high_));
      const auto y = hn::Min(hn::Max(Scaled(df, total, m, n), low), high);
      StoreCodes(d, hn::NearestInt(y), to, valid);
    } else {
      const size_t at = n * fixed_point_step_;
      const V y = DivideByPot(
          d, DoublingHighMul(d, total, hn::LoadU(d, multiplier_ + at)),
          hn::LoadU(d, shift_ + at));
      StoreCodes(d, hn::Min(hn::Max(y, hn::Set(d, low_)), hn::Set(d, high_)),
                 to, valid);
    }
  }

 private:
  template <class DF, class V>
  HWY_INLINE hn::Vec<DF> Scaled(DF df, V total, size_t m, size_t n) const {
    const auto by = hn::Mul(hn::Set(df, x_scales_[m * x_scale_step_]),
                            hn::LoadU(df, scale_ + n * scale_step_));
    return hn::Mul(hn::ConvertTo(df, total), by);
  }

  template <class D, class V>
  HWY_INLINE void StoreCodes(D d, V code, Out* to, size_t valid) const {
    const hn::RebindToUnsigned<D> du;
    const hn::Rebind<uint8_t, D> d8;
    const auto codes = hn::Add(code, hn::Set(d, zero_point_));
    StoreValid(LowBits(d8, hn::BitCast(du, codes)), d8, to, valid);
  }

  Correction correction_;
  const int32_t* bias_;
  size_t bias_step_;
  const float* scale_;
  size_t scale_step_;
  const int32_t* multiplier_;
  const int32_t* shift_;
  size_t fixed_point_step_;
  const float* x_scales_;
  size_t x_scale_step_;
  int32_t zero_point_, low_, high_;
  float floor_;
  Out* out_;
  size_t stride_;
};

// Calls run(epilogue) with the epilogue of a finish.
template <class Run>
HWY_INLINE void WithEpilogue(const Finish& finish, const Correction& correction,
                             void* out, size_t stride, const Run& run) {
  switch (finish.kind) {
    case Kind::kInt32:
      return run(Epilogue<Kind::kInt32, int32_t>(
          finish, correction, static_cast<int32_t*>(out), stride));
    case Kind::kFloat:
      return run(Epilogue<Kind::kFloat, float>(
          finish, correction, static_cast<float*>(out), stride));
    case Kind::kNearest:
      return run(Epilogue<Kind::kNearest, uint8_t>(
          finish, correction, static_cast<uint8_t*>(out), stride));
    case Kind::kFixedPoint:
      return run(Epilogue<Kind::kFixedPoint, uint8_t>(
          finish, correction, static_cast<uint8_t*>(out), stride));
  }
}

}  // namespace product_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
