// Weights of approximate matrix products, prepared once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nibble/arith/lmul_window.hpp"
#include "nibble/arith/multiplier.hpp"
#include "nibble/core/aligned.hpp"

namespace nibble {

// What PackApproxWeights returns: the operands of a multiplier in the order in
// which the kernels of one instruction set read them.
struct ApproxWeights {
  Multiplier multiplier;
  std::size_t n = 0, k = 0;
  std::size_t columns = 0;  // outputs of a tile

  // Of multipliers of floats: words of 32 bits (ProductTile). Of bytes: codes
  // (TableTile), and their rows' scales.
  AlignedVector<std::uint32_t> words;
  AlignedVector<std::uint8_t> codes;
  std::vector<float> scales;

  WeightWindow window;  // of L-Mul and its like
};

// Of a product of bytes: x [m, k], w [n, k].
struct TableShape {
  std::size_t m, n, k;
};

// How ApproxGemm computed: which of the paths that give the same bits.
enum class ApproxPath : std::uint8_t {
  kProducts,   // one product at a time, in vectors
  kAdd,        // bare additions of encodings: the fast one
  kTestedAdd,  // additions, with a test for zeros
  kTable,      // look-ups
};

}  // namespace nibble
