// Floats to integers: kernels of quantize.hpp. Included by quantize-inl.hpp.
#if defined(NIBBLE_QUANT_QUANTIZE_INTEGER_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_QUANTIZE_INTEGER_INL_HPP
#undef NIBBLE_QUANT_QUANTIZE_INTEGER_INL_HPP
#else
#define NIBBLE_QUANT_QUANTIZE_INTEGER_INL_HPP
#endif

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/integer_grid.hpp"
#include "nibble/quant/quantize_float-inl.hpp"

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
    return RoundToInt32(v);
  } else if constexpr (kRounding == Rounding::kFloor) {
    return RoundToInt32(hn::Floor(v));
  } else {
    const auto whole = hn::ConvertTo(di, v);                 // towards zero
    const auto rest = hn::Sub(v, hn::ConvertTo(df, whole));  // exact, v's sign
    const auto half = hn::Set(df, 0.5f);
    if constexpr (kRounding == Rounding::kHalfAway) {
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

// One group, any rounding that needs no random bits. What it depends on comes
// by value: stores of bytes may change anything else.
template <Rounding kRounding, bool kHalfShift>
HWY_INLINE void QuantizeIntegerGroup(const float* HWY_RESTRICT x, size_t n,
                                     const QuantParams params,
                                     const IntegerGrid grid,
                                     std::uint8_t* HWY_RESTRICT codes) {
  const DF df;
  const auto inverse = hn::Set(df, params.Inverse());
  EncodeVectors(x, n, codes, [&](const float* from) NIBBLE_LAMBDA {
    return IntegerLanes<kRounding, kHalfShift>()(df, hn::LoadU(df, from),
                                                 inverse, params, grid);
  });
}

#if NIBBLE_X86_VECTORS
// v rounded, still a float; kNearestEven is left to the conversion.
template <Rounding kRounding, class D, class V = hn::Vec<D>>
HWY_INLINE V RoundToFloat(D d, V v, V add) {
  if constexpr (kRounding == Rounding::kFloor) {
    return hn::Floor(hn::Add(Barrier(v), add));
  } else if constexpr (kRounding == Rounding::kHalfAway) {
    // The float below 0.5: with 0.5 the one below 0.5 would become 1.
    const auto half = hn::Set(d, 0.49999997f);
    return hn::Trunc(hn::Add(Barrier(v), hn::CopySign(half, v)));
  } else {
    (void)d;
    (void)add;
    return v;
  }
}

// The common roundings, four vectors at a time, saturating on the way down to
// bytes. Per vector: multiply, convert; half a pack and a check; a quarter of a
// pack, two limits and a store.
//
// Three inputs may come out wrong: NaN, y <= -32768 and y >= 2^31, which the
// conversion does not saturate. All reach 16 bits as -32768; `lowest` notices,
// and the stretch is done again by the general kernel. Returns how many
// elements are done.
//
// Domain   |shift| <= 255: 16-bit sums saturate beyond all codes.
template <Rounding kRounding, bool kShift, class T, class D>
HWY_INLINE size_t QuantizeBytes(D df, const float* HWY_RESTRICT x, size_t n,
                                const QuantParams params,
                                const IntegerGrid grid, std::int32_t shift,
                                std::uint8_t* HWY_RESTRICT codes) {
  const hn::Repartition<std::int16_t, D> d16;
  const hn::Repartition<T, D> d8;
  const size_t N = hn::Lanes(df);
  const size_t kStretch = 32 * N;  // elements between two looks at `lowest`
  const auto inverse = hn::Set(df, params.Inverse());
  const auto add = hn::Set(df, grid.add);
  const auto shifts = hn::Set(d16, static_cast<std::int16_t>(shift));
  const auto low = hn::Set(d8, static_cast<T>(grid.low + grid.offset));
  const auto high = hn::Set(d8, static_cast<T>(grid.high + grid.offset));
  const auto bad = hn::Set(d16, std::int16_t{-32768});
  const auto round = [&](const float* from) NIBBLE_LAMBDA {
    const auto y = hn::Mul(hn::LoadU(df, from), inverse);
    return RoundToInt32(RoundToFloat<kRounding>(df, y, add));
  };
  const size_t whole = n - n % (4 * N);
  for (size_t i = 0; i < whole;) {
    const size_t begin = i;
    const size_t end = HWY_MIN(begin + kStretch, whole);
    auto lowest = hn::Zero(d16);
    for (; i < end; i += 4 * N) {
      auto a = Pack16(round(x + i), round(x + i + N));
      auto b = Pack16(round(x + i + 2 * N), round(x + i + 3 * N));
      lowest = hn::Min(lowest, hn::Min(a, b));
      if constexpr (kShift) {
        a = hn::SaturatedAdd(a, shifts);
        b = hn::SaturatedAdd(b, shifts);
      }
      const auto code = hn::Min(hn::Max(PackBytes(d8, a, b), low), high);
      hn::StoreU(code, d8, reinterpret_cast<T*>(codes + i));
    }
    if (HWY_UNLIKELY(!hn::AllFalse(d16, hn::Eq(lowest, bad)))) {
      QuantizeIntegerGroup<kRounding, false>(x + begin, end - begin, params,
                                             grid, codes + begin);
    }
  }
  return whole;
}

// The same for any shift, where that is possible; what is left of a multiple of
// four vectors by vectors of half the size, for groups of 32.
template <Rounding kRounding, bool kShift, class T>
HWY_INLINE size_t QuantizeBytes(const float* HWY_RESTRICT x, size_t n,
                                const QuantParams params,
                                const IntegerGrid grid, std::int32_t shift,
                                std::uint8_t* HWY_RESTRICT codes) {
  size_t done = 0;
#if HWY_TARGET <= HWY_AVX3
  if (n >= 64)
#endif
  {
    done = QuantizeBytes<kRounding, kShift, T>(DF(), x, n, params, grid, shift,
                                               codes);
  }
#if HWY_TARGET <= HWY_AVX3
  if (n - done >= 32) {
    done += QuantizeBytes<kRounding, kShift, T>(
        hn::Half<DF>(), x + done, n - done, params, grid, shift, codes + done);
  }
#endif
  return done;
}
template <Rounding kRounding>
HWY_INLINE size_t QuantizeBytes(const float* HWY_RESTRICT x, size_t n,
                                const QuantParams& params,
                                const IntegerGrid& grid,
                                std::uint8_t* HWY_RESTRICT codes) {
  const std::int32_t shift =
      params.zero_point + grid.offset - static_cast<std::int32_t>(grid.add);
  if (shift < -255 || shift > 255) return 0;
  if (grid.low + grid.offset >= 0) {
    return QuantizeBytes<kRounding, true, std::uint8_t>(x, n, params, grid,
                                                        shift, codes);
  }
  if (shift != 0) {
    return QuantizeBytes<kRounding, true, std::int8_t>(x, n, params, grid,
                                                       shift, codes);
  }
  return QuantizeBytes<kRounding, false, std::int8_t>(x, n, params, grid, shift,
                                                      codes);
}
#endif

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

// The same for roundings that have a fast path.
template <Rounding kRounding>
HWY_INLINE void QuantizeAllFast(const float* HWY_RESTRICT x, size_t count,
                                size_t size, const QuantParams* params,
                                const IntegerGrid& grid,
                                std::uint8_t* HWY_RESTRICT codes) {
  for (size_t g = 0; g < count; ++g, x += size, codes += size) {
    size_t done = 0;
#if NIBBLE_X86_VECTORS
    done = QuantizeBytes<kRounding>(x, size, params[g], grid, codes);
#endif
    QuantizeIntegerGroup<kRounding, false>(x + done, size - done, params[g],
                                           grid, codes + done);
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
  } else if (grid.half_shift || rounding == kFloor) {
    QuantizeAllFast<kFloor>(x, count, size, params, grid, codes);
  } else if (rounding == kHalfUp) {
    QuantizeAll<kHalfUp, false>(x, count, size, params, grid, codes);
  } else if (rounding == kHalfToZero) {
    QuantizeAll<kHalfToZero, false>(x, count, size, params, grid, codes);
  } else if (rounding == kHalfAway && grid.add == 0) {
    QuantizeAllFast<kHalfAway>(x, count, size, params, grid, codes);
  } else if (rounding == kHalfAway) {
    QuantizeAll<kHalfAway, false>(x, count, size, params, grid, codes);
  } else if (grid.add == 0) {
    QuantizeAllFast<kNearestEven>(x, count, size, params, grid, codes);
  } else {
    QuantizeAll<kNearestEven, false>(x, count, size, params, grid, codes);
  }
}

}  // namespace quantize_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
