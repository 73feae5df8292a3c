// Letters of ternary weights times activations, and their sums: by the
// instruction for four products of bytes, or in 16 bits.
#if defined(NIBBLE_QUANT_TERNARY_PRODUCTS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_TERNARY_PRODUCTS_INL_HPP
#undef NIBBLE_QUANT_TERNARY_PRODUCTS_INL_HPP
#else
#define NIBBLE_QUANT_TERNARY_PRODUCTS_INL_HPP
#endif

#include <cstdint>
#include <cstring>

#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/ternary_line-inl.hpp"

#if NIBBLE_TERNARY_QUADS || NIBBLE_TERNARY_PAIRS
NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace ternary {
namespace hn = hwy::HWY_NAMESPACE;

// Four activations from any address.
HWY_INLINE std::int32_t LoadFour(const std::int8_t* q) {
  std::int32_t four;
  std::memcpy(&four, q, sizeof(four));
  return four;
}

#if NIBBLE_TERNARY_QUADS

// Adds to each row's sum its four codes times the four activations.
#if NIBBLE_TERNARY_VBMI
HWY_INLINE NIBBLE_ATTR void AddProducts(Bytes letter, std::int32_t four,
                                        Sums& sum) {
  sum.raw = _mm512_dpbusd_epi32(sum.raw, letter.raw, _mm512_set1_epi32(four));
  // g++ 12 would keep the sum in two registers and move it twice.
  asm("" : "+v"(sum.raw));
}
#else
HWY_INLINE void AddProducts(Bytes letter, std::int32_t four, Sums& sum) {
  sum.raw = vdotq_s32(sum.raw, vreinterpretq_s8_u8(letter.raw),
                      vreinterpretq_s8_s32(vdupq_n_s32(four)));
}
#endif

#else  // pairs

// Sums of 16 bits that PairsToSums adds up by rows.
#if NIBBLE_X86_VECTORS

struct Pairs {
  hn::Vec<hn::Repartition<std::int16_t, D8> > both;
};
HWY_INLINE Pairs ZeroPairs() {
  return {hn::Zero(hn::Repartition<std::int16_t, D8>())};
}
HWY_INLINE void AddProducts(Bytes letter, std::int32_t four, Pairs& sum) {
  const auto q = hn::Set(D32(), four);
#if HWY_TARGET <= HWY_AVX3
  const auto raw = _mm512_maddubs_epi16(letter.raw, q.raw);
#elif HWY_TARGET <= HWY_AVX2
  const auto raw = _mm256_maddubs_epi16(letter.raw, q.raw);
#else
  const auto raw = _mm_maddubs_epi16(letter.raw, q.raw);
#endif
  sum.both = hn::Add(sum.both, decltype(sum.both){raw});
}
HWY_INLINE Sums PairsToSums(const Pairs& sum) {
  const auto one = hn::Set(hn::Repartition<std::int16_t, D8>(), 1);
#if HWY_TARGET <= HWY_AVX3
  return Sums{_mm512_madd_epi16(sum.both.raw, one.raw)};
#elif HWY_TARGET <= HWY_AVX2
  return Sums{_mm256_madd_epi16(sum.both.raw, one.raw)};
#else
  return Sums{_mm_madd_epi16(sum.both.raw, one.raw)};
#endif
}

#else  // NEON

struct Pairs {
  int16x8_t low, high;
};
HWY_INLINE Pairs ZeroPairs() { return {vdupq_n_s16(0), vdupq_n_s16(0)}; }
HWY_INLINE void AddProducts(Bytes letter, std::int32_t four, Pairs& sum) {
  const int8x16_t codes = vreinterpretq_s8_u8(letter.raw);
  const int8x16_t q = vreinterpretq_s8_s32(vdupq_n_s32(four));
  sum.low = vmlal_s8(sum.low, vget_low_s8(codes), vget_low_s8(q));
  sum.high = vmlal_high_s8(sum.high, codes, q);
}
HWY_INLINE Sums PairsToSums(const Pairs& sum) {
  return Sums{vpaddq_s32(vpaddlq_s16(sum.low), vpaddlq_s16(sum.high))};
}

#endif

#endif  // pairs

}  // namespace ternary
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();
#endif  // quads or pairs

#endif  // per-target include guard
