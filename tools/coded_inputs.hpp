// Inputs of networks that are fed with codes, and their labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nibble::tools {

struct CodedInputs {
  std::vector<std::int8_t> codes;    // [labels.size(), size of an input]
  std::vector<std::uint8_t> labels;  // answers
};

// `data`: int8, one input after another, `size` bytes each; `labels`: see
// io/labels.hpp. The first `limit` of both, or all if it is 0.
//
// Errors   InputError if a file cannot be read or they do not fit each other.
CodedInputs LoadCodes(const std::string& data, const std::string& labels,
                      std::size_t size, std::size_t limit);

}  // namespace nibble::tools
