// Floats to minifloats and posits: kernels of quantize.hpp. Included by
// quantize-inl.hpp.
//
// Each functor takes a vector of y = x / scale and gives the codes, one per
// 32-bit lane, all of which fit its type Byte if the format has 8 bits;
// QuantizeWith loops.
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
  using Byte = std::uint8_t;

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
    const auto last = hn::And(hn::ShiftRightSame(abs, shift_), hn::Set(du, 1));
    const auto normal = hn::ShiftRightSame(
        hn::Add(abs, hn::Add(last, hn::Set(du, rebias_))), shift_);
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
    return hn::Or(code, hn::BitCast(di, hn::ShiftRightSame(sign, sign_shift_)));
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

// EncodePosit under the default policy. The bit string of |y| is made at the
// top of a word:
//
//     [1 0|ee|fff...]   shifted right arithmetically by k:    1 1..1 0|ee|fff
//     [0 1|ee|fff...]   shifted right by -k - 1:              0 0..0 1|ee|fff
//
// then cut to the posit's length and rounded to nearest even. In 16 bits the
// shift may push ones out, which the last bit remembers; in 8 bits the string
// is too short for that.
template <bool kSticky>
class PositLanes {
 public:
  using Byte = std::int8_t;

  explicit HWY_INLINE PositLanes(const Codec& codec)
      : exponent_bits_(codec.posit.exponent_bits),
        cut_(33 - codec.posit.bits),
        highest_(Info(codec.format).max),
        nar_(static_cast<std::int32_t>(codec.posit.nar())) {}

  // The code sign-extended; NaR is the lowest integer.
  HWY_INLINE VI operator()(VF y) const {
    const DF df;
    const DU du;
    const DI di;
    const auto limited = hn::BitCast(
        di, hn::Min(hn::Max(hn::Abs(y), hn::Set(df, 1.0f / highest_)),
                    hn::Set(df, highest_)));
    // Exponent and fraction as one signed fixed-point number.
    const auto number = hn::Sub(limited, hn::Set(di, 127 << 23));
    const auto regime = hn::ShiftRightSame(number, 23 + exponent_bits_);
    const auto below = hn::BroadcastSignBit(number);  // -1 where |y| < 1
    const auto tail =
        hn::And(number, hn::Set(di, (1 << (23 + exponent_bits_)) - 1));
    const auto start = hn::Xor(hn::And(below, hn::Set(di, -0x40000000)),
                               hn::Set(di, -0x7FFFFFFF - 1));
    const auto string =
        hn::Or(start, hn::ShiftLeftSame(tail, 7 - exponent_bits_));
    const auto places = hn::Xor(regime, below);
    auto word = hn::Shr(string, places);
    if constexpr (kSticky) {
      const auto lost = hn::Ne(hn::Shl(word, places), string);
      word = hn::Or(word, hn::IfThenElseZero(lost, hn::Set(di, 1)));
    }
    const auto bits = hn::BitCast(du, word);
    const auto odd = hn::And(hn::ShiftRightSame(bits, cut_), hn::Set(du, 1));
    // Half a last place less one, and the last place's bit. The largest posit
    // has nothing to round, so that no carry leaves the word.
    const auto half = hn::Set(du, (1u << (cut_ - 1)) - 1);
    auto code = hn::BitCast(
        di, hn::ShiftRightSame(hn::Add(bits, hn::Add(half, odd)), cut_));
    const auto negative = hn::BroadcastSignBit(hn::BitCast(di, y));
    code = hn::Sub(hn::Xor(code, negative), negative);
    code =
        hn::IfThenZeroElse(hn::RebindMask(di, hn::Eq(y, hn::Zero(df))), code);
    return hn::IfThenElse(hn::RebindMask(di, hn::Eq(y, y)), code,
                          hn::Set(di, -nar_));
  }

 private:
  int exponent_bits_;
  int cut_;
  float highest_;
  std::int32_t nar_;
};

// codes[i] = lanes(x[i] / scale of group i / size); T holds a code. `lanes`
// comes by value: stores of bytes may change anything that has an address.
template <bool kDivides, class T, class Lanes>
HWY_INLINE void QuantizeWith(const Lanes lanes, const float* HWY_RESTRICT x,
                             size_t count, size_t size,
                             const QuantParams* params, T* HWY_RESTRICT codes) {
  const DF df;
  const DU du;
  const hn::Rebind<T, DF> dt;
  for (size_t g = 0; g < count; ++g, x += size, codes += size) {
    const auto factor =
        hn::Set(df, kDivides ? params[g].scale : params[g].Inverse());
    const auto encode = [&](const float* from) NIBBLE_LAMBDA {
      const auto v = hn::LoadU(df, from);
      return lanes(Barrier(kDivides ? hn::Div(v, factor) : hn::Mul(v, factor)));
    };
    size_t i = 0;
#if NIBBLE_X86_VECTORS
    if constexpr (sizeof(T) == 1) {  // a quarter of the narrowing for each
      using Byte = typename Lanes::Byte;
      const hn::ScalableTag<Byte> d8;
      const size_t N = hn::Lanes(df);
      for (; i + 4 * N <= size; i += 4 * N) {
        const auto a = Pack16(encode(x + i), encode(x + i + N));
        const auto b = Pack16(encode(x + i + 2 * N), encode(x + i + 3 * N));
        hn::StoreU(PackBytes(d8, a, b), d8, reinterpret_cast<Byte*>(codes + i));
      }
    }
#endif
    ForEachVector(df, x + i, codes + i, size - i,
                  [&](const float* from, T* to) NIBBLE_LAMBDA {
                    const auto code = hn::BitCast(du, encode(from));
                    hn::StoreU(LowBits(dt, code), dt, to);
                  });
  }
}

}  // namespace quantize_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
