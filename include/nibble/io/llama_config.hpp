// The sizes of a llama-architecture language model: Hugging Face's config.json,
// or the header of a llama2.c file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace nibble::io {

struct LlamaConfig {
  std::size_t vocab = 0;     // tokens
  std::size_t dim = 0;       // channels of the residual stream
  std::size_t hidden = 0;    // channels inside the gated MLP
  std::size_t layers = 0;    // blocks of attention and MLP
  std::size_t heads = 0;     // of queries
  std::size_t kv_heads = 0;  // of keys and values; divides heads
  std::size_t head_dim = 0;  // channels of a head; even
  std::size_t context = 0;   // longest sequence, tokens
  float rope_theta = 10000;  // base of the rotary embedding's wavelengths
  float norm_eps = 1e-5f;    // joins the mean of squares in RMS norm
  bool tied = false;         // the classifier is the embedding's matrix
  bool attention_bias = false, mlp_bias = false;  // of the linear layers

  bool operator==(const LlamaConfig&) const = default;
};

// Whether the sizes make a model: positive, not absurd (at most 2^20 channels
// and heads, 2^24 tokens, 4,096 layers), kv_heads divides heads, head_dim even,
// theta and eps positive and finite.
//
// Errors   InputError naming `where`, field, found and expected.
void CheckLlamaConfig(const LlamaConfig& config, const std::string& where);

// Reads the text of a config.json; `name` stands for it in messages. Absent
// keys have the defaults of Hugging Face's LlamaConfig.
//
// Errors   InputError also for text that is no JSON object, a key that is
//          absent or of another type, and whatever would make another network:
//          a model_type other than "llama", an activation other than "silu",
//          rope_scaling.
LlamaConfig ParseLlamaConfig(std::string_view json, const std::string& name);

// Of a config.json, a folder that holds one, a safetensors file or index in
// such a folder, or a llama2.c file (.bin).
LlamaConfig ReadLlamaConfig(const std::filesystem::path& path);

}  // namespace nibble::io
