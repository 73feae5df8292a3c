// How the points of a sweep over multipliers are drawn.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nibble/sweep/report.hpp"

namespace nibble::tools {

// "L-Mul" for "lmul:k4", "Circuit" for "table:mul8u_1JFF.bin"; "Other" for what
// is no multiplier.
std::string MultiplierFamily(std::string_view multiplier);

// All that MultiplierFamily returns, in the order of colours and legend.
const std::vector<std::string>& MultiplierFamilies();

// sweep::SchemeStyle with the multiplier in the name, and its family as the
// group: "int8/channel × int8 · lmul:k4 in attention".
sweep::PointStyle MultiplierStyle(const sweep::Point& point,
                                  const std::vector<std::string>& axes);

}  // namespace nibble::tools
