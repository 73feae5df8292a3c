// The picture of a multiplier's relative error over both operands.
#pragma once

#include <string>

#include "nibble/arith/multiplier.hpp"

namespace nibble::tools {

// Writes a PNG: x across, w upwards, red above and blue below the exact product
// in bands, with a scale. Mantissas from 1 to 2, or all bytes of a circuit.
//
// Errors   InputError if the file cannot be written.
void WriteErrorMap(const Multiplier& multiplier, const std::string& path);

}  // namespace nibble::tools
