// What an operation costs in silicon: energy, and gates. Every number has its
// source; what could not be read in its source says so.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "nibble/arith/multiplier.hpp"

namespace nibble::cost {

struct Price {
  std::string_view operation;  // "fp32 mul"
  double value;                // picojoules, or gates
  std::string_view source;
  bool verified = true;  // read in the source named, or in a copy of its table
};

// Energy of one operation in picojoules, 45 nm, 0.9 V.
std::span<const Price> Energy45nm();
// The same, 7 nm. From memory of the paper: unverified.
std::span<const Price> Energy7nm();
// Gates of one product, as the authors of L-Mul count them.
std::span<const Price> ProductGates();

// The row of that name.
std::optional<Price> Find(std::span<const Price> prices,
                          std::string_view operation);

// The operation that makes the sum of exponents and mantissas, or the product,
// in a multiplier; nothing where no source prices it (DRUM, logarithms, 8x8
// circuits: those publish power, not energy).
std::optional<Price> ProductEnergy(const Multiplier& multiplier);
std::optional<Price> ProductGates(const Multiplier& multiplier);

}  // namespace nibble::cost
