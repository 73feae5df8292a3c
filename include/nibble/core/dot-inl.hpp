// Sums of products of bytes: the operations under every integer product.
//
// Include it inside a file that is compiled once per target.
#if defined(NIBBLE_CORE_DOT_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_CORE_DOT_INL_HPP
#undef NIBBLE_CORE_DOT_INL_HPP
#else
#define NIBBLE_CORE_DOT_INL_HPP
#endif

#include <cstdint>

#include "nibble/core/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Products of int16 lanes 2i and 2i + 1, summed: lane i of int32. Exact, as
// 2 * 32768 * 32767 < 2^31; only -32768 everywhere would overflow.
#if NIBBLE_X86_VECTORS
HWY_INLINE hn::Vec128<int32_t> MulPairsAdd(hn::Vec128<int16_t> a,
                                           hn::Vec128<int16_t> b) {
  return hn::Vec128<int32_t>{_mm_madd_epi16(a.raw, b.raw)};
}
#if HWY_TARGET <= HWY_AVX2
HWY_INLINE hn::Vec256<int32_t> MulPairsAdd(hn::Vec256<int16_t> a,
                                           hn::Vec256<int16_t> b) {
  return hn::Vec256<int32_t>{_mm256_madd_epi16(a.raw, b.raw)};
}
#endif
#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::Vec512<int32_t> MulPairsAdd(hn::Vec512<int16_t> a,
                                           hn::Vec512<int16_t> b) {
  return hn::Vec512<int32_t>{_mm512_madd_epi16(a.raw, b.raw)};
}
#endif
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
HWY_INLINE hn::Vec128<int32_t> MulPairsAdd(hn::Vec128<int16_t> a,
                                           hn::Vec128<int16_t> b) {
  return hn::Vec128<int32_t>(
      vpaddq_s32(vmull_s16(vget_low_s16(a.raw), vget_low_s16(b.raw)),
                 vmull_high_s16(a.raw, b.raw)));
}
#elif HWY_TARGET != HWY_SCALAR
template <class V16, class D32 = hn::RepartitionToWide<hn::DFromV<V16>>>
HWY_INLINE hn::Vec<D32> MulPairsAdd(V16 a, V16 b) {
  const D32 d;
  const auto a32 = hn::BitCast(d, a), b32 = hn::BitCast(d, b);
  const auto even = hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(a32)),
                            hn::ShiftRight<16>(hn::ShiftLeft<16>(b32)));
  return hn::Add(even,
                 hn::Mul(hn::ShiftRight<16>(a32), hn::ShiftRight<16>(b32)));
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#if HWY_TARGET != HWY_SCALAR
NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {

// acc plus the products of bytes 4i to 4i + 3, for each lane i of int32. Exact
// modulo 2^32 for all bytes: nothing saturates.
//
// Without VNNI even and odd bytes are widened to 16 bits and multiplied there.
// (maddubs, which multiplies bytes, saturates at 255 * 127 * 2.)
template <class V32, class VU8, class VI8>
HWY_INLINE V32 SumOfMulQuadAccumulate(VU8 x, VI8 w, V32 acc) {
#if NIBBLE_VNNI512
  if constexpr (sizeof(V32) == 64) {
    return V32{_mm512_dpbusd_epi32(acc.raw, x.raw, w.raw)};
  }
#endif
  const hn::Repartition<uint16_t, hn::DFromV<VU8>> du16;
  const hn::Repartition<int16_t, hn::DFromV<VU8>> di16;
  const auto x16 = hn::BitCast(du16, x);
  const auto w16 = hn::BitCast(di16, w);
  const auto even = MulPairsAdd(
      hn::BitCast(di16, hn::And(x16, hn::Set(du16, uint16_t{0xFF}))),
      hn::ShiftRight<8>(hn::ShiftLeft<8>(w16)));
  const auto odd = MulPairsAdd(hn::BitCast(di16, hn::ShiftRight<8>(x16)),
                               hn::ShiftRight<8>(w16));
  return hn::Add(acc, hn::Add(even, odd));
}

// The same for signed x. VNNI multiplies unsigned by signed bytes only:
// x + 128 by w, less 128 by w.
template <class V32, class VI8>
HWY_INLINE V32 SumOfSignedMulQuadAccumulate(VI8 x, VI8 w, V32 acc) {
  const hn::DFromV<VI8> di8;
#if NIBBLE_VNNI512
  if constexpr (sizeof(V32) == 64) {
    const hn::RebindToUnsigned<decltype(di8)> du8;
    const auto flip = hn::Set(du8, uint8_t{0x80});
    const V32 offset =
        SumOfMulQuadAccumulate(flip, w, hn::Zero(hn::DFromV<V32>()));
    return hn::Sub(
        SumOfMulQuadAccumulate(hn::Xor(hn::BitCast(du8, x), flip), w, acc),
        offset);
  }
#endif
  const hn::Repartition<int16_t, decltype(di8)> di16;
  const auto x16 = hn::BitCast(di16, x), w16 = hn::BitCast(di16, w);
  const auto even = MulPairsAdd(hn::ShiftRight<8>(hn::ShiftLeft<8>(x16)),
                                hn::ShiftRight<8>(hn::ShiftLeft<8>(w16)));
  const auto odd = MulPairsAdd(hn::ShiftRight<8>(x16), hn::ShiftRight<8>(w16));
  return hn::Add(acc, hn::Add(even, odd));
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();
#endif  // not SCALAR


#endif  // per-target include guard
