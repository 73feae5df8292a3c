// The tensors of a model that lies in one safetensors file or in several.
//
//     {"metadata": {"total_size": 123},
//      "weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors",
//                     ...}}                       model.safetensors.index.json
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/io/safetensors.hpp"

namespace nibble::io {

// From a safetensors file, an index, or a folder that holds either under
// Hugging Face's names (model.safetensors, model.safetensors.index.json).
struct Checkpoint {
  std::vector<SafeTensors> files;
  std::vector<TensorView> tensors;  // hold as long as `files` or a copy

  // Errors   InputError naming file, field, found and expected: also where the
  //          index and its files do not name the same tensors, where a tensor
  //          is in two files, or where the index points out of its folder.
  static Checkpoint Open(const std::filesystem::path& path);
};

struct IndexEntry {
  std::string tensor;
  std::string file;  // a name without folders

  bool operator==(const IndexEntry&) const = default;
};

// The weight_map of an index, in the order of the tensors' names.
//
// Errors   InputError for text that is no such index.
std::vector<IndexEntry> ParseIndex(std::string_view json,
                                   const std::string& name);

}  // namespace nibble::io
