// The mutations of the function search.
#pragma once

#include "nibble/sweep/cmaes.hpp"
#include "nibble/sweep/program.hpp"

namespace nibble::sweep {

// A child of the program by one mutation, not yet simplified: a vertex inserted
// on an edge, a vertex removed, or an edge switched to another source.
Program Mutate(const Program& program, Random& random);

}  // namespace nibble::sweep
