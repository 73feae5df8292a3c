// Floats to minifloats, posits, logarithms and code books: kernels of
// quantize.hpp. Included by quantize-inl.hpp.
//
// Each functor takes a vector of y = x / scale and gives the codes, one per
// 32-bit lane; QuantizeWith loops.
#if defined(NIBBLE_QUANT_QUANTIZE_FLOAT_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_QUANTIZE_FLOAT_INL_HPP
#undef NIBBLE_QUANT_QUANTIZE_FLOAT_INL_HPP
#else
#define NIBBLE_QUANT_QUANTIZE_FLOAT_INL_HPP
#endif

#include <hwy/highway.h>

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

  HWY_INLINE VU operator()(VF y) const {
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
    return hn::Or(hn::BitCast(du, code), hn::ShiftRightSame(sign, sign_shift_));
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

// #{t : v >= t} for 15 ascending thresholds (NaN at the end counts for none).
//
// With 8 lanes or more a binary search: the thresholds of the last step are
// the even ones, 8 of them, and fit one vector.
class Search15 {
 public:
  explicit HWY_INLINE Search15(const std::array<float, 15>& thresholds) {
    for (size_t i = 0; i < 8; ++i) {
      steps_[0][i] = thresholds[7];
      steps_[1][i] = thresholds[i % 2 * 8 + 3];
      steps_[2][i] = thresholds[i % 4 * 4 + 1];
      steps_[3][i] = thresholds[i * 2];
      for (auto& step : steps_) step[i + 8] = step[i];
    }
    thresholds_ = thresholds;
  }

  HWY_INLINE VI operator()(VF v) const {
#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX2
    const DF df;
    // Mask vectors are -1 where true: i = 2 i + 1 is i + i - mask.
    auto i = hn::Neg(Reached(v, hn::Set(df, steps_[0][0])));
    for (size_t s = 1; s < 4; ++s) {
      const auto t = hn::TableLookupLanes(hn::LoadU(df, steps_[s].data()),
                                          hn::IndicesFromVec(df, i));
      i = hn::Sub(hn::Add(i, i), Reached(v, t));
    }
    return i;
#else
    auto count = hn::Zero(DI());
    for (const float t : thresholds_) {
      count = hn::Sub(count, Reached(v, hn::Set(DF(), t)));
    }
    return count;
#endif
  }

 private:
  static HWY_INLINE VI Reached(VF v, VF t) {
    return hn::BitCast(DI(), hn::VecFromMask(DF(), hn::Ge(v, t)));
  }

  std::array<std::array<float, 16>, 4> steps_;
  std::array<float, 15> thresholds_;
};

// The codes of a ThresholdTable.
class TableLanes {
 public:
  explicit HWY_INLINE TableLanes(const Codec& codec)
      : search_(codec.table.thresholds),
        sign_code_(static_cast<std::int32_t>(codec.table.sign_code)),
        signed_zero_(codec.table.signed_zero ? 1 : 0),
        flip_(static_cast<std::int32_t>(codec.table.flip)),
        nan_code_(static_cast<std::int32_t>(codec.table.nan_code)) {}

  HWY_INLINE VU operator()(VF y) const {
    const DI di;
    const auto is_number = hn::RebindMask(di, hn::Eq(y, y));
    VI code;
    if (sign_code_ != 0) {
      code = search_(hn::Abs(y));
      const auto sign = hn::And(hn::BroadcastSignBit(hn::BitCast(di, y)),
                                hn::Set(di, sign_code_));
      const auto zero =
          hn::Eq(hn::Or(code, hn::Set(di, signed_zero_)), hn::Zero(di));
      code = hn::Or(code, hn::IfThenZeroElse(zero, sign));
    } else {
      code = hn::Xor(search_(y), hn::Set(di, flip_));
    }
    return hn::BitCast(DU(),
                       hn::IfThenElse(is_number, code, hn::Set(di, nan_code_)));
  }

 private:
  Search15 search_;
  std::int32_t sign_code_;
  std::int32_t signed_zero_;
  std::int32_t flip_;
  std::int32_t nan_code_;
};

// EncodeLogarithmic: the exponent of |y|, and the place of its mantissa among
// the levels of one octave.
class LogarithmicLanes {
 public:
  explicit HWY_INLINE LogarithmicLanes(const Codec& codec)
      : search_(codec.table.thresholds),
        last_(codec.last),
        zero_below_(codec.zero_below),
        fraction_bits_(codec.logarithmic.fraction_bits),
        bias_(codec.logarithmic.bias() -
              (127 << codec.logarithmic.fraction_bits)),
        sign_code_(static_cast<std::int32_t>(codec.logarithmic.sign_code())) {}

  HWY_INLINE VU operator()(VF y) const {
    const DF df;
    const DU du;
    const DI di;
    const auto abs = hn::BitCast(di, hn::Abs(y));
    const auto mantissa = hn::BitCast(
        df,
        hn::Or(hn::And(abs, hn::Set(di, 0x007FFFFF)), hn::Set(di, 0x3F800000)));
    const auto octave = hn::ShiftRight<23>(abs);
    auto level = search_(mantissa);
    level = hn::Sub(
        level, hn::BitCast(di, hn::VecFromMask(
                                   df, hn::Ge(mantissa, hn::Set(df, last_)))));
    auto code = hn::Add(
        hn::Add(hn::BitCast(di, hn::ShiftLeftSame(hn::BitCast(du, octave),
                                                  fraction_bits_)),
                level),
        hn::Set(di, bias_));
    code = hn::Max(code, hn::Set(di, 1));
    code = hn::Min(code, hn::Set(di, sign_code_ - 1));
    const auto zero = hn::RebindMask(
        di, hn::Lt(hn::BitCast(df, abs), hn::Set(df, zero_below_)));
    code = hn::IfThenZeroElse(zero, code);
    const auto negative = hn::BroadcastSignBit(hn::BitCast(di, y));
    code = hn::Or(code, hn::And(negative, hn::Set(di, sign_code_)));
    return hn::BitCast(
        du, hn::IfThenElseZero(hn::RebindMask(di, hn::Eq(y, y)), code));
  }

 private:
  Search15 search_;
  float last_;
  float zero_below_;
  int fraction_bits_;
  std::int32_t bias_;
  std::int32_t sign_code_;
};

// EncodePosit under the default policy. The bit string of |y| is made at the
// top of a word:
//
//     [1 0|ee|fff...]   shifted right arithmetically by k:    1 1..1 0|ee|fff
//     [0 1|ee|fff...]   shifted right by -k - 1:              0 0..0 1|ee|fff
//
// then cut to the posit's length and rounded to nearest even. What the shift
// pushes out is remembered in the last bit.
class PositLanes {
 public:
  explicit HWY_INLINE PositLanes(const Codec& codec)
      : exponent_bits_(codec.posit.exponent_bits),
        cut_(33 - codec.posit.bits),
        max_exponent_(codec.posit.max_exponent()),
        nar_(static_cast<std::int32_t>(codec.posit.nar())) {}

  HWY_INLINE VU operator()(VF y) const {
    const DU du;
    const DI di;
    const auto abs = hn::BitCast(di, hn::Abs(y));
    const auto exponent = hn::Sub(hn::ShiftRight<23>(abs), hn::Set(di, 127));
    const auto regime = hn::ShiftRightSame(exponent, exponent_bits_);
    // Exponent and fraction below the two bits of the regime.
    const auto tail =
        hn::And(hn::BitCast(du, hn::Sub(abs, hn::Set(di, 127 << 23))),
                hn::Set(du, (1u << (23 + exponent_bits_)) - 1));
    const auto below = hn::BroadcastSignBit(regime);  // -1 where |y| < 1
    const auto start =
        hn::IfThenElse(hn::MaskFromVec(below), hn::Set(di, 0x40000000),
                       hn::Set(di, static_cast<std::int32_t>(0x80000000u)));
    const auto string = hn::Or(
        start, hn::BitCast(di, hn::ShiftLeftSame(tail, 7 - exponent_bits_)));
    const auto places = hn::Min(hn::Xor(regime, below), hn::Set(di, 31));
    const auto shifted = hn::BitCast(du, hn::Shr(string, places));
    const auto back = hn::Shl(hn::BitCast(di, shifted), places);
    const auto sticky =
        hn::IfThenZeroElse(hn::Eq(back, string), hn::Set(di, 1));
    const auto word = hn::Or(shifted, hn::BitCast(du, sticky));
    const auto odd = hn::And(hn::ShiftRightSame(word, cut_), hn::Set(du, 1));
    // Half a last place less one, plus the last place's bit; no carry out of
    // the word, because a regime of only ones is handled below.
    const auto half = hn::Set(du, (1u << (cut_ - 1)) - 1);
    auto code = hn::BitCast(
        di, hn::ShiftRightSame(hn::Add(word, hn::Add(half, odd)), cut_));
    code = hn::IfThenElse(hn::Lt(exponent, hn::Set(di, -max_exponent_)),
                          hn::Set(di, 1), code);
    code = hn::IfThenElse(hn::Lt(exponent, hn::Set(di, max_exponent_)), code,
                          hn::Set(di, nar_ - 1));
    const auto negative = hn::BroadcastSignBit(hn::BitCast(di, y));
    code = hn::Sub(hn::Xor(code, negative), negative);
    code = hn::IfThenZeroElse(hn::Eq(abs, hn::Zero(di)), code);
    code = hn::IfThenElse(hn::Gt(abs, hn::Set(di, 0x7F800000)),
                          hn::Set(di, nar_), code);
    return hn::And(hn::BitCast(du, code),
                   hn::Set(du, 2 * static_cast<std::uint32_t>(nar_) - 1));
  }

 private:
  int exponent_bits_;
  int cut_;
  std::int32_t max_exponent_;
  std::int32_t nar_;
};

// codes[i] = lanes(x[i] / scale of group i / size); T holds a code.
template <bool kDivides, class T, class Lanes>
HWY_INLINE void QuantizeWith(const Lanes& lanes, const float* HWY_RESTRICT x,
                             size_t count, size_t size,
                             const QuantParams* params, const Codec& codec,
                             T* HWY_RESTRICT codes) {
  const DF df;
  const hn::Rebind<T, DF> dt;
  const size_t N = hn::Lanes(df);
  for (size_t g = 0; g < count; ++g, x += size, codes += size) {
    const auto factor =
        hn::Set(df, kDivides ? params[g].scale : params[g].Inverse());
    size_t i = 0;
    for (; i + N <= size; i += N) {
      const auto v = hn::LoadU(df, x + i);
      const auto y = kDivides ? hn::Div(v, factor) : hn::Mul(v, factor);
      hn::StoreU(hn::TruncateTo(dt, lanes(Barrier(y))), dt, codes + i);
    }
    for (; i < size; ++i) {
      codes[i] = static_cast<T>(EncodeScaled(x[i], params[g], codec));
    }
  }
}

}  // namespace quantize_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
