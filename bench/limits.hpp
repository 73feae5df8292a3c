// What the machine can do, measured by the program that compares itself with
// it: the yardsticks of the benchmarks of products.
#pragma once

#include <cstddef>

namespace nibble::bench {

// Operations per second, two per product, of a loop that does nothing but the
// instruction on independent sums in registers (24 with AVX-512, else 12), for
// about `seconds` (at most 0.05: as long as what is compared, since wide vectors
// lower a CPU's clock), on the instruction set in use
// (hwy::SetSupportedTargetsForTest).
//
// DotRate   products of uint8 by int8, summed in int32: vpdpbusd where there is
//           VNNI; else 16-bit pairs (madd) and an addition, the fewest
//           instructions that are exact.
// FmaRate   float32 multiply-add.
double DotRate(double seconds);
double FmaRate(double seconds);

// Bytes per second read from `bytes` of memory: the best of 1, 4 and 8 streams,
// with and without software prefetch, each read `repeats` times.
double ReadBandwidth(std::size_t bytes, int repeats);

}  // namespace nibble::bench
