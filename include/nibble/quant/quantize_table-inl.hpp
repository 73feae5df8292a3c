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
// With 8 lanes or more a binary search. With 16 the index is found from its
// highest bit on: a step with `bit` compares with threshold number i + bit - 1.
// With 8 a permutation takes 3 bits of index, so that each step doubles it; the
// thresholds of the last step are the even ones, 8 of them, and fit one vector.
class Search15 {
 public:
  explicit HWY_INLINE Search15(const ThresholdTable& table)
      : thresholds_(table.thresholds) {
    while (count_ < 15 && thresholds_[count_] == thresholds_[count_]) ++count_;
    for (size_t i = 0; i < 16; ++i) {
      const std::array<size_t, 4> places = {
          7, k16 ? (i & 8) + 3 : i % 2 * 8 + 3,
          k16 ? (i & 12) + 1 : i % 4 * 4 + 1, k16 ? i & 14 : i % 8 * 2};
      for (size_t step = 0; step < 4; ++step) {
        steps_[step][i] = thresholds_[places[step]];
      }
    }
  }

  HWY_INLINE VI operator()(VF v) const {
    const DF df;
    const DI di;
#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX2
    const auto first = Reached(v, hn::Set(df, steps_[0][0]));
    const auto i = hn::IfThenElseZero(first, hn::Set(di, k16 ? 8 : 1));
    return Step<3>(v, Step<2>(v, Step<1>(v, i)));
#else
    auto i = hn::Zero(di);
    for (size_t t = 0; t < count_; ++t) {
      const auto reached = Reached(v, hn::Set(df, thresholds_[t]));
      i = hn::Sub(i, hn::VecFromMask(di, reached));
    }
    return i;
#endif
  }

 private:
  static constexpr bool k16 = HWY_TARGET <= HWY_AVX3;

  static HWY_INLINE hn::Mask<DI> Reached(VF v, VF t) {
    return hn::RebindMask(DI(), hn::Ge(v, t));
  }

#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX3
  template <int kStep>
  HWY_INLINE VI Step(VF v, VI i) const {
    const auto t = hn::TableLookupLanes(hn::LoadU(DF(), steps_[kStep].data()),
                                        hn::Indices512<float>{i.raw});
    const auto set = hn::Or(i, hn::Set(DI(), 8 >> kStep));
    return hn::IfThenElse(Reached(v, t), set, i);
  }
#elif NIBBLE_X86_VECTORS && HWY_TARGET == HWY_AVX2
  template <int kStep>
  HWY_INLINE VI Step(VF v, VI i) const {
    const auto t = hn::TableLookupLanes(hn::LoadU(DF(), steps_[kStep].data()),
                                        hn::Indices256<float>{i.raw});
    // A mask is -1 where true: 2 i + 1.
    return hn::Sub(hn::Add(i, i), hn::VecFromMask(DI(), Reached(v, t)));
  }
#endif

  std::array<float, 15> thresholds_;
  size_t count_ = 0;
  std::array<std::array<float, 16>, 4> steps_;
};

// The codes of a ThresholdTable; kSigned where it has a sign code.
template <bool kSigned>
class TableLanes {
 public:
  explicit HWY_INLINE TableLanes(const Codec& codec)
      : search_(codec.table),
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
    const auto j = ShiftRightBy(mantissa, shift_);
    auto code = hn::Add(ShiftRightBy(limited, shift_), hn::Set(di, bias_));
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
