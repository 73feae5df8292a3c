// The JSON header of safetensors, read without building a document: what it
// says is checked key by key, so that an error names the tensor and the field.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/io/safetensors.hpp"

namespace nibble::io {

struct HeaderEntry {
  std::string name;
  std::string dtype;
  std::vector<std::size_t> shape;
  std::array<std::size_t, 2> offsets;
};

struct Header {
  std::vector<HeaderEntry> entries;  // in the header's order
  Metadata metadata;
};

// Checks the grammar: the three fields of each tensor, once each, of the right
// type; strings only in __metadata__; no name twice. Says nothing about sizes.
//
// Errors   InputError naming `file` and the field.
Header ParseHeader(std::string_view json, const std::string& file);

// The header's text, padded with spaces to a multiple of 8 bytes.
std::string WriteHeader(std::span<const TensorView> tensors,
                        const Metadata& metadata);

}  // namespace nibble::io
