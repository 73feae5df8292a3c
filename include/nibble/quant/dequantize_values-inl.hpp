// Codes to values before the scale: parts of the kernels of dequantize.hpp.
// Included by dequantize-inl.hpp.
//
// Each functor takes a vector of codes, one per 32-bit lane, and gives the
// values before the scale.
#if defined(NIBBLE_QUANT_DEQUANTIZE_VALUES_INL_HPP) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_DEQUANTIZE_VALUES_INL_HPP
#undef NIBBLE_QUANT_DEQUANTIZE_VALUES_INL_HPP
#else
#define NIBBLE_QUANT_DEQUANTIZE_VALUES_INL_HPP
#endif

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/codec.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace dequantize_internal {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using DU = hn::RebindToUnsigned<DF>;
using DI = hn::RebindToSigned<DF>;
using VF = hn::Vec<DF>;
using VU = hn::Vec<DU>;
using VI = hn::Vec<DI>;

// Values of up to 16 codes.
class Lookup16 {
 public:
  explicit HWY_INLINE Lookup16(const std::array<float, 16>& values)
      : values_(values) {}

  // Domain   index in 0 .. 15.
  HWY_INLINE VF operator()(VI index) const {
#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX3
    const DF df;
    return hn::TableLookupLanes(hn::LoadU(df, values_.data()),
                                hn::IndicesFromVec(df, index));
#elif NIBBLE_X86_VECTORS && HWY_TARGET == HWY_AVX2
    // The permutation takes the lower three bits of the index; the fourth,
    // moved to the sign, chooses the half.
    const VF low{
        _mm256_permutevar8x32_ps(_mm256_loadu_ps(values_.data()), index.raw)};
    const VF high{_mm256_permutevar8x32_ps(_mm256_loadu_ps(values_.data() + 8),
                                           index.raw)};
    return VF{_mm256_blendv_ps(
        low.raw, high.raw,
        _mm256_castsi256_ps(_mm256_slli_epi32(index.raw, 28)))};
#else
    return hn::GatherIndex(DF(), values_.data(), index);
#endif
  }

 private:
  std::array<float, 16> values_;
};

class TableValues {
 public:
  explicit HWY_INLINE TableValues(const Codec& codec)
      : lookup_(codec.table.values) {}
  HWY_INLINE VF operator()(VU code) const {
    return lookup_(hn::BitCast(DI(), hn::And(code, hn::Set(DU(), 15))));
  }

 private:
  Lookup16 lookup_;
};

// DecodeMinifloat: exponent and mantissa moved to where a float has them.
//
//     normal       the biases' difference added to the exponent
//     subnormal    read as 1.m at exponent 1, then 1.0 at that exponent taken
//                  off: exact, and without a product of subnormal floats, which
//                  processors are slow at
template <Special kSpecial>
class MinifloatValues {
 public:
  explicit HWY_INLINE MinifloatValues(const Codec& codec)
      : sign_shift_(32 - codec.minifloat.bits()),
        magnitude_shift_(8 - codec.minifloat.exponent_bits),
        rebias_((127 - codec.minifloat.bias) << 23),
        end_(static_cast<std::int32_t>(
            codec.minifloat.end_code()
            << (23 - codec.minifloat.mantissa_bits))) {}

  HWY_INLINE VF operator()(VU code) const {
    const DF df;
    const DU du;
    const DI di;
    const auto top = hn::ShiftLeftSame(code, sign_shift_);
    const auto magnitude = hn::BitCast(
        di, hn::ShiftRightSame(hn::And(top, hn::Set(du, 0x7FFFFFFFu)),
                               magnitude_shift_));
    const auto sign = hn::BitCast(di, hn::And(top, hn::Set(du, 0x80000000u)));
    const auto one = hn::Set(di, rebias_ + (1 << 23));
    const auto normal = hn::Add(magnitude, hn::Set(di, rebias_));
    const auto small =
        hn::BitCast(di, hn::Sub(hn::BitCast(df, hn::Add(magnitude, one)),
                                hn::BitCast(df, one)));
    auto value =
        hn::IfThenElse(hn::Lt(magnitude, hn::Set(di, 1 << 23)), small, normal);
    if constexpr (kSpecial == Special::kIeee || kSpecial == Special::kFn) {
      // With the largest exponent of a float: infinity if the mantissa is 0.
      value = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, end_ - 1)),
                             hn::Or(magnitude, hn::Set(di, 0x7F800000)), value);
    }
    if constexpr (kSpecial == Special::kFnuz) {
      const auto nan =
          hn::Eq(hn::BitCast(di, top), hn::Set(di, -0x7FFFFFFF - 1));
      value = hn::IfThenElse(nan, hn::Set(di, 0x7FC00000), value);
    }
    return hn::BitCast(df, hn::Or(value, sign));
  }

 private:
  int sign_shift_;
  int magnitude_shift_;
  std::int32_t rebias_;
  std::int32_t end_;
};

// bf16: the upper half of a float.
struct UpperHalfValues {
  HWY_INLINE VF operator()(VU code) const {
    return hn::BitCast(DF(), hn::ShiftLeft<16>(code));
  }
};

// DecodeLogarithmic: the level within the octave by table, its octave added to
// the exponent.
class LogarithmicValues {
 public:
  explicit HWY_INLINE LogarithmicValues(const Codec& codec)
      : lookup_(codec.octave.values),
        fraction_bits_(codec.logarithmic.fraction_bits),
        bias_(codec.logarithmic.bias()),
        bits_(codec.logarithmic.bits) {}

  HWY_INLINE VF operator()(VU code) const {
    const DF df;
    const DU du;
    const DI di;
    const auto top = hn::ShiftLeftSame(code, 32 - bits_);
    const auto sign = hn::And(top, hn::Set(du, 0x80000000u));
    const auto magnitude =
        hn::BitCast(di, hn::And(code, hn::Set(du, (1u << (bits_ - 1)) - 1)));
    const auto exponent = hn::Sub(magnitude, hn::Set(di, bias_));
    const auto level =
        hn::And(exponent, hn::Set(di, (1 << fraction_bits_) - 1));
    const auto octave = hn::ShiftRightSame(exponent, fraction_bits_);
    auto value =
        hn::Add(hn::BitCast(di, lookup_(level)), hn::ShiftLeft<23>(octave));
    value = hn::IfThenZeroElse(hn::Eq(magnitude, hn::Zero(di)), value);
    return hn::BitCast(df, hn::Or(hn::BitCast(du, value), sign));
  }

 private:
  Lookup16 lookup_;
  int fraction_bits_;
  int bias_;
  int bits_;
};

// DecodePosit. The length of the regime is the place of the first bit that
// differs from the one before it; the conversion to float finds it.
class PositValues {
 public:
  explicit HWY_INLINE PositValues(const Codec& codec)
      : bits_(codec.posit.bits), exponent_bits_(codec.posit.exponent_bits) {}

  HWY_INLINE VF operator()(VU code) const {
    const DF df;
    const DU du;
    const DI di;
    // Sign in bit 31; the rest of the magnitude from bit 30 on.
    const auto top = hn::BitCast(di, hn::ShiftLeftSame(code, 32 - bits_));
    const auto magnitude = hn::Abs(top);
    const auto sign = hn::And(top, hn::Set(di, -0x7FFFFFFF - 1));
    const auto body = hn::Add(magnitude, magnitude);
    const auto ones = hn::BroadcastSignBit(body);
    // The first 1 is where the regime ends. Nothing below the body but the bit
    // put in, which ends a regime of only ones: the conversion is exact.
    const auto ended =
        hn::Or(hn::And(hn::Xor(body, ones), hn::Set(di, -(1 << (33 - bits_)))),
               hn::Set(di, 1 << (32 - bits_)));
    const auto place =
        hn::ShiftRight<23>(hn::BitCast(di, hn::ConvertTo(df, ended)));
    const auto run = hn::Sub(hn::Set(di, 127 + 31), place);
    // ones: run - 1; zeros: -run = ~(run - 1).
    const auto regime = hn::Xor(hn::Sub(run, hn::Set(di, 1)), hn::Not(ones));
    // Past the sign, the regime and its end: exponent and fraction at the top.
    const auto rest =
        hn::BitCast(du, hn::Shl(body, hn::Add(run, hn::Set(di, 1))));
    const auto tail = hn::ShiftRightSame(rest, 9 - exponent_bits_);
    const auto exponent =
        hn::ShiftLeftSame(hn::BitCast(du, regime), 23 + exponent_bits_);
    auto value = hn::BitCast(
        di, hn::Add(hn::Add(exponent, tail), hn::Set(du, 127u << 23)));
    value = hn::Or(value, sign);
    value = hn::IfThenZeroElse(hn::Eq(top, hn::Zero(di)), value);
    value = hn::IfThenElse(hn::Eq(top, hn::Set(di, -0x7FFFFFFF - 1)),
                           hn::Set(di, 0x7FC00000), value);
    return hn::BitCast(df, value);
  }

 private:
  int bits_;
  int exponent_bits_;
};

}  // namespace dequantize_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
