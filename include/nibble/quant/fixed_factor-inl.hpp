// Scaled of fixed_factor.hpp, a vector at a time.
#if defined(NIBBLE_QUANT_FIXED_FACTOR_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_FIXED_FACTOR_INL_HPP
#undef NIBBLE_QUANT_FIXED_FACTOR_INL_HPP
#else
#define NIBBLE_QUANT_FIXED_FACTOR_INL_HPP
#endif

#include <cstdint>

#include "nibble/core/highway.hpp"
#include "nibble/quant/fixed_factor.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Single lanes have no neighbours, and vectors of unknown length cannot be
// members: those targets take the scalar function.
#undef NIBBLE_SCALED_LANES
#if HWY_TARGET == HWY_SCALAR || HWY_HAVE_SCALABLE
#define NIBBLE_SCALED_LANES 0
#else
#define NIBBLE_SCALED_LANES 1

// A factor for each lane of int32 (or one for all), applied to any number of
// vectors. Products of even and of odd lanes are made in 64 bits; the results
// are the low halves of what is left after the shift.
template <class D>
class ScaledLanes {
 public:
  using V = hn::Vec<D>;

  // multiplier, bits: aligned, [Lanes]; bits are 31 - shift.
  HWY_INLINE ScaledLanes(const std::int32_t* multiplier,
                         const std::int64_t* bits)
      : multiplier_(hn::Load(D(), multiplier)) {
    const D64 d64;
    const auto a = hn::Load(d64, bits);
    const auto b = hn::Load(d64, bits + hn::Lanes(d64));
    SetBits(hn::ConcatEven(d64, b, a), hn::ConcatOdd(d64, b, a));
  }
  HWY_INLINE explicit ScaledLanes(const FixedFactor& factor)
      : multiplier_(hn::Set(D(), factor.multiplier)) {
    const auto bits = hn::Set(D64(), std::int64_t{31} - factor.shift);
    SetBits(bits, bits);
  }

  HWY_INLINE V operator()(V x) const {
    const D d;
    const D64 d64;
    const auto even = hn::MulEven(x, multiplier_);
    const auto odd = hn::MulEven(OddLanes(x), odd_multiplier_);
    const auto low = hn::Shr(hn::Add(even, half_even_), even_);
    const auto high = hn::Shr(hn::Add(odd, half_odd_), odd_);
    return hn::OddEven(
        hn::BitCast(d, hn::ShiftLeft<32>(hn::BitCast(d64, high))),
        hn::BitCast(d, low));
  }

 private:
  using D64 = hn::RepartitionToWide<D>;
  using V64 = hn::Vec<D64>;

  static HWY_INLINE V OddLanes(V v) {
    return hn::BitCast(D(), hn::ShiftRight<32>(hn::BitCast(D64(), v)));
  }
  HWY_INLINE void SetBits(V64 even, V64 odd) {
    const auto one = hn::Set(D64(), std::int64_t{1});
    even_ = even;
    odd_ = odd;
    half_even_ = hn::Shl(one, hn::Sub(even, one));
    half_odd_ = hn::Shl(one, hn::Sub(odd, one));
    odd_multiplier_ = OddLanes(multiplier_);
  }

  V multiplier_, odd_multiplier_;
  V64 even_, odd_, half_even_, half_odd_;
};
#endif  // NIBBLE_SCALED_LANES

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
