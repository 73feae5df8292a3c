// A vector of packed ternary weights taken apart, on each instruction set.
//
// A letter is what one mask leaves: the codes 0, 1, 2 of 4 columns for each row
// of the vector, times 1, 4, 16 or 64. Products of each factor are summed
// apart, at levels 0 to 3, and shifted once at the end.
#if defined(NIBBLE_QUANT_TERNARY_LINE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_TERNARY_LINE_INL_HPP
#undef NIBBLE_QUANT_TERNARY_LINE_INL_HPP
#else
#define NIBBLE_QUANT_TERNARY_LINE_INL_HPP
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/ternary_layout.hpp"

// How a target sums: by an instruction for four products of bytes, in 16 bits,
// or one product at a time.
#undef NIBBLE_TERNARY_QUADS
#undef NIBBLE_TERNARY_PAIRS
#undef NIBBLE_TERNARY_VBMI
#if HWY_TARGET == HWY_AVX3_DL ||                          \
    (HWY_TARGET == HWY_AVX3 && defined(__AVX512VNNI__) && \
     defined(__AVX512VBMI__))
#define NIBBLE_TERNARY_VBMI 1
#define NIBBLE_TERNARY_QUADS 1
#define NIBBLE_TERNARY_PAIRS 0
#elif NIBBLE_X86_VECTORS
#define NIBBLE_TERNARY_VBMI 0
#define NIBBLE_TERNARY_QUADS 0
#define NIBBLE_TERNARY_PAIRS 1
#elif HWY_TARGET == HWY_NEON && defined(__ARM_FEATURE_DOTPROD)
#define NIBBLE_TERNARY_VBMI 0
#define NIBBLE_TERNARY_QUADS 1
#define NIBBLE_TERNARY_PAIRS 0
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
#define NIBBLE_TERNARY_VBMI 0
#define NIBBLE_TERNARY_QUADS 0
#define NIBBLE_TERNARY_PAIRS 1
#else
#define NIBBLE_TERNARY_VBMI 0
#define NIBBLE_TERNARY_QUADS 0
#define NIBBLE_TERNARY_PAIRS 0
#endif

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace ternary {
namespace hn = hwy::HWY_NAMESPACE;

#if NIBBLE_TERNARY_QUADS || NIBBLE_TERNARY_PAIRS

using D8 = hn::ScalableTag<std::uint8_t>;
using D32 = hn::ScalableTag<std::int32_t>;
using Bytes = hn::Vec<D8>;
using Sums = hn::Vec<D32>;
inline constexpr size_t kVectorBytes = hn::MaxLanes(D8());
// Vectors of one line of a panel.
inline constexpr size_t kVectors = 2 * kTernaryLine / kVectorBytes;

// body(0), ..., body(kN - 1) with constants for arguments, so that arrays of
// vectors stay in registers.
template <size_t kN, class Body>
HWY_INLINE NIBBLE_ATTR void Repeat(const Body& body) {
  [&]<size_t... i>(std::index_sequence<i...>) NIBBLE_ATTR
      __attribute__((always_inline)) {
    (body(std::integral_constant<size_t, i>()), ...);
  }
  (std::make_index_sequence<kN>());
}

// How the letters a, b, c, d, e of a packing come out.
template <size_t kLettersIn, size_t kLevelsIn>
struct Scheme {
  static constexpr size_t kLetters = kLettersIn;
  static constexpr size_t kLevels = kLevelsIn;
};

template <TernaryPacking kPacking>
struct Line;

#if NIBBLE_TERNARY_VBMI

template <>
struct Line<TernaryPacking::kTwoBits> : Scheme<4, 4> {
  static constexpr std::array<size_t, 4> kLevelOf = {0, 1, 2, 3};
  const D8 d = {};
  const Bytes masks[4] = {hn::Set(d, 0x03), hn::Set(d, 0x0C), hn::Set(d, 0x30),
                          hn::Set(d, 0xC0)};
  HWY_INLINE NIBBLE_ATTR Line() {}
  HWY_INLINE NIBBLE_ATTR Bytes Open(Bytes line) const { return line; }
  template <size_t i>
  HWY_INLINE NIBBLE_ATTR Bytes Letter(Bytes opened) const {
    return hn::And(opened, masks[i]);
  }
};

// Bytes below 192 are [e e|v v v v v v]: the table of 64 gives a to d as 2 bits
// each, a mask gives e. The others take a to d, and e, from tables of theirs.
struct TritTables {
  std::array<std::uint8_t, 64> usual{}, rest{}, rest_e{};
  constexpr TritTables() {
    for (std::uint8_t i = 0; i < 64; ++i) {
      usual[i] = FourLetters(DecodeTrits(i));
      if (i > 50) continue;
      const auto codes = DecodeTrits(static_cast<std::uint8_t>(192 + i));
      rest[i] = FourLetters(codes);
      rest_e[i] = static_cast<std::uint8_t>(codes[4] << 6);
    }
  }
  static constexpr std::uint8_t FourLetters(
      const std::array<std::uint8_t, 5>& c) {
    return static_cast<std::uint8_t>(c[0] | c[1] << 2 | c[2] << 4 | c[3] << 6);
  }
};
inline constexpr TritTables kTritTables;

template <>
struct Line<TernaryPacking::kBase3> : Scheme<5, 4> {
  static constexpr std::array<size_t, 5> kLevelOf = {0, 1, 2, 3, 3};
  const D8 d = {};
  const Line<TernaryPacking::kTwoBits> two_bits = {};
  const Bytes usual = hn::LoadU(d, kTritTables.usual.data());
  const Bytes rest = hn::LoadU(d, kTritTables.rest.data());
  const Bytes rest_e = hn::LoadU(d, kTritTables.rest_e.data());
  const Bytes limit = hn::Set(d, 192);
  struct Opened {
    Bytes four, e;
  };
  HWY_INLINE NIBBLE_ATTR Line() {}
  HWY_INLINE NIBBLE_ATTR Opened Open(Bytes line) const {
    const __mmask64 seldom = _mm512_cmpge_epu8_mask(line.raw, limit.raw);
    return {
        Bytes{_mm512_mask_permutexvar_epi8(
            _mm512_permutexvar_epi8(line.raw, usual.raw), seldom, line.raw,
            rest.raw)},
        Bytes{_mm512_mask_permutexvar_epi8(hn::And(line, two_bits.masks[3]).raw,
                                           seldom, line.raw, rest_e.raw)}};
  }
  template <size_t i>
  HWY_INLINE NIBBLE_ATTR Bytes Letter(const Opened& opened) const {
    if constexpr (i == 4)
      return opened.e;
    else
      return two_bits.Letter<i>(opened.four);
  }
};

#else  // not VBMI

#if NIBBLE_TERNARY_QUADS  // NEON: bytes can be shifted, which saves the mask

template <>
struct Line<TernaryPacking::kTwoBits> : Scheme<4, 3> {
  static constexpr std::array<size_t, 4> kLevelOf = {0, 1, 2, 0};
  const D8 d = {};
  const Bytes masks[3] = {hn::Set(d, 0x03), hn::Set(d, 0x0C), hn::Set(d, 0x30)};
  HWY_INLINE NIBBLE_ATTR Line() {}
  HWY_INLINE NIBBLE_ATTR Bytes Open(Bytes line) const { return line; }
  template <size_t i>
  HWY_INLINE NIBBLE_ATTR Bytes Letter(Bytes opened) const {
    if constexpr (i == 3)
      return Bytes{vshrq_n_u8(opened.raw, 6)};
    else
      return hn::And(opened, masks[i]);
  }
};

#else  // sums of 16 bits, for which factors above 4 are too large

template <>
struct Line<TernaryPacking::kTwoBits> : Scheme<4, 2> {
  static constexpr std::array<size_t, 4> kLevelOf = {0, 1, 0, 1};
  const D8 d = {};
  const hn::Repartition<std::uint16_t, D8> d16 = {};
  const Bytes low = hn::Set(d, 0x03), high = hn::Set(d, 0x0C);
  struct Opened {
    Bytes lower, upper;
  };
  HWY_INLINE NIBBLE_ATTR Line() {}
  HWY_INLINE NIBBLE_ATTR Opened Open(Bytes line) const {
    return {line, hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(d16, line)))};
  }
  template <size_t i>
  HWY_INLINE NIBBLE_ATTR Bytes Letter(const Opened& opened) const {
    return hn::And(i < 2 ? opened.lower : opened.upper,
                   i % 2 == 0 ? low : high);
  }
};

#endif

// v, below 81, is 9 p + q, and p and q index tables of 16.
template <>
struct Line<TernaryPacking::kBase3> : Scheme<5, 1> {
  static constexpr std::array<size_t, 5> kLevelOf = {0, 0, 0, 0, 0};
  alignas(16) static constexpr std::uint8_t kMod3[16] = {0, 1, 2, 0, 1,
                                                         2, 0, 1, 2};
  alignas(16) static constexpr std::uint8_t kDiv3[16] = {0, 0, 0, 1, 1,
                                                         1, 2, 2, 2};
  const D8 d = {};
  const hn::RebindToSigned<D8> di = {};
  const hn::Repartition<std::uint16_t, D8> d16 = {};
  const Bytes mod3 = hn::LoadDup128(d, kMod3);
  const Bytes div3 = hn::LoadDup128(d, kDiv3);

  // x where the byte is at least `limit`, else 0.
  HWY_INLINE NIBBLE_ATTR Bytes From(Bytes line, int limit, Bytes x) const {
    const auto biased = hn::BitCast(di, hn::Xor(line, hn::Set(d, 0x80)));
    const auto above =
        hn::Gt(biased, hn::Set(di, static_cast<std::int8_t>(limit - 129)));
    return hn::And(hn::BitCast(d, hn::VecFromMask(di, above)), x);
  }

  struct Opened {
    HWY_INLINE NIBBLE_ATTR Opened() {}  // or it had the target of the file
    Bytes letters[5];
  };
  template <size_t i>
  HWY_INLINE NIBBLE_ATTR Bytes Letter(const Opened& opened) const {
    return opened.letters[i];
  }
  HWY_INLINE NIBBLE_ATTR Line() {}
  HWY_INLINE NIBBLE_ATTR Opened Open(Bytes line) const {
    const Bytes ones = hn::Set(d, 255);
    const Bytes seldom = From(line, 192, ones);
    const Bytes second = From(line, 209, hn::Set(d, 1));
    const Bytes third = From(line, 226, hn::Set(d, 1));
    const Bytes rest_e = hn::Add(second, third);  // e of the rest, else 0
    const Bytes usual_e =
        hn::And(hn::BitCast(d, hn::ShiftRight<6>(hn::BitCast(d16, line))),
                hn::Set(d, 3));
    const Bytes e = hn::Or(hn::AndNot(seldom, usual_e), rest_e);
    // 17 e = 16 e + e; both below 3 * 16, so no bit leaves its byte
    const Bytes rest_17e = hn::Add(
        rest_e, hn::BitCast(d, hn::ShiftLeft<4>(hn::BitCast(d16, rest_e))));
    const Bytes rest_v = hn::Sub(hn::Xor(line, hn::Set(d, 0x80)), rest_17e);
    const Bytes v = hn::Or(hn::AndNot(seldom, hn::And(line, hn::Set(d, 63))),
                           hn::And(seldom, rest_v));
    // floor(v / 9) = v * 7282 >> 16 for v < 81: once for the low bytes, and
    // once for the high ones, where it is the high byte of v * 256 * 7282 >> 16
    const auto ninth = hn::Set(d16, 7282);
    const auto words = hn::BitCast(d16, v);
    const auto low_byte = hn::Set(d16, 0xFF);
    const auto low = hn::MulHigh(hn::And(words, low_byte), ninth);
    const auto high = hn::MulHigh(hn::AndNot(low_byte, words), ninth);
    const Bytes p = hn::BitCast(d, hn::Or(low, hn::AndNot(low_byte, high)));
    const Bytes p9 =
        hn::Add(p, hn::BitCast(d, hn::ShiftLeft<3>(hn::BitCast(d16, p))));
    const Bytes q = hn::Sub(v, p9);
    Opened out;
    out.letters[0] = hn::TableLookupBytes(mod3, q);
    out.letters[1] = hn::TableLookupBytes(div3, q);
    out.letters[2] = hn::TableLookupBytes(mod3, p);
    out.letters[3] = hn::TableLookupBytes(div3, p);
    out.letters[4] = e;
    return out;
  }
};

#endif  // not VBMI

#endif  // quads or pairs

}  // namespace ternary
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
