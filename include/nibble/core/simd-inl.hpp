// The few vector operations that Highway 1.0.3 lacks, one portable body each
// and specials where an instruction set has something better.
//
// Include it inside a file that is compiled once per target.
#if defined(NIBBLE_CORE_SIMD_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_CORE_SIMD_INL_HPP
#undef NIBBLE_CORE_SIMD_INL_HPP
#else
#define NIBBLE_CORE_SIMD_INL_HPP
#endif

#include <cstddef>
#include <cstdint>

#include "nibble/core/highway.hpp"

// For kernels with VNNI or GFNI instructions, in the place of
// HWY_BEFORE_NAMESPACE() and HWY_ATTR: 1.0.3 forgets both on AVX3_DL. Close
// with HWY_AFTER_NAMESPACE(). (Clang ignores a second push inside the first.)
#undef NIBBLE_BEFORE_NAMESPACE
#undef NIBBLE_ATTR
#if HWY_TARGET == HWY_AVX3_DL
#define NIBBLE_BEFORE_NAMESPACE()                        \
  HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni,gfni") \
  static_assert(true, "For requiring trailing semicolon")
#define NIBBLE_ATTR __attribute__((target(HWY_TARGET_STR ",avx512vnni,gfni")))
#else
#define NIBBLE_BEFORE_NAMESPACE() HWY_BEFORE_NAMESPACE()
#define NIBBLE_ATTR HWY_ATTR
#endif

// Whether 512-bit dot products of bytes (VNNI) are there. A program compiled
// for one CPU says so by a macro of the compiler: its target may be AVX3.
#undef NIBBLE_VNNI512
#if HWY_TARGET == HWY_AVX3_DL || \
    (HWY_TARGET == HWY_AVX3 && defined(__AVX512VNNI__))
#define NIBBLE_VNNI512 1
#else
#define NIBBLE_VNNI512 0
#endif

// After the parameters of a lambda within a kernel: its target, and that it is
// inlined wherever it is called, so that constants stay in registers.
#undef NIBBLE_LAMBDA
#define NIBBLE_LAMBDA HWY_ATTR __attribute__((always_inline))

// Whether vectors are those of an x86 CPU (and not an emulation of some).
#undef NIBBLE_X86_VECTORS
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
#define NIBBLE_X86_VECTORS 1
#else
#define NIBBLE_X86_VECTORS 0
#endif

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// v, hidden from the optimizer. A product that goes through here is rounded
// before it reaches a sum: without it g++ fuses the two on targets that have
// FMA, and their bits differ from the other targets'. Costs no instruction.
template <class V>
HWY_INLINE V Barrier(V v) {
#if NIBBLE_X86_VECTORS
  asm("" : "+v"(v.raw));
#elif HWY_TARGET == HWY_NEON
  asm("" : "+w"(v.raw));
#elif HWY_TARGET == HWY_RVV
  asm("" : "+vr"(v));
#elif HWY_HAVE_SCALABLE
  asm("" : "+w"(v));
#else  // An array or a float: through memory.
  asm("" : "+m"(v));
#endif
  return v;
}

// v, or 0 where it is NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ZeroIfNaN(D, V v) {
  return hn::IfThenElseZero(hn::Eq(v, v), v);
}

// The smaller and the larger of x and acc; acc where x is NaN. acc is not NaN.
// x86 returns the second operand when one is NaN, other targets need to ask.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V MinIgnoringNaN(D, V x, V acc) {
#if NIBBLE_X86_VECTORS
  return hn::Min(x, acc);
#else
  return hn::Min(hn::IfThenElse(hn::Eq(x, x), x, acc), acc);
#endif
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V MaxIgnoringNaN(D, V x, V acc) {
#if NIBBLE_X86_VECTORS
  return hn::Max(x, acc);
#else
  return hn::Max(hn::IfThenElse(hn::Eq(x, x), x, acc), acc);
#endif
}

// v shifted by a number of bits that the compiler does not know: one operation
// where lanes have counts of their own, two or more from one count in a vector.
template <class V>
HWY_INLINE V ShiftLeftBy(V v, int bits) {
#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX2
  const hn::DFromV<V> d;
  return hn::Shl(v, hn::Set(d, static_cast<hn::TFromD<decltype(d)>>(bits)));
#else
  return hn::ShiftLeftSame(v, bits);
#endif
}
template <class V>
HWY_INLINE V ShiftRightBy(V v, int bits) {
#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX2
  const hn::DFromV<V> d;
  return hn::Shr(v, hn::Set(d, static_cast<hn::TFromD<decltype(d)>>(bits)));
#else
  return hn::ShiftRightSame(v, bits);
#endif
}

// The low bits of every lane of 32 bits, as bytes or as 16-bit lanes. Highway
// 1.0.3's TruncateTo to bytes permutes by wrong indices on AVX3_DL.
template <class D, class V>
HWY_INLINE hn::Vec<D> LowBits(D d, V v) {
#if HWY_TARGET == HWY_AVX3_DL
  if constexpr (sizeof(v.raw) == 64 && sizeof(hn::TFromD<D>) == 1) {
    return hn::Vec<D>{_mm512_cvtepi32_epi8(v.raw)};
  }
#endif
  return hn::TruncateTo(d, v);
}

// Calls body(in, out) for vectors that cover n elements from x to `to`; the
// last, where it is not full, goes through buffers. Nothing is read or written
// past the ends. The body is a lambda that is marked NIBBLE_LAMBDA.
//
// A scalar tail would be shorter, but a function compiled for the base
// instruction set, called amid wide vectors, costs as much as a hundred
// elements.
template <class D, class From, class To, class Body>
HWY_INLINE void ForEachVector(D d, const From* HWY_RESTRICT x,
                              To* HWY_RESTRICT to, size_t n, const Body& body) {
  const size_t N = hn::Lanes(d);
  size_t i = 0;
  for (; i + N <= n; i += N) body(x + i, to + i);
  if (i == n) return;
  From in[hn::MaxLanes(D())] = {};
  To out[hn::MaxLanes(D())];
  for (size_t j = 0; i + j < n; ++j) in[j] = x[i + j];
  body(in, out);
  for (size_t j = 0; i + j < n; ++j) to[i + j] = out[j];
}

#if NIBBLE_X86_VECTORS

// v rounded to the nearest integer, half to even. Where it does not fit, NaN
// included: INT32_MIN.
HWY_INLINE hn::Vec128<int32_t> RoundToInt32(hn::Vec128<float> v) {
  return hn::Vec128<int32_t>{_mm_cvtps_epi32(v.raw)};
}
// 4 vectors of int32 to int16, then bytes, each saturating: Pack16 twice, then
// PackBytes, which undoes the order that Pack16 leaves.
HWY_INLINE hn::Vec128<int16_t> Pack16(hn::Vec128<int32_t> a,
                                      hn::Vec128<int32_t> b) {
  return hn::Vec128<int16_t>{_mm_packs_epi32(a.raw, b.raw)};
}
HWY_INLINE hn::Vec128<int8_t> PackBytes(hn::Full128<int8_t>,
                                        hn::Vec128<int16_t> a,
                                        hn::Vec128<int16_t> b) {
  return hn::Vec128<int8_t>{_mm_packs_epi16(a.raw, b.raw)};
}
HWY_INLINE hn::Vec128<uint8_t> PackBytes(hn::Full128<uint8_t>,
                                         hn::Vec128<int16_t> a,
                                         hn::Vec128<int16_t> b) {
  return hn::Vec128<uint8_t>{_mm_packus_epi16(a.raw, b.raw)};
}

#if HWY_TARGET <= HWY_AVX2
HWY_INLINE hn::Vec256<int32_t> RoundToInt32(hn::Vec256<float> v) {
  return hn::Vec256<int32_t>{_mm256_cvtps_epi32(v.raw)};
}
HWY_INLINE hn::Vec256<int16_t> Pack16(hn::Vec256<int32_t> a,
                                      hn::Vec256<int32_t> b) {
  return hn::Vec256<int16_t>{_mm256_packs_epi32(a.raw, b.raw)};
}
// Each pack works within 128-bit halves, so 32-bit pieces of vectors 0..3 come
// out as 0 1 2 3 | 0 1 2 3 and are put back as 0 0 1 1 2 2 3 3.
HWY_INLINE __m256i InOrder(__m256i v) {
  return _mm256_permutevar8x32_epi32(v,
                                     _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
HWY_INLINE hn::Vec256<int8_t> PackBytes(hn::Full256<int8_t>,
                                        hn::Vec256<int16_t> a,
                                        hn::Vec256<int16_t> b) {
  return hn::Vec256<int8_t>{InOrder(_mm256_packs_epi16(a.raw, b.raw))};
}
HWY_INLINE hn::Vec256<uint8_t> PackBytes(hn::Full256<uint8_t>,
                                         hn::Vec256<int16_t> a,
                                         hn::Vec256<int16_t> b) {
  return hn::Vec256<uint8_t>{InOrder(_mm256_packus_epi16(a.raw, b.raw))};
}
#endif  // AVX2

#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::Vec512<int32_t> RoundToInt32(hn::Vec512<float> v) {
  return hn::Vec512<int32_t>{_mm512_cvtps_epi32(v.raw)};
}
HWY_INLINE hn::Vec512<int16_t> Pack16(hn::Vec512<int32_t> a,
                                      hn::Vec512<int32_t> b) {
  return hn::Vec512<int16_t>{_mm512_packs_epi32(a.raw, b.raw)};
}
HWY_INLINE __m512i InOrder(__m512i v) {
  return _mm512_permutexvar_epi32(
      _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
      v);
}
HWY_INLINE hn::Vec512<int8_t> PackBytes(hn::Full512<int8_t>,
                                        hn::Vec512<int16_t> a,
                                        hn::Vec512<int16_t> b) {
  return hn::Vec512<int8_t>{InOrder(_mm512_packs_epi16(a.raw, b.raw))};
}
HWY_INLINE hn::Vec512<uint8_t> PackBytes(hn::Full512<uint8_t>,
                                         hn::Vec512<int16_t> a,
                                         hn::Vec512<int16_t> b) {
  return hn::Vec512<uint8_t>{InOrder(_mm512_packus_epi16(a.raw, b.raw))};
}
#endif  // AVX3

#else  // not NIBBLE_X86_VECTORS

template <class V>
HWY_INLINE auto RoundToInt32(V v) {
  return hn::NearestInt(v);
}

#endif  // NIBBLE_X86_VECTORS

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
