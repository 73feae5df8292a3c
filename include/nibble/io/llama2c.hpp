// llama2.c's model files, version 0: a header of seven int32 and floats.
//
//     int32    dim, hidden, layers, heads, kv_heads, vocab, context
//     float32  embedding [vocab, dim]
//              attention norm [layers, dim]
//              q [layers, dim, dim]      k, v [layers, kv, dim] each
//              o [layers, dim, dim]      with kv = dim / heads * kv_heads
//              MLP norm [layers, dim]
//              gate [layers, hidden, dim], down [layers, dim, hidden],
//              up [layers, hidden, dim]
//              last norm [dim]
//              cosines and sines of old rotary tables,
//                2 * [context, dim / heads / 2]; skipped
//              classifier [vocab, dim], if the header's vocab is negative;
//                else the embedding is the classifier too
//
// All little-endian, nothing else. Later versions begin with the magic number
// "ak42" and are refused.
// Source   github.com/karpathy/llama2.c, export.py (legacy_export), run.c.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nibble/io/llama_config.hpp"
#include "nibble/io/mapped_file.hpp"
#include "nibble/io/safetensors.hpp"

namespace nibble::io {

class Llama2c {
 public:
  // Maps the file and checks its header against its size. The views hold as
  // long as this object or a copy of it.
  //
  // Errors   InputError naming file, field, found and expected.
  static Llama2c Open(const std::filesystem::path& path);

  // The same for bytes in memory, which must outlive the views.
  static Llama2c Parse(Bytes bytes, const std::string& name);

  const LlamaConfig& config() const { return config_; }

  // Under Hugging Face's names, F32. The rows of q_proj and k_proj are as the
  // file has them: within a head, channels 2i and 2i + 1 rotate together,
  // where Hugging Face has i and i + head_dim / 2. See HalvesOfPairs.
  const std::vector<TensorView>& tensors() const { return tensors_; }

 private:
  LlamaConfig config_;
  std::shared_ptr<const MappedFile> map_;
  std::vector<TensorView> tensors_;
};

// The rows of a projection [heads * head_dim, columns] reordered from pairs to
// halves: row 2i of a head goes to i, row 2i + 1 to i + head_dim / 2.
//
// Errors   std::invalid_argument if the size disagrees or head_dim is odd.
std::vector<float> HalvesOfPairs(std::span<const float> rows, std::size_t heads,
                                 std::size_t head_dim, std::size_t columns);

}  // namespace nibble::io
