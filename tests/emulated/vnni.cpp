// Proves that the emulated CPU is what the kernels' tests want: it has all of
// AVX3_DL, and its dot-product instruction computes what it should.
#include <hwy/highway.h>
#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>

// u8 x s8 -> i32, groups of four summed: 64 products by one VNNI instruction.
__attribute__((target("avx512f,avx512vnni"))) void Dot(const std::uint8_t* x,
                                                       const std::int8_t* y,
                                                       std::int32_t* sums) {
  _mm512_storeu_si512(
      sums, _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_loadu_si512(x),
                                _mm512_loadu_si512(y)));
}

int main() {
  std::uint8_t x[64];
  std::int8_t y[64];
  std::int32_t expected[16] = {};
  for (int i = 0; i < 64; ++i) {
    x[i] = static_cast<std::uint8_t>(255 - i);
    y[i] = static_cast<std::int8_t>(i < 8 ? -128 : 2 * i);
    expected[i / 4] += x[i] * y[i];
  }
  const std::int64_t targets = hwy::SupportedTargets();
  std::printf("targets");
  for (std::int64_t rest = targets; rest != 0; rest &= rest - 1) {
    std::printf(" %s", hwy::TargetName(rest & -rest));
  }
  if ((targets & HWY_AVX3_DL) == 0) return 1;
  std::int32_t sums[16];
  Dot(x, y, sums);
  const bool same = std::equal(sums, sums + 16, expected);
  std::printf("\nVNNI %s\n", same ? "right" : "wrong");
  return same ? 0 : 1;
}
