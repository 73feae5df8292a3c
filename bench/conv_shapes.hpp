// The convolutions that are timed, and how their work is counted.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>

#include "nibble/core/shape.hpp"

namespace nibble {

struct ConvCase {
  const char* name;
  Conv2dShape shape;
};
inline constexpr ConvCase kConvCases[] = {
    {"56x56x64", {{56, 56, 64}, {56, 56, 64}, {3, 3}, {1, 1}, {1, 1}}},
    {"28x28x128", {{28, 28, 128}, {28, 28, 128}, {3, 3}, {1, 1}, {1, 1}}},
    {"14x14x256", {{14, 14, 256}, {14, 14, 256}, {3, 3}, {1, 1}, {1, 1}}},
    {"32x32x3_16", {{32, 32, 3}, {32, 32, 16}, {3, 3}, {1, 1}, {1, 1}}},
    {"32x32x16", {{32, 32, 16}, {32, 32, 16}, {3, 3}, {1, 1}, {1, 1}}},
    {"32x32x16_32s2", {{32, 32, 16}, {16, 16, 32}, {3, 3}, {2, 2}, {1, 1}}},
    {"16x16x32", {{16, 16, 32}, {16, 16, 32}, {3, 3}, {1, 1}, {1, 1}}},
    {"16x16x32_64s2", {{16, 16, 32}, {8, 8, 64}, {3, 3}, {2, 2}, {1, 1}}},
    {"8x8x64", {{8, 8, 64}, {8, 8, 64}, {3, 3}, {1, 1}, {1, 1}}},
    {"25x5x64_1x1", {{25, 5, 64}, {25, 5, 64}}},
    {"25x5x64_dw", {{25, 5, 64}, {25, 5, 64}, {3, 3}, {1, 1}, {1, 1}, 64}},
    {"56x56x128_dw",
     {{56, 56, 128}, {56, 56, 128}, {3, 3}, {1, 1}, {1, 1}, 128}},
};

// The convolutions of ResNet-20, in their order, as indices of kConvCases.
inline constexpr std::size_t kResNet20[] = {3, 4, 4, 4, 4, 4, 4, 5, 6, 6,
                                            6, 6, 6, 7, 8, 8, 8, 8, 8};

// Operations: two per tap that lies inside the image.
inline double UsefulOps(const Conv2dShape& s) {
  const auto inside = [](std::size_t in, std::size_t out, std::size_t kernel,
                         std::size_t stride, std::size_t padding) {
    std::size_t taps = 0;
    for (std::size_t o = 0; o < out; ++o) {
      for (std::size_t k = 0; k < kernel; ++k) {
        taps += o * stride + k - padding < in;
      }
    }
    return static_cast<double>(taps);
  };
  return 2 *
         inside(s.in.height, s.out.height, s.kernel.height, s.stride.height,
                s.padding.height) *
         inside(s.in.width, s.out.width, s.kernel.width, s.stride.width,
                s.padding.width) *
         static_cast<double>(s.in.channels * s.out.channels / s.groups);
}

inline void SetOps(benchmark::State& state, double ops) {
  state.counters["OP/s"] =
      benchmark::Counter(ops * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

}  // namespace nibble
