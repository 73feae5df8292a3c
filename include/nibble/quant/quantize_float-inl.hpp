// Floats to minifloats and posits: kernels of quantize.hpp. Included by
// quantize-inl.hpp.
//
// Each functor takes a vector of y = x / scale and gives the codes, one per
// 32-bit lane, signed or not; QuantizeWith loops.
#if defined(NIBBLE_QUANT_QUANTIZE_FLOAT_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_QUANTIZE_FLOAT_INL_HPP
#undef NIBBLE_QUANT_QUANTIZE_FLOAT_INL_HPP
#else
#define NIBBLE_QUANT_QUANTIZE_FLOAT_INL_HPP
#endif

#include <algorithm>
#include <cstdint>

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/codec.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace quantize_internal {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using DU = hn::RebindToUnsigned<DF>;
using DI = hn::RebindToSigned<DF>;
using VF = hn::Vec<DF>;
using VU = hn::Vec<DU>;
using VI = hn::Vec<DI>;

// EncodeMinifloat under the default policy.
//
//     normal       (bits + half - 1 + last kept bit) >> (23 - mantissa_bits),
//                  less the difference of the biases: a carry out of the
//                  mantissa is a carry into the exponent
//     subnormal    bits of |y| + c, whose last place is the smallest subnormal
//                  by the choice of c: the addition rounds to nearest even
template <Special kSpecial>
class MinifloatLanes {
 public:
  explicit HWY_INLINE MinifloatLanes(const Codec& codec)
      : shift_(23 - codec.minifloat.mantissa_bits),
        sign_shift_(32 - codec.minifloat.bits()),
        // Unsigned wrap-around makes this a subtraction.
        rebias_((static_cast<std::uint32_t>(codec.minifloat.bias - 127) << 23) +
                (1u << (shift_ - 1)) - 1),
        min_normal_(static_cast<std::int32_t>(
            std::max(0, 128 - codec.minifloat.bias) << 23)),
        subnormal_(PowerOfTwo(1 - codec.minifloat.bias + shift_)),
        max_code_(static_cast<std::int32_t>(codec.minifloat.max_code())),
        nan_code_(static_cast<std::int32_t>(codec.minifloat.nan_code(false))) {}

  HWY_INLINE VI operator()(VF y) const {
    const DF df;
    const DU du;
    const DI di;
    const auto bits = hn::BitCast(du, y);
    const auto abs = hn::And(bits, hn::Set(du, 0x7FFFFFFFu));
    auto sign = hn::Xor(bits, abs);
    const auto last = hn::And(ShiftRightBy(abs, shift_), hn::Set(du, 1));
    const auto normal =
        ShiftRightBy(hn::Add(abs, hn::Add(last, hn::Set(du, rebias_))), shift_);
    const auto c = hn::Set(df, subnormal_);
    const auto small =
        hn::Sub(hn::BitCast(du, hn::Add(Barrier(hn::BitCast(df, abs)), c)),
                hn::BitCast(du, c));
    const auto abs_i = hn::BitCast(di, abs);
    const auto is_small = hn::Lt(abs_i, hn::Set(di, min_normal_));
    const auto is_nan = hn::Gt(abs_i, hn::Set(di, 0x7F800000));
    auto code = hn::IfThenElse(is_small, hn::BitCast(di, small),
                               hn::BitCast(di, normal));
    code = hn::Min(code, hn::Set(di, max_code_));
    code = hn::IfThenElse(is_nan, hn::Set(di, nan_code_), code);
    if constexpr (kSpecial == Special::kFinite) {  // NaN is +0
      sign = hn::BitCast(du, hn::IfThenZeroElse(is_nan, hn::BitCast(di, sign)));
    }
    if constexpr (kSpecial == Special::kFnuz) {  // no -0
      sign = hn::BitCast(du, hn::IfThenZeroElse(hn::Eq(code, hn::Zero(di)),
                                                hn::BitCast(di, sign)));
    }
    return hn::Or(code, hn::BitCast(di, ShiftRightBy(sign, sign_shift_)));
  }

 private:
  int shift_;
  int sign_shift_;
  std::uint32_t rebias_;
  std::int32_t min_normal_;
  float subnormal_;
  std::int32_t max_code_;
  std::int32_t nan_code_;
};

// EncodePosit under the default policy. See PositValues, whose way this goes
// back: the bits of a float below 1, shifted right by es, are but for a
// constant those of the float whose nearest integer is the code; ties are to
// even in both. What is shifted out is kept in the last bits, as a mark that
// this was no tie: integers and ties are multiples of 2^9. From 1 on the
// same is done with the number's reflection about 1, of which the code is the
// negative.
class PositLanes {
 public:
  explicit HWY_INLINE PositLanes(const Codec& codec)
      : exponent_bits_(codec.posit.exponent_bits),
        highest_(Info(codec.format).max),
        lost_((1 << exponent_bits_) - 1),
        top_((125 + codec.posit.bits) << 23),
        nar_(static_cast<std::int32_t>(codec.posit.nar())) {}

  // The code sign-extended; NaR is the lowest integer.
  HWY_INLINE VI operator()(VF y) const {
    const DF df;
    const DI di;
    const auto limited =
        hn::Min(hn::Max(hn::Abs(y), hn::Set(df, 1.0f / highest_)),
                hn::Set(df, highest_));
    // Exponent and fraction as one signed fixed-point number.
    const auto number =
        hn::Sub(hn::BitCast(di, limited), hn::Set(di, 127 << 23));
    const auto away = hn::Abs(number);
    const auto scaled =
        hn::OrAnd(ShiftRightBy(away, exponent_bits_), away, hn::Set(di, lost_));
    const auto k =
        RoundToInt32(hn::BitCast(df, hn::Sub(hn::Set(di, top_), scaled)));
    const auto nar = hn::Set(di, nar_);
    auto code =
        hn::IfThenElse(hn::Lt(number, hn::Zero(di)), k, hn::Sub(nar, k));
    const auto negative = hn::BroadcastSignBit(hn::BitCast(di, y));
    code = hn::Sub(hn::Xor(code, negative), negative);
    code =
        hn::IfThenZeroElse(hn::RebindMask(di, hn::Eq(y, hn::Zero(df))), code);
    return hn::IfThenElse(hn::RebindMask(di, hn::Eq(y, y)), code, hn::Neg(nar));
  }

 private:
  int exponent_bits_;
  float highest_;
  std::int32_t lost_;
  std::int32_t top_;
  std::int32_t nar_;
};

// codes[i] = encode(x + i) for vectors that cover n floats. `encode` gives
// codes of which the 32-bit lanes hold more than T only in sign.
template <class T, class Encode>
HWY_INLINE void EncodeVectors(const float* HWY_RESTRICT x, size_t n,
                              T* HWY_RESTRICT codes, const Encode& encode) {
  const DF df;
  const DU du;
  const hn::Rebind<T, DF> dt;
  size_t i = 0;
#if NIBBLE_X86_VECTORS
  if constexpr (sizeof(T) == 1) {  // a quarter of the narrowing for each
    const hn::ScalableTag<std::uint8_t> d8;
    const size_t N = hn::Lanes(df);
    const auto two = [&](const float* from) NIBBLE_LAMBDA {
      const auto pair = Pack16(encode(from), encode(from + N));
      return hn::And(pair, hn::Set(hn::ScalableTag<std::int16_t>(), 255));
    };
    for (; i + 4 * N <= n; i += 4 * N) {
      const auto a = two(x + i);
      hn::StoreU(PackBytes(d8, a, two(x + i + 2 * N)), d8, codes + i);
    }
    if (i + 2 * N <= n) {
      const auto a = two(x + i);
      const hn::Half<decltype(d8)> half;
      hn::StoreU(hn::LowerHalf(half, PackBytes(d8, a, a)), half, codes + i);
      i += 2 * N;
    }
  }
#endif
  ForEachVector(df, x + i, codes + i, n - i,
                [&](const float* from, T* to) NIBBLE_LAMBDA {
                  const auto code = hn::BitCast(du, encode(from));
                  hn::StoreU(LowBits(dt, code), dt, to);
                });
}

// codes[i] = lanes(x[i] / scale of group i / size); T holds a code. `lanes`
// comes by value: stores of bytes may change anything that has an address.
template <bool kDivides, class T, class Lanes>
HWY_INLINE void QuantizeWith(const Lanes lanes, const float* HWY_RESTRICT x,
                             size_t count, size_t size,
                             const QuantParams* params, T* HWY_RESTRICT codes) {
  const DF df;
  for (size_t g = 0; g < count; ++g, x += size, codes += size) {
    const auto factor =
        hn::Set(df, kDivides ? params[g].scale : params[g].Inverse());
    EncodeVectors(x, size, codes, [&](const float* from) NIBBLE_LAMBDA {
      const auto v = hn::LoadU(df, from);
      return lanes(Barrier(kDivides ? hn::Div(v, factor) : hn::Mul(v, factor)));
    });
  }
}

}  // namespace quantize_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
