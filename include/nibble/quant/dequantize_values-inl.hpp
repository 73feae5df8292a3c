// Codes to values before the scale: parts of the kernels of dequantize.hpp.
// Included by dequantize-inl.hpp.
//
// Each functor takes a pointer to N codes and gives the values before the
// scale; Two, where there is one, takes 2 N codes.
#if defined(NIBBLE_QUANT_DEQUANTIZE_VALUES_INL_HPP) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_DEQUANTIZE_VALUES_INL_HPP
#undef NIBBLE_QUANT_DEQUANTIZE_VALUES_INL_HPP
#else
#define NIBBLE_QUANT_DEQUANTIZE_VALUES_INL_HPP
#endif

#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

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

// N codes, one per 32-bit lane.
template <class T>
HWY_INLINE VU LoadCodes(const T* from) {
  const hn::Rebind<T, DF> dt;
  return hn::BitCast(DU(), hn::PromoteTo(DI(), hn::LoadU(dt, from)));
}

// Values of up to 16 codes; higher bits of the index are ignored.
class Lookup16 {
 public:
  explicit HWY_INLINE Lookup16(const std::array<float, 16>& values)
      : values_(values) {}

  HWY_INLINE VF operator()(VI index) const {
#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX3
    return VF{_mm512_permutexvar_ps(index.raw, _mm512_loadu_ps(&values_[0]))};
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
    return hn::GatherIndex(DF(), values_.data(),
                           hn::And(index, hn::Set(DI(), 15)));
#endif
  }

 private:
  std::array<float, 16> values_;
};

// Any format of up to 4 bits.
class TableValues {
 public:
  explicit HWY_INLINE TableValues(const Codec& codec)
      : lookup_(codec.table.values) {}

  template <class T>
  HWY_INLINE VF operator()(const T* from) const {
    return lookup_(hn::BitCast(DI(), LoadCodes(from)));
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
//
// Whichever is wrong for a code is the larger of the two.
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

  template <class T>
  HWY_INLINE VF operator()(const T* from) const {
    const DF df;
    const DU du;
    const DI di;
    const auto top = ShiftLeftBy(LoadCodes(from), sign_shift_);
    const auto magnitude = hn::BitCast(
        di,
        ShiftRightBy(hn::And(top, hn::Set(du, 0x7FFFFFFFu)), magnitude_shift_));
    const auto sign = hn::BitCast(di, hn::And(top, hn::Set(du, 0x80000000u)));
    const auto one = hn::Set(di, rebias_ + (1 << 23));
    const auto normal = hn::Add(magnitude, hn::Set(di, rebias_));
    const auto small =
        hn::BitCast(di, hn::Sub(hn::BitCast(df, hn::Add(magnitude, one)),
                                hn::BitCast(df, one)));
    auto value = hn::Min(normal, small);
    if constexpr (kSpecial == Special::kIeee || kSpecial == Special::kFn) {
      // With the largest exponent of a float: infinity if the mantissa is 0.
      const auto special = hn::Gt(magnitude, hn::Set(di, end_ - 1));
      value =
          hn::Or(value, hn::IfThenElseZero(special, hn::Set(di, 0x7F800000)));
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

#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX3
// Minifloats of up to 8 bits: their values fit the upper halves of floats, and
// those of 128 codes fit four vectors. Two vectors of values at a time: codes
// of the first in the lower halves of 32-bit lanes, of the second in the upper.
template <Special kSpecial>
class ByteMinifloatValues : public MinifloatValues<kSpecial> {
 public:
  explicit HWY_INLINE ByteMinifloatValues(const Codec& codec)
      : MinifloatValues<kSpecial>(codec), halves_(codec.halves) {
    // Of a shorter format the table has the negative values too.
    sign_ = codec.minifloat.bits() == 8 ? 0x80008000u : 0;
  }

  HWY_INLINE void Two(const std::uint8_t* from, VF& a, VF& b) const {
    const auto codes =
        hn::Or(LoadCodes(from), hn::ShiftLeft<16>(LoadCodes(from + 16)));
    const __m512i* t = reinterpret_cast<const __m512i*>(halves_.data());
    const __m512i low = _mm512_permutex2var_epi16(
        _mm512_loadu_si512(t), codes.raw, _mm512_loadu_si512(t + 1));
    const __m512i high = _mm512_permutex2var_epi16(
        _mm512_loadu_si512(t + 2), codes.raw, _mm512_loadu_si512(t + 3));
    const __mmask32 upper =
        _mm512_test_epi16_mask(codes.raw, _mm512_set1_epi16(64));
    const VU magnitude{_mm512_mask_mov_epi16(low, upper, high)};
    auto value =
        hn::OrAnd(magnitude, hn::ShiftLeft<8>(codes), hn::Set(DU(), sign_));
    if constexpr (kSpecial == Special::kFnuz) {
      const __mmask32 nan =
          _mm512_cmpeq_epi16_mask(codes.raw, _mm512_set1_epi16(128));
      value = VU{_mm512_mask_set1_epi16(value.raw, nan, 0x7FC0)};
    }
    a = hn::BitCast(DF(), hn::ShiftLeft<16>(value));
    b = hn::BitCast(DF(), hn::And(value, hn::Set(DU(), 0xFFFF0000u)));
  }

 private:
  std::array<std::uint16_t, 128> halves_;
  std::uint32_t sign_;  // of both codes
};
#endif

// bf16: the upper half of a float.
struct UpperHalfValues {
  HWY_INLINE VF operator()(const std::uint16_t* from) const {
    return hn::BitCast(DF(), hn::ShiftLeft<16>(LoadCodes(from)));
  }
};

#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX2
// fp16: what the CPU converts.
struct HalfFloatValues {
  explicit HWY_INLINE HalfFloatValues(const Codec&) {}
  HWY_INLINE VF operator()(const std::uint16_t* from) const {
    const hn::Rebind<hwy::float16_t, DF> d16;
    return hn::PromoteTo(
        DF(), hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(from)));
  }
};
#endif

// DecodeLogarithmic: the level within the octave by table, its octave added to
// the exponent.
//
//     code     [s|ooo|ll]    level l, octave o; what 2^0 is above the lowest
//                            octave is taken off in the table
class LogarithmicValues {
 public:
  explicit HWY_INLINE LogarithmicValues(const Codec& codec)
      : lookup_(Levels(codec)),
        octave_shift_(23 - codec.logarithmic.fraction_bits),
        sign_shift_(32 - codec.logarithmic.bits),
        magnitude_(static_cast<std::int32_t>(codec.logarithmic.sign_code()) -
                   1),
        octave_(magnitude_ & -(1 << codec.logarithmic.fraction_bits)) {}

  template <class T>
  HWY_INLINE VF operator()(const T* from) const {
    const DF df;
    const DI di;
    const auto code = hn::BitCast(di, LoadCodes(from));
    const auto octave =
        ShiftLeftBy(hn::And(code, hn::Set(di, octave_)), octave_shift_);
    auto value = hn::Add(hn::BitCast(di, lookup_(code)), octave);
    const auto magnitude = hn::And(code, hn::Set(di, magnitude_));
    value = hn::IfThenZeroElse(hn::Eq(magnitude, hn::Zero(di)), value);
    return hn::BitCast(df, hn::OrAnd(value, ShiftLeftBy(code, sign_shift_),
                                     hn::Set(di, -0x7FFFFFFF - 1)));
  }

 private:
  // By the lower four bits of the code, of which the level has some.
  static HWY_INLINE std::array<float, 16> Levels(const Codec& codec) {
    const int fraction_bits = codec.logarithmic.fraction_bits;
    const int lowest = codec.logarithmic.bias() >> fraction_bits;
    std::array<float, 16> levels;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const float level = codec.octave.values[i % (1u << fraction_bits)];
      levels[i] = std::bit_cast<float>(std::bit_cast<std::int32_t>(level) -
                                       (lowest << 23));
    }
    return levels;
  }

  Lookup16 lookup_;
  int octave_shift_;
  int sign_shift_;
  std::int32_t magnitude_;
  std::int32_t octave_;
};

// DecodePosit. Below 1 the magnitude's bit string, read as an integer and
// converted to float,
//
//     0..01|ee|fff    2^(bits - 2 - run) * 1.eefff
//
// has the regime in its exponent, and exponent and fraction in its mantissa:
// shifted left by es they are where a float has them, but for a constant. From
// 1 on the negative of the string is of that form, and the result has the
// opposite sign about 1. Shifting the sign out of the code does both: what is
// left, read as signed, is the string's distance from the next zero or NaR.
class PositValues {
 public:
  explicit HWY_INLINE PositValues(const Codec& codec)
      : shift_(33 - codec.posit.bits),
        exponent_bits_(codec.posit.exponent_bits),
        nearest_(158u << (23 + codec.posit.exponent_bits)) {}

  template <class T>
  HWY_INLINE VF operator()(const T* from) const {
    const DF df;
    const DU du;
    const DI di;
    const hn::Rebind<std::make_signed_t<T>, DF> dt;
    const auto code = hn::PromoteTo(
        di,
        hn::LoadU(dt, reinterpret_cast<const std::make_signed_t<T>*>(from)));
    const auto distance = ShiftLeftBy(code, shift_);
    const auto bits = hn::BitCast(du, hn::Abs(hn::ConvertTo(df, distance)));
    const auto scaled = ShiftLeftBy(bits, exponent_bits_);
    const auto one = hn::Set(du, 127u << 23);
    const auto k = hn::Set(du, nearest_);
    const auto sign_about_one = hn::Xor(distance, code);
    const auto value = hn::BitCast(
        di,
        hn::IfThenElse(hn::RebindMask(du, hn::Lt(sign_about_one, hn::Zero(di))),
                       hn::Sub(hn::Add(one, k), scaled),
                       hn::Add(hn::Sub(one, k), scaled)));
    // 0 is its own value; NaR, sign-extended, is a NaN.
    const auto is_special = hn::Eq(distance, hn::Zero(di));
    return hn::BitCast(
        df,
        hn::IfThenElse(is_special, code,
                       hn::OrAnd(value, code, hn::Set(di, -0x7FFFFFFF - 1))));
  }

 private:
  int shift_;
  int exponent_bits_;
  std::uint32_t nearest_;
};

}  // namespace dequantize_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
