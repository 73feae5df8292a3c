#include "limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "nibble/core/aligned.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "../bench/limits.cpp"  // from include/
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>

#include "nibble/core/dot-inl.hpp"

NIBBLE_BEFORE_NAMESPACE();
namespace nibble::bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace target = nibble::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

// No vectors: not what the programs that are compared with these use.
size_t Dots(size_t rounds, int32_t* sink) {
  int32_t sum = 0;
  for (size_t r = 0; r < rounds; ++r) sum += *sink * static_cast<int32_t>(r);
  *sink = sum;
  return 2 * rounds;
}

#else

#if NIBBLE_VNNI512

// By hand: compilers copy and spill 24 sums that nothing ties to registers.
#undef NIBBLE_DOT
#define NIBBLE_DOT(r) "vpdpbusd %%zmm30, %%zmm31, %%zmm" #r "\n\t"
size_t Dots(size_t rounds, int32_t*) {
  for (size_t r = 0; r < rounds; ++r) {
    asm volatile(
        NIBBLE_DOT(0) NIBBLE_DOT(1) NIBBLE_DOT(2) NIBBLE_DOT(3) NIBBLE_DOT(4)
        NIBBLE_DOT(5) NIBBLE_DOT(6) NIBBLE_DOT(7) NIBBLE_DOT(8) NIBBLE_DOT(9)
        NIBBLE_DOT(10) NIBBLE_DOT(11) NIBBLE_DOT(12) NIBBLE_DOT(13)
        NIBBLE_DOT(14) NIBBLE_DOT(15) NIBBLE_DOT(16) NIBBLE_DOT(17)
        NIBBLE_DOT(18) NIBBLE_DOT(19) NIBBLE_DOT(20) NIBBLE_DOT(21)
        NIBBLE_DOT(22) NIBBLE_DOT(23)
        :
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
          "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
          "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22",
          "xmm23");
  }
  return rounds * 24 * 128;
}

#else

// The sum is what is multiplied, or one product would do for all sums.
template <class D, class V>
HWY_INLINE V DotStep(D d, V x, V w, V sum) {
  const hn::Repartition<int16_t, D> d16;
  V next = hn::Add(
      x, target::MulPairsAdd(hn::BitCast(d16, sum), hn::BitCast(d16, w)));
#if NIBBLE_X86_VECTORS
  asm volatile("" : "+v"(next.raw));  // where it is, not among copies
#endif
  (void)d;
  return next;
}

template <size_t... I>
HWY_INLINE size_t DotsOf(std::index_sequence<I...>, size_t rounds,
                         int32_t* sink) {
  const hn::CappedTag<int32_t, 16> d;
  const auto x = hn::Set(d, *sink), w = hn::Set(d, *sink + 1);
  // Sums that begin alike would be one sum to the compiler.
  hn::Vec<decltype(d)> sums[] = {hn::Set(d, static_cast<int32_t>(I))...};
  for (size_t r = 0; r < rounds; ++r) {
    ((sums[I] = DotStep(d, x, w, sums[I])), ...);
  }
  auto sum = hn::Zero(d);
  ((sum = hn::Add(sum, sums[I])), ...);
  *sink = hn::GetLane(hn::SumOfLanes(d, sum)) & 1;
  return rounds * 12 * hn::Lanes(d) * 4;
}
size_t Dots(size_t rounds, int32_t* sink) {
  return DotsOf(std::make_index_sequence<12>(), rounds, sink);
}

#endif
#endif

template <size_t... I>
HWY_INLINE size_t FmasOf(std::index_sequence<I...>, size_t rounds,
                         float* sink) {
  const hn::CappedTag<float, 16> d;
  const auto x = hn::Set(d, 0.999f), y = hn::Set(d, 0.001f);
  hn::Vec<decltype(d)> sums[] = {
      hn::Set(d, *sink + static_cast<float>(I))...};
  for (size_t r = 0; r < rounds; ++r) {
    ((sums[I] = hn::MulAdd(sums[I], x, y)), ...);
  }
  auto sum = hn::Zero(d);
  ((sum = hn::Add(sum, sums[I])), ...);
  *sink = hn::GetLane(hn::SumOfLanes(d, sum));
  return rounds * 12 * 2 * hn::Lanes(d);
}
size_t Fmas(size_t rounds, float* sink) {
  return FmasOf(std::make_index_sequence<12>(), rounds, sink);
}

// Reads `streams` pieces of size bytes each side by side.
template <size_t kStreams, bool kPrefetch>
HWY_INLINE uint32_t Read(const uint8_t* from, size_t size) {
  const hn::ScalableTag<uint8_t> d;
  auto all = hn::Zero(d);
  for (size_t i = 0; i < size; i += 256) {
    HWY_UNROLL(8)
    for (size_t s = 0; s < kStreams; ++s) {
      const uint8_t* at = from + s * size + i;
      for (size_t j = 0; j < 256; j += 64) {
        if constexpr (kPrefetch) hwy::Prefetch(at + j + 2048);
      }
      for (size_t j = 0; j < 256; j += hn::Lanes(d)) {
        all = hn::Xor(all, hn::Load(d, at + j));
      }
    }
  }
  return hn::GetLane(all);
}

uint32_t ReadStreams(const uint8_t* from, size_t size, int way) {
  switch (way) {
    case 0:
      return Read<1, false>(from, size);
    case 1:
      return Read<1, true>(from, size);
    case 2:
      return Read<4, false>(from, size / 4);
    case 3:
      return Read<4, true>(from, size / 4);
    case 4:
      return Read<8, false>(from, size / 8);
    default:
      return Read<8, true>(from, size / 8);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nibble::bench {
HWY_EXPORT(Dots);
HWY_EXPORT(Fmas);
HWY_EXPORT(ReadStreams);

using Clock = std::chrono::steady_clock;

// Operations per second of loop(rounds), which returns how many it did.
template <class Loop>
double RateOf(double seconds, const Loop& loop) {
  const auto begin = Clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  double operations = 0;
  do {
    operations += static_cast<double>(loop(2000));
  } while (elapsed() < std::min(seconds, 0.05));
  return operations / elapsed();
}

double DotRate(double seconds) {
  static std::int32_t sink = 1;
  return RateOf(seconds, [](std::size_t rounds) {
    return HWY_DYNAMIC_DISPATCH(Dots)(rounds, &sink);
  });
}

double FmaRate(double seconds) {
  static float sink = 1;
  return RateOf(seconds, [](std::size_t rounds) {
    return HWY_DYNAMIC_DISPATCH(Fmas)(rounds, &sink);
  });
}

double ReadBandwidth(std::size_t bytes, int repeats) {
  static volatile std::uint32_t sink = 0;
  // Room for what is prefetched beyond the end; every page is touched.
  AlignedVector<std::uint8_t> memory(bytes + 4096, 1);
  double best = 0;
  for (int r = 0; r < repeats; ++r) {
    for (int way = 0; way < 6; ++way) {
      const auto begin = Clock::now();
      sink = sink + HWY_DYNAMIC_DISPATCH(ReadStreams)(memory.data(), bytes, way);
      const std::chrono::duration<double> time = Clock::now() - begin;
      best = std::max(best, static_cast<double>(bytes) / time.count());
    }
  }
  return best;
}

}  // namespace nibble::bench
#endif
