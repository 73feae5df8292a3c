// A tile of sums of products for core/gemm-inl.hpp, whatever a product is.
//
// Operands are words of 32 bits: a float, an encoding of one, or two numbers of
// 16 bits. An Op says what a word of x and one of w add to a sum:
//
//     V op(D d, V sum, V x, V w) const
#if defined(NIBBLE_ARITH_PRODUCT_TILE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_ARITH_PRODUCT_TILE_INL_HPP
#undef NIBBLE_ARITH_PRODUCT_TILE_INL_HPP
#else
#define NIBBLE_ARITH_PRODUCT_TILE_INL_HPP
#endif

#include <cstddef>
#include <cstdint>

#include "nibble/arith/lanes-inl.hpp"
#include "nibble/arith/lmul_window.hpp"
#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of a tile where there are enough: 24 of AVX-512's or NEON's 32 registers
// for sums, else 12 of 16.
inline constexpr size_t kProductRows =
    HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON ? 12 : 6;

// kTileRows is 1, 6 or 12. The rows of x lie in panels, [k][kTileRows], of
// which rows[0] is the start; so a tile reads one stream of x and one of w.
template <class Op, size_t kTileRows>
struct ProductTile {
  using Input = std::uint32_t;
  using Weight = std::uint32_t;
  using Tag = hn::ScalableTag<float>;
  static constexpr size_t kRows = kTileRows;
  static constexpr size_t kGroup = 1;

  Op op;

  size_t columns() const { return 2 * hn::Lanes(Tag()); }

  template <class Store>
  HWY_INLINE void operator()(const std::uint32_t* const* HWY_RESTRICT rows,
                             size_t /*taps*/, size_t k,
                             const std::uint32_t* HWY_RESTRICT tile,
                             const Store& store) const {
    const Tag d;
    const hn::RebindToUnsigned<Tag> du;
    const size_t N = hn::Lanes(d);
    const std::uint32_t* HWY_RESTRICT x = rows[0];
    auto c00 = hn::Zero(d), c01 = c00, c10 = c00, c11 = c00, c20 = c00,
         c21 = c00, c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00,
         c51 = c00, c60 = c00, c61 = c00, c70 = c00, c71 = c00, c80 = c00,
         c81 = c00, c90 = c00, c91 = c00, ca0 = c00, ca1 = c00, cb0 = c00,
         cb1 = c00;
    for (size_t i = 0; i < k; ++i, x += kRows, tile += 2 * N) {
      const auto b0 = hn::BitCast(d, hn::Load(du, tile));
      const auto b1 = hn::BitCast(d, hn::Load(du, tile + N));
      Row(x[0], b0, b1, c00, c01);
      if constexpr (kRows > 1) {
        Row(x[1], b0, b1, c10, c11);
        Row(x[2], b0, b1, c20, c21);
        Row(x[3], b0, b1, c30, c31);
        Row(x[4], b0, b1, c40, c41);
        Row(x[5], b0, b1, c50, c51);
      }
      if constexpr (kRows > 6) {
        Row(x[6], b0, b1, c60, c61);
        Row(x[7], b0, b1, c70, c71);
        Row(x[8], b0, b1, c80, c81);
        Row(x[9], b0, b1, c90, c91);
        Row(x[10], b0, b1, ca0, ca1);
        Row(x[11], b0, b1, cb0, cb1);
      }
    }
    store(d, 0, 0, c00), store(d, 0, N, c01);
    if constexpr (kRows > 1) {
      store(d, 1, 0, c10), store(d, 1, N, c11);
      store(d, 2, 0, c20), store(d, 2, N, c21);
      store(d, 3, 0, c30), store(d, 3, N, c31);
      store(d, 4, 0, c40), store(d, 4, N, c41);
      store(d, 5, 0, c50), store(d, 5, N, c51);
    }
    if constexpr (kRows > 6) {
      store(d, 6, 0, c60), store(d, 6, N, c61);
      store(d, 7, 0, c70), store(d, 7, N, c71);
      store(d, 8, 0, c80), store(d, 8, N, c81);
      store(d, 9, 0, c90), store(d, 9, N, c91);
      store(d, 10, 0, ca0), store(d, 10, N, ca1);
      store(d, 11, 0, cb0), store(d, 11, N, cb1);
    }
  }

 private:
  template <class V>
  HWY_INLINE void Row(std::uint32_t x, V b0, V b1, V& c0, V& c1) const {
    const Tag d;
    const auto a = hn::BitCast(d, hn::Set(hn::RebindToUnsigned<Tag>(), x));
    c0 = op(d, c0, a, b0);
    c1 = op(d, c1, a, b1);
  }
};

// IEEE products, rounded before they are added.
struct ExactOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V sum, V x, V w) const {
    return hn::Add(sum, Barrier(hn::Mul(x, w)));
  }
};

// Encodings of a SumWindow with Test::kNone.
struct AddOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V sum, V x, V w) const {
    const hn::RebindToUnsigned<D> du;
    const auto product = hn::Add(hn::BitCast(du, x), hn::BitCast(du, w));
    return hn::Add(sum, hn::BitCast(d, product));
  }
};

// Encodings of a SumWindow with Test::kZero.
struct TestedAddOp {
  std::uint32_t weight_zero;

  template <class D, class V>
  HWY_INLINE V operator()(D d, V sum, V x, V w) const {
    const hn::RebindToUnsigned<D> du;
    const auto ww = hn::BitCast(du, w);
    const auto product = hn::Add(hn::BitCast(du, x), ww);
    const auto zero = hn::Or(hn::Eq(ww, hn::Set(du, weight_zero)),
                             hn::TestBit(product, hn::Set(du, 1u << 30)));
    return hn::Add(sum, hn::BitCast(d, hn::IfThenZeroElse(zero, product)));
  }
};

// A weight as it was before MakeWeightWindow's encoding.
struct Decoded {
  bool encoded;
  std::uint32_t bias, zero;

  template <class DU, class V>
  HWY_INLINE V operator()(DU du, V w) const {
    if (!encoded) return w;
    return hn::IfThenZeroElse(hn::Eq(w, hn::Set(du, zero)),
                              hn::Add(w, hn::Set(du, bias)));
  }
};

// Whole products, of any operands.
struct LMulOp {
  LMulParams params;
  Decoded decoded;

  template <class D, class V>
  HWY_INLINE V operator()(D d, V sum, V x, V w) const {
    const hn::RebindToUnsigned<D> du;
    const V weight = hn::BitCast(d, decoded(du, hn::BitCast(du, w)));
    return hn::Add(sum, LMulOfPrepared(d, x, weight, params));
  }
};
struct LMulFormulaOp {
  LMulParams params;

  template <class D, class V>
  HWY_INLINE V operator()(D d, V sum, V x, V w) const {
    return hn::Add(sum, LMulFormulaOfPrepared(d, x, w, params));
  }
};
struct LnsOp {
  const LnsTables* tables;

  template <class D, class V>
  HWY_INLINE V operator()(D d, V sum, V x, V w) const {
    return hn::Add(sum, LnsOfEncoded(d, x, w, *tables));
  }
};

// Two bf16 numbers in a word: that of the even k in the low half.
template <class D, class V>
HWY_INLINE V EvenHalf(D d, V pair) {
  const hn::RebindToUnsigned<D> du;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::BitCast(du, pair)));
}
template <class D, class V>
HWY_INLINE V OddHalf(D d, V pair) {
  const hn::RebindToUnsigned<D> du;
  return hn::BitCast(d,
                     hn::And(hn::BitCast(du, pair), hn::Set(du, 0xFFFF0000u)));
}

// Both halves of two words added, without a carry between them.
template <class D, class V>
HWY_INLINE V AddHalves(D d, V x, V w) {
#if HWY_TARGET == HWY_SCALAR  // has no two lanes of 16 bits
  const hn::RebindToUnsigned<D> du;
  const auto low = hn::Set(du, 0xFFFFu);
  const auto bx = hn::BitCast(du, x);
  const auto bw = hn::BitCast(du, w);
  const auto odd = hn::Add(hn::AndNot(low, bx), hn::AndNot(low, bw));
  return hn::BitCast(d, hn::Or(odd, hn::And(hn::Add(bx, bw), low)));
#else
  const hn::Repartition<std::uint16_t, D> d16;
  return hn::BitCast(d, hn::Add(hn::BitCast(d16, x), hn::BitCast(d16, w)));
#endif
}

// bf16: two additions of encodings in one, added to the sum as AddPair does.
struct PairAddOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V sum, V x, V w) const {
    const V pair = AddHalves(d, x, w);
    return hn::Add(hn::Add(sum, OddHalf(d, pair)), EvenHalf(d, pair));
  }
};

// bf16: whole products.
struct PairLMulOp {
  LMulOp product;

  template <class D, class V>
  HWY_INLINE V operator()(D d, V sum, V x, V w) const {
    sum = product(d, sum, OddHalf(d, x), OddHalf(d, w));
    return product(d, sum, EvenHalf(d, x), EvenHalf(d, w));
  }
};

#undef NIBBLE_PAIR_SUMS
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
#define NIBBLE_PAIR_SUMS 1

// PairAddOp in two instructions, of which the second comes with AVX512-BF16.
// Written in assembly, so that one text serves the compiler's every idea of
// which instructions this target has; HasPairSums asks the CPU.
struct PairSumOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V sum, V x, V w) const {
    const hn::Repartition<std::uint16_t, D> d16;
    const V pair = AddHalves(d, x, w);
    const auto ones = hn::Set(d16, 0x3F80);
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(pair.raw), "v"(ones.raw));
    return sum;
  }
};

// Whether this CPU has vdpbf16ps, and it rounds as AddPair: the odd product
// first, and twice.
inline bool HasPairSums() {
  static const bool has = []() HWY_ATTR {
#if !defined(__AVX512BF16__)
    if (!__builtin_cpu_supports("avx512bf16")) return false;
#endif
    const hn::Full512<float> d;
    const hn::Repartition<std::uint32_t, decltype(d)> du;
    // sum, odd, even: 1 - 1 + 2^-30; 1 + 2^-24 + 2^-24.
    constexpr float kCases[][3] = {{1, -1, 0x1p-30f}, {1, 0x1p-24f, 0x1p-24f}};
    for (const auto& c : kCases) {
      const std::uint32_t pair = std::bit_cast<std::uint32_t>(c[1]) |
                                 std::bit_cast<std::uint32_t>(c[2]) >> 16;
      const auto sum = PairSumOp()(
          d, hn::Set(d, c[0]), hn::BitCast(d, hn::Set(du, pair)), hn::Zero(d));
      if (hn::GetLane(sum) != (c[0] + c[1]) + c[2]) return false;
    }
    return true;
  }();
  return has;
}
#else
#define NIBBLE_PAIR_SUMS 0
#endif

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
