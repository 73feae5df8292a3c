// Sums of code * activation for a panel of packed ternary weights: the inner
// loops of ternary_gemm-inl.hpp.
#if defined(NIBBLE_QUANT_TERNARY_SUMS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_TERNARY_SUMS_INL_HPP
#undef NIBBLE_QUANT_TERNARY_SUMS_INL_HPP
#else
#define NIBBLE_QUANT_TERNARY_SUMS_INL_HPP
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/ternary_layout.hpp"
#include "nibble/quant/ternary_line-inl.hpp"
#include "nibble/quant/ternary_products-inl.hpp"

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace ternary {
namespace hn = hwy::HWY_NAMESPACE;

#if NIBBLE_TERNARY_QUADS || NIBBLE_TERNARY_PAIRS

// Asks for a line that is needed soon, as far as the L2 cache: what waits for a
// line fills a processor's window long before it sees enough lines ahead. Past
// the end of the weights this is harmless.
inline constexpr size_t kAhead = 4096;  // bytes
HWY_INLINE void Prefetch(const std::uint8_t* lines) {
#if defined(__GNUC__)
  __builtin_prefetch(lines + kAhead, 0, 2);
  __builtin_prefetch(lines + kAhead + kTernaryLine, 0, 2);
#endif
}

// Adds the totals of all levels, each divided by its factor, to sums.
template <size_t kLevels>
HWY_INLINE NIBBLE_ATTR void AddLevels(const Sums* levels,
                                      std::int32_t* HWY_RESTRICT sums) {
  const D32 d;
  Sums total = hn::Load(d, sums);
  Repeat<kLevels>([&](auto i) NIBBLE_ATTR __attribute__((always_inline)) {
    total =
        hn::Add(total, hn::ShiftRight<2 * static_cast<int>(i())>(levels[i]));
  });
  hn::Store(total, d, sums);
}

#if NIBBLE_TERNARY_QUADS

// Tokens at a time: 16 sums beside masks, tables and letters in 32 registers.
inline constexpr size_t kMaxTokens = NIBBLE_TERNARY_VBMI ? 2 : 1;
// Vectors whose sums are in registers at a time.
inline constexpr size_t kAtOnce = NIBBLE_TERNARY_VBMI ? 2 : 4;
// Lines between two additions to memory. In one line a sum of level 3 takes 8
// products of at most 128 * 128: 2^17, so 2^14 lines are 2^31 at most, and that
// only below zero. Vectors that are not worked on together want few lines, so
// that the others find theirs in the L1 cache.
inline constexpr size_t kBlockLines = kVectors == kAtOnce ? 1 << 14 : 32;

// Lines [0, count) of kAtOnce vectors of a panel.
template <TernaryPacking kPacking, size_t kTokens>
HWY_INLINE NIBBLE_ATTR void SumBlock(const std::uint8_t* HWY_RESTRICT lines,
                                     size_t count,
                                     const std::int8_t* const* tokens,
                                     std::int32_t* HWY_RESTRICT sums) {
  using L = Line<kPacking>;
  constexpr size_t kColumns = 4 * L::kLetters;
  const D8 d8;
  const L line;
  Sums acc[kTokens][kAtOnce][L::kLevels];
  const std::int8_t* q[kTokens];
  for (size_t t = 0; t < kTokens; ++t) {
    q[t] = tokens[t];
    for (size_t v = 0; v < kAtOnce; ++v) {
      for (size_t i = 0; i < L::kLevels; ++i) acc[t][v][i] = hn::Zero(D32());
    }
  }
  for (size_t k = 0; k < count * kColumns; k += kColumns) {
    Prefetch(lines);
    decltype(line.Open(hn::Load(d8, lines))) opened[kAtOnce];
    Repeat<kAtOnce>([&](auto v) NIBBLE_ATTR __attribute__((always_inline)) {
      opened[v] = line.Open(hn::Load(d8, lines + v * kVectorBytes));
    });
    Repeat<L::kLetters>([&](auto i) NIBBLE_ATTR __attribute__((always_inline)) {
      Bytes letters[kAtOnce];
      Repeat<kAtOnce>([&](auto v) NIBBLE_ATTR __attribute__((always_inline)) {
        letters[v] = line.template Letter<i()>(opened[v]);
      });
      Repeat<kTokens>([&](auto t) NIBBLE_ATTR __attribute__((always_inline)) {
        const std::int32_t four = LoadFour(q[t] + k + 4 * i);
        Repeat<kAtOnce>([&](auto v) NIBBLE_ATTR __attribute__((always_inline)) {
          AddProducts(letters[v], four, acc[t][v][L::kLevelOf[i]]);
        });
      });
    });
    lines += 2 * kTernaryLine;
  }
  Repeat<kTokens>([&](auto t) NIBBLE_ATTR __attribute__((always_inline)) {
    Repeat<kAtOnce>([&](auto v) NIBBLE_ATTR __attribute__((always_inline)) {
      AddLevels<L::kLevels>(acc[t][v],
                            sums + t * kTernaryPanel + v * (kVectorBytes / 4));
    });
  });
}

#else  // pairs

// Tokens at a time: 12 sums in 32 registers, or 8 in 16.
inline constexpr size_t kMaxTokens = HWY_TARGET <= HWY_AVX3 ? 3 : 1;
inline constexpr size_t kAtOnce = HWY_TARGET <= HWY_AVX3 ? 2 : 4;
inline constexpr size_t kBlockLines = 96;

// In a line, the two products that share 16 bits come to at most 2 * 2 * 128 at
// level 0 and four times as much at level 1, and there are two of those (in
// base 3, five at level 0). 32 lines of level 0, 8 of level 1 and 12 of base 3
// make 2^15, 2^15 and 30,720 at most, the first two only below zero.
template <TernaryPacking kPacking>
constexpr size_t LinesBetween(size_t level) {
  if (kPacking == TernaryPacking::kBase3) return 12;
  return level == 0 ? 32 : 8;
}

template <TernaryPacking kPacking, size_t kTokens>
HWY_INLINE void SumBlock(const std::uint8_t* HWY_RESTRICT lines, size_t count,
                         const std::int8_t* const* tokens,
                         std::int32_t* HWY_RESTRICT sums) {
  using L = Line<kPacking>;
  constexpr size_t kColumns = 4 * L::kLetters;
  constexpr size_t kShort = LinesBetween<kPacking>(L::kLevels - 1);
  const D8 d8;
  const D32 d32;
  const L line;
  Pairs acc[kTokens][kAtOnce][L::kLevels];
  const auto clear = [&](size_t level) NIBBLE_LAMBDA {
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t v = 0; v < kAtOnce; ++v) acc[t][v][level] = ZeroPairs();
    }
  };
  const auto flush = [&](auto level) NIBBLE_LAMBDA {
    Repeat<kTokens>([&](auto t) NIBBLE_LAMBDA {
      Repeat<kAtOnce>([&](auto v) NIBBLE_LAMBDA {
        std::int32_t* to = sums + t * kTernaryPanel + v * (kVectorBytes / 4);
        const Sums total = hn::ShiftRight<2 * static_cast<int>(level())>(
            PairsToSums(acc[t][v][level]));
        hn::Store(hn::Add(hn::Load(d32, to), total), d32, to);
      });
    });
    clear(level);
  };
  Repeat<L::kLevels>([&](auto level) NIBBLE_LAMBDA { clear(level); });
  size_t k = 0;
  for (size_t done = 0; done < count;) {
    const size_t end = HWY_MIN(done + kShort, count);
    for (; done < end; ++done, k += kColumns, lines += 2 * kTernaryLine) {
      Prefetch(lines);
      Repeat<kAtOnce>([&](auto v) NIBBLE_LAMBDA {
        const auto opened = line.Open(hn::Load(d8, lines + v * kVectorBytes));
        Repeat<L::kLetters>([&](auto i) NIBBLE_LAMBDA {
          const Bytes letter = line.template Letter<i()>(opened);
          Repeat<kTokens>([&](auto t) NIBBLE_LAMBDA {
            AddProducts(letter, LoadFour(tokens[t] + k + 4 * i),
                        acc[t][v][L::kLevelOf[i]]);
          });
        });
      });
    }
    flush(std::integral_constant<size_t, L::kLevels - 1>());
    if constexpr (L::kLevels > 1) {
      if (done % LinesBetween<kPacking>(0) == 0 || done == count) {
        flush(std::integral_constant<size_t, 0>());
      }
    }
  }
}

#endif  // pairs

// Adds to sums: [kTokens, 32] the products of `count` lines of both tiles of a
// panel with the activations that begin at tokens[t].
template <TernaryPacking kPacking, size_t kTokens>
HWY_INLINE NIBBLE_ATTR void SumPanel(const std::uint8_t* lines, size_t count,
                                     const std::int8_t* const* tokens,
                                     std::int32_t* HWY_RESTRICT sums) {
  constexpr size_t kColumns = 4 * Line<kPacking>::kLetters;
  for (size_t begin = 0; begin < count; begin += kBlockLines) {
    const std::int8_t* q[kTokens];
    for (size_t t = 0; t < kTokens; ++t) q[t] = tokens[t] + begin * kColumns;
    const std::uint8_t* block = lines + begin * 2 * kTernaryLine;
    const size_t some = HWY_MIN(kBlockLines, count - begin);
    for (size_t v = 0; v < kVectors; v += kAtOnce) {
      SumBlock<kPacking, kTokens>(block + v * kVectorBytes, some, q,
                                  sums + v * (kVectorBytes / 4));
    }
  }
}

#else  // one product at a time

inline constexpr size_t kMaxTokens = 1;

template <TernaryPacking kPacking, size_t kTokens>
HWY_INLINE void SumPanel(const std::uint8_t* lines, size_t count,
                         const std::int8_t* const* tokens,
                         std::int32_t* HWY_RESTRICT sums) {
  const std::int8_t* q = tokens[0];
  for (size_t line = 0; line < count; ++line) {
    for (size_t i = 0; i < 2 * kTernaryLine; ++i) {
      const std::uint8_t byte = *lines++;
      std::int32_t& sum = sums[i / 4];
      if constexpr (kPacking == TernaryPacking::kTwoBits) {
        for (size_t j = 0; j < 4; ++j) {
          sum += (byte >> (2 * j) & 3) * q[i % 4 + 4 * j];
        }
      } else {
        const auto codes = DecodeTrits(byte);
        for (size_t j = 0; j < 5; ++j) sum += codes[j] * q[i % 4 + 4 * j];
      }
    }
    q += kPacking == TernaryPacking::kTwoBits ? 16 : 20;
  }
}

#endif

}  // namespace ternary
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
