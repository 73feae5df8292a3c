// Floats to integers: kernels of quantize.hpp. Included by quantize-inl.hpp.
#if defined(NIBBLE_QUANT_QUANTIZE_INTEGER_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_QUANTIZE_INTEGER_INL_HPP
#undef NIBBLE_QUANT_QUANTIZE_INTEGER_INL_HPP
#else
#define NIBBLE_QUANT_QUANTIZE_INTEGER_INL_HPP
#endif

#include <hwy/highway.h>

#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/integer_grid.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace quantize_internal {
namespace hn = hwy::HWY_NAMESPACE;

// +1 or -1 with the sign of `sign`, 0 where not `away`, as integers.
template <class D32, class D, class M, class V>
HWY_INLINE hn::Vec<D32> OneAway(D32 di, D df, M away, V sign) {
  const auto negative = hn::MaskFromVec(
      hn::BitCast(df, hn::BroadcastSignBit(hn::BitCast(di, sign))));
  const auto one =
      hn::IfThenElse(negative, hn::Set(df, -1.0f), hn::Set(df, 1.0f));
  return hn::ConvertTo(di, hn::IfThenElseZero(away, one));
}

// v rounded to an integer; |v| < 2^23, no NaN.
template <Rounding kRounding, class D, class V = hn::Vec<D>>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> RoundLanes(D df, V v) {
  [[maybe_unused]] const hn::RebindToSigned<D> di;
  if constexpr (kRounding == Rounding::kNearestEven) {
    return hn::NearestInt(v);
  } else {
    const auto whole = hn::ConvertTo(di, v);                 // towards zero
    const auto rest = hn::Sub(v, hn::ConvertTo(df, whole));  // exact, v's sign
    const auto half = hn::Set(df, 0.5f);
    if constexpr (kRounding == Rounding::kFloor) {
      const auto below = hn::Lt(rest, hn::Zero(df));
      return hn::Add(whole, hn::BitCast(di, hn::VecFromMask(df, below)));
    } else if constexpr (kRounding == Rounding::kHalfAway) {
      return hn::Add(whole, OneAway(di, df, hn::Ge(hn::Abs(rest), half), rest));
    } else if constexpr (kRounding == Rounding::kHalfToZero) {
      return hn::Add(whole, OneAway(di, df, hn::Gt(hn::Abs(rest), half), rest));
    } else {
      static_assert(kRounding == Rounding::kHalfUp);
      const auto away = hn::Or(hn::Ge(rest, half), hn::Lt(rest, hn::Neg(half)));
      return hn::Add(whole, OneAway(di, df, away, rest));
    }
  }
}

// What QuantizeInteger does with one vector; the result is the code.
template <Rounding kRounding, bool kHalfShift>
struct IntegerLanes {
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE hn::Vec<hn::RebindToSigned<D>> operator()(
      D df, V x, V inverse, const QuantParams& params,
      const IntegerGrid& grid) const {
    const hn::RebindToSigned<D> di;
    const auto limit = hn::Set(df, 0x1p22f);
    const auto y = ZeroIfNaN(df, Barrier(hn::Mul(x, inverse)));
    const auto limited = hn::Add(hn::Min(hn::Max(y, hn::Neg(limit)), limit),
                                 hn::Set(df, grid.add));
    auto k =
        RoundLanes < kHalfShift ? Rounding::kFloor : kRounding > (df, limited);
    if constexpr (kHalfShift && kRounding == Rounding::kNearestEven) {
      const auto tie =
          hn::RebindMask(di, hn::Eq(hn::ConvertTo(df, k), limited));
      const auto odd = hn::And(k, hn::Set(di, 1));
      k = hn::Sub(k, hn::IfThenElseZero(tie, odd));
    }
    k = hn::Add(k, hn::Set(di, params.zero_point -
                                   static_cast<std::int32_t>(grid.add)));
    k = hn::Min(hn::Max(k, hn::Set(di, grid.low)), hn::Set(di, grid.high));
    return hn::Add(k, hn::Set(di, grid.offset));
  }
};

// One group, any rounding that needs no random bits.
template <Rounding kRounding, bool kHalfShift>
HWY_INLINE void QuantizeIntegerGroup(const float* HWY_RESTRICT x, size_t n,
                                     const QuantParams& params,
                                     const IntegerGrid& grid,
                                     std::uint8_t* HWY_RESTRICT codes) {
  const hn::ScalableTag<float> df;
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::Rebind<std::uint8_t, decltype(df)> d8;
  const size_t N = hn::Lanes(df);
  const auto inverse = hn::Set(df, params.Inverse());
  size_t i = 0;
  for (; i + N <= n; i += N) {
    const auto k = IntegerLanes<kRounding, kHalfShift>()(
        df, hn::LoadU(df, x + i), inverse, params, grid);
    hn::StoreU(hn::TruncateTo(d8, hn::BitCast(du, k)), d8, codes + i);
  }
  for (; i < n; ++i) {
    codes[i] = static_cast<std::uint8_t>(QuantizeInteger(x[i], params, grid) +
                                         grid.offset);
  }
}

#if NIBBLE_X86_VECTORS
// Nearest even, four vectors at a time, saturating on the way down to bytes.
// Per vector: multiply, minimum, convert; half a pack, an add and a check; a
// quarter of a pack, a limit and a store.
//
// Two inputs come out wrong: NaN, and y <= -32768 (which is right by luck only
// if the zero point is small). Both reach 16 bits as -32768; `lowest` notices,
// and the stretch is done again by the general kernel.
//
// Domain   |zero_point + offset| <= 255: 16-bit sums saturate beyond all codes.
template <class T>
HWY_INLINE size_t QuantizeBytes(const float* HWY_RESTRICT x, size_t n,
                                const QuantParams& params,
                                const IntegerGrid& grid,
                                std::uint8_t* HWY_RESTRICT codes) {
  const hn::ScalableTag<float> df;
  const hn::ScalableTag<std::int16_t> d16;
  const hn::ScalableTag<T> d8;
  constexpr size_t kStretch = 8;  // steps between two looks at `lowest`
  const size_t N = hn::Lanes(df);
  const auto inverse = hn::Set(df, params.Inverse());
  const auto limit = hn::Set(df, 0x1p22f);
  const auto zero =
      hn::Set(d16, static_cast<std::int16_t>(params.zero_point + grid.offset));
  const auto low = hn::Set(d8, static_cast<T>(grid.low + grid.offset));
  const auto high = hn::Set(d8, static_cast<T>(grid.high + grid.offset));
  const auto bad = hn::Set(d16, std::int16_t{-32768});
  // The limit is the first operand, so that NaN passes through.
  const auto round = [&](size_t i) HWY_ATTR {
    return RoundToInt32(hn::Min(limit, hn::Mul(hn::LoadU(df, x + i), inverse)));
  };
  size_t i = 0;
  while (i + 4 * N <= n) {
    const size_t begin = i;
    auto lowest = hn::Zero(d16);
    for (size_t s = 0; s < kStretch && i + 4 * N <= n; ++s, i += 4 * N) {
      const auto a = Pack16(round(i), round(i + N));
      const auto b = Pack16(round(i + 2 * N), round(i + 3 * N));
      lowest = hn::Min(lowest, hn::Min(a, b));
      const auto bytes =
          PackBytes(d8, hn::SaturatedAdd(a, zero), hn::SaturatedAdd(b, zero));
      hn::StoreU(hn::Min(hn::Max(bytes, low), high), d8,
                 reinterpret_cast<T*>(codes + i));
    }
    if (HWY_UNLIKELY(!hn::AllFalse(d16, hn::Eq(lowest, bad)))) {
      QuantizeIntegerGroup<Rounding::kNearestEven, false>(
          x + begin, i - begin, params, grid, codes + begin);
    }
  }
  return i;
}
#endif

// One group under the common rule.
HWY_INLINE void QuantizeNearestGroup(const float* HWY_RESTRICT x, size_t n,
                                     const QuantParams& params,
                                     const IntegerGrid& grid,
                                     std::uint8_t* HWY_RESTRICT codes) {
  size_t done = 0;
#if NIBBLE_X86_VECTORS
  const std::int32_t zero = params.zero_point + grid.offset;
  if (-255 <= zero && zero <= 255) {
    done = grid.low + grid.offset < 0
               ? QuantizeBytes<std::int8_t>(x, n, params, grid, codes)
               : QuantizeBytes<std::uint8_t>(x, n, params, grid, codes);
  }
#endif
  QuantizeIntegerGroup<Rounding::kNearestEven, false>(
      x + done, n - done, params, grid, codes + done);
}

template <Rounding kRounding, bool kHalfShift>
HWY_INLINE void QuantizeAll(const float* HWY_RESTRICT x, size_t count,
                            size_t size, const QuantParams* params,
                            const IntegerGrid& grid,
                            std::uint8_t* HWY_RESTRICT codes) {
  for (size_t g = 0; g < count; ++g, x += size, codes += size) {
    QuantizeIntegerGroup<kRounding, kHalfShift>(x, size, params[g], grid,
                                                codes);
  }
}

// codes[i] of group g = i / size, for count groups of `size` floats.
HWY_INLINE void QuantizeIntegerGroups(const float* HWY_RESTRICT x, size_t count,
                                      size_t size, const QuantParams* params,
                                      const IntegerGrid& grid,
                                      std::uint8_t* HWY_RESTRICT codes) {
  using enum Rounding;
  const Rounding rounding = grid.rounding;
  if (grid.half_shift && rounding == kNearestEven) {
    QuantizeAll<kNearestEven, true>(x, count, size, params, grid, codes);
  } else if (grid.half_shift) {
    QuantizeAll<kFloor, true>(x, count, size, params, grid, codes);
  } else if (rounding == kHalfAway) {
    QuantizeAll<kHalfAway, false>(x, count, size, params, grid, codes);
  } else if (rounding == kHalfUp) {
    QuantizeAll<kHalfUp, false>(x, count, size, params, grid, codes);
  } else if (rounding == kHalfToZero) {
    QuantizeAll<kHalfToZero, false>(x, count, size, params, grid, codes);
  } else if (rounding == kFloor) {
    QuantizeAll<kFloor, false>(x, count, size, params, grid, codes);
  } else if (grid.add != 0) {
    QuantizeAll<kNearestEven, false>(x, count, size, params, grid, codes);
  } else {
    for (size_t g = 0; g < count; ++g, x += size, codes += size) {
      QuantizeNearestGroup(x, size, params[g], grid, codes);
    }
  }
}

}  // namespace quantize_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
