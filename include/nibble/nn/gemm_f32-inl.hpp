// float x float -> float for core/gemm-inl.hpp: a tile of 6 rows by two
// vectors of outputs.
#if defined(NIBBLE_NN_GEMM_F32_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_NN_GEMM_F32_INL_HPP
#undef NIBBLE_NN_GEMM_F32_INL_HPP
#else
#define NIBBLE_NN_GEMM_F32_INL_HPP
#endif

#include <cstddef>

#include "nibble/core/highway.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 12 accumulators, 2 vectors of weights and a broadcast input fill 15 of the 16
// registers of AVX2 and keep both of its multiply-add pipes busy (2 pipes of 4
// to 5 cycles want 8 to 10). They have names, because vectors of unknown length
// (SVE, RISC-V) cannot stand in arrays.
//
// Error    |out - exact| <= taps * k * 2^-24 * sum|in * w| to first order; with
//          or without fused multiply-add, so the bits differ between targets.
template <class D>
struct GemmF32 {
  using Input = float;
  using Weight = float;
  static constexpr size_t kRows = 6;
  static constexpr size_t kGroup = 1;

  size_t columns() const { return 2 * hn::Lanes(D()); }

  template <class Store>
  HWY_INLINE void operator()(const float* const* HWY_RESTRICT rows, size_t taps,
                             size_t k, const float* HWY_RESTRICT tile,
                             const Store& store) const {
    const D d;
    const size_t N = hn::Lanes(d);
    auto c00 = hn::Zero(d), c01 = c00, c10 = c00, c11 = c00, c20 = c00,
         c21 = c00, c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00,
         c51 = c00;
    for (size_t tap = 0; tap < taps; ++tap, rows += kRows) {
      const float* HWY_RESTRICT a0 = rows[0];
      const float* HWY_RESTRICT a1 = rows[1];
      const float* HWY_RESTRICT a2 = rows[2];
      const float* HWY_RESTRICT a3 = rows[3];
      const float* HWY_RESTRICT a4 = rows[4];
      const float* HWY_RESTRICT a5 = rows[5];
      for (size_t i = 0; i < k; ++i, tile += 2 * N) {
        const auto b0 = hn::Load(d, tile);
        const auto b1 = hn::Load(d, tile + N);
        Row(d, a0[i], b0, b1, c00, c01);
        Row(d, a1[i], b0, b1, c10, c11);
        Row(d, a2[i], b0, b1, c20, c21);
        Row(d, a3[i], b0, b1, c30, c31);
        Row(d, a4[i], b0, b1, c40, c41);
        Row(d, a5[i], b0, b1, c50, c51);
      }
    }
    store(d, 0, 0, c00), store(d, 0, N, c01);
    store(d, 1, 0, c10), store(d, 1, N, c11);
    store(d, 2, 0, c20), store(d, 2, N, c21);
    store(d, 3, 0, c30), store(d, 3, N, c31);
    store(d, 4, 0, c40), store(d, 4, N, c41);
    store(d, 5, 0, c50), store(d, 5, N, c51);
  }

 private:
  template <class V>
  static HWY_INLINE void Row(D d, float a, V b0, V b1, V& c0, V& c1) {
    const V broadcast = hn::Set(d, a);
    c0 = hn::MulAdd(broadcast, b0, c0);
    c1 = hn::MulAdd(broadcast, b1, c1);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
