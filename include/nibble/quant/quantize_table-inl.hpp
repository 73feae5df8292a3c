// Floats to code books and logarithms: kernels of quantize.hpp. Included by
// quantize-inl.hpp; see quantize_float-inl.hpp for what a functor is.
#if defined(NIBBLE_QUANT_QUANTIZE_TABLE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_QUANTIZE_TABLE_INL_HPP
#undef NIBBLE_QUANT_QUANTIZE_TABLE_INL_HPP
#else
#define NIBBLE_QUANT_QUANTIZE_TABLE_INL_HPP
#endif

#include <array>
#include <cstdint>

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/codec.hpp"
#include "nibble/quant/quantize_float-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace quantize_internal {
namespace hn = hwy::HWY_NAMESPACE;

// table[index], index in 0 .. 15.
HWY_INLINE VI Lookup16(const std::array<std::int32_t, 16>& table, VI index) {
  const DI di;
#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX3
  return hn::TableLookupLanes(hn::LoadU(di, table.data()),
                              hn::IndicesFromVec(di, index));
#elif NIBBLE_X86_VECTORS && HWY_TARGET == HWY_AVX2
  // The permutation takes the lower three bits of the index.
  const hn::Indices256<std::int32_t> place{index.raw};
  const auto low = hn::TableLookupLanes(hn::LoadU(di, table.data()), place);
  const auto high =
      hn::TableLookupLanes(hn::LoadU(di, table.data() + 8), place);
  return hn::IfThenElse(hn::Gt(index, hn::Set(di, 7)), high, low);
#else
  return hn::GatherIndex(di, table.data(), index);
#endif
}

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
    // Mask vectors are -1 where true: i = 2 i + 1 is i + i - mask.
    auto i = hn::Neg(Reached(v, hn::Set(DF(), steps_[0][0])));
    i = hn::Sub(hn::Add(i, i), Reached(v, Threshold(1, i)));
    i = hn::Sub(hn::Add(i, i), Reached(v, Threshold(2, i)));
    return hn::Sub(hn::Add(i, i), Reached(v, Threshold(3, i)));
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

#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX2
  HWY_INLINE VF Threshold(size_t step, VI i) const {
    return hn::TableLookupLanes(hn::LoadU(DF(), steps_[step].data()),
                                hn::IndicesFromVec(DF(), i));
  }
#endif

  std::array<std::array<float, 16>, 4> steps_;
  std::array<float, 15> thresholds_;
};

// The codes of a ThresholdTable; kSigned where it has a sign code.
template <bool kSigned>
class TableLanes {
 public:
  using Byte = std::uint8_t;

  explicit HWY_INLINE TableLanes(const Codec& codec)
      : search_(codec.table.thresholds),
        sign_code_(static_cast<std::int32_t>(codec.table.sign_code)),
        signed_zero_(codec.table.signed_zero ? 1 : 0),
        flip_(static_cast<std::int32_t>(codec.table.flip)),
        nan_code_(static_cast<std::int32_t>(codec.table.nan_code)) {}

  HWY_INLINE VI operator()(VF y) const {
    const DI di;
    const auto is_number = hn::RebindMask(di, hn::Eq(y, y));
    VI code;
    if constexpr (kSigned) {
      code = search_(hn::Abs(y));
      const auto sign = hn::And(hn::BroadcastSignBit(hn::BitCast(di, y)),
                                hn::Set(di, sign_code_));
      const auto zero =
          hn::Eq(hn::Or(code, hn::Set(di, signed_zero_)), hn::Zero(di));
      code = hn::Or(code, hn::IfThenZeroElse(zero, sign));
    } else {
      code = hn::Xor(search_(y), hn::Set(di, flip_));
    }
    return hn::IfThenElse(is_number, code, hn::Set(di, nan_code_));
  }

 private:
  Search15 search_;
  std::int32_t sign_code_;
  std::int32_t signed_zero_;
  std::int32_t flip_;
  std::int32_t nan_code_;
};

// EncodeLogarithmic: exponent and upper mantissa bits of |y|, which would be
// its logarithm if that were linear within an octave, and the LogarithmicTable.
class LogarithmicLanes {
 public:
  using Byte = std::uint8_t;

  explicit HWY_INLINE LogarithmicLanes(const Codec& codec)
      : first_(codec.octave.first),
        second_(codec.octave.second),
        lowest_(codec.octave.lowest),
        highest_(Info(codec.format).max),
        zero_below_(codec.octave.zero_below),
        shift_(23 - codec.logarithmic.fraction_bits),
        bias_(codec.logarithmic.bias() -
              (127 << codec.logarithmic.fraction_bits)),
        sign_code_(static_cast<std::int32_t>(codec.logarithmic.sign_code())) {}

  HWY_INLINE VI operator()(VF y) const {
    const DF df;
    const DI di;
    const auto magnitude = hn::Abs(y);
    const auto limited =
        hn::BitCast(di, hn::Min(hn::Max(magnitude, hn::Set(df, lowest_)),
                                hn::Set(df, highest_)));
    const auto mantissa = hn::And(limited, hn::Set(di, 0x007FFFFF));
    const auto j = hn::ShiftRightSame(mantissa, shift_);
    auto code =
        hn::Add(hn::ShiftRightSame(limited, shift_), hn::Set(di, bias_));
    code = hn::Add(code, Reached(mantissa, Lookup16(first_, j)));
    code = hn::Add(code, Reached(mantissa, Lookup16(second_, j)));
    const auto zero =
        hn::RebindMask(di, hn::Lt(magnitude, hn::Set(df, zero_below_)));
    code = hn::IfThenZeroElse(zero, code);
    const auto negative = hn::BroadcastSignBit(hn::BitCast(di, y));
    code = hn::Or(code, hn::And(negative, hn::Set(di, sign_code_)));
    return hn::IfThenElseZero(hn::RebindMask(di, hn::Eq(y, y)), code);
  }

 private:
  // 1 where m >= t.
  static HWY_INLINE VI Reached(VI m, VI t) {
    const DI di;
    return hn::IfThenZeroElse(hn::Lt(m, t), hn::Set(di, 1));
  }

  std::array<std::int32_t, 16> first_;
  std::array<std::int32_t, 16> second_;
  float lowest_;
  float highest_;
  float zero_below_;
  int shift_;
  std::int32_t bias_;
  std::int32_t sign_code_;
};

}  // namespace quantize_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
