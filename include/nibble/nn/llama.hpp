// The llama architecture as a table of layers, and its files.
//
//     const nn::LlamaFile file = nn::LoadLlama("stories260K.bin");
//     nn::LanguageModel model(nn::Llama(file.config), file.weights);
//
//     x = embed_tokens[token]
//     for each block:
//       h = input_layernorm(x)
//       x = x + o_proj(attention(q_proj(h), k_proj(h), v_proj(h)))
//       h = post_attention_layernorm(x)
//       x = x + down_proj(silu(gate_proj(h)) * up_proj(h))
//     logits = lm_head(norm(x))
//
// Source   Touvron et al., arXiv:2302.13971; names as Hugging Face's
//          LlamaForCausalLM has them.
#pragma once

#include <filesystem>

#include "nibble/io/llama_config.hpp"
#include "nibble/nn/model.hpp"
#include "nibble/nn/weights.hpp"

namespace nibble::nn {

// Errors   InputError for sizes that make no model; see io::CheckLlamaConfig.
Model Llama(const io::LlamaConfig& config);

struct LlamaFile {
  io::LlamaConfig config;
  Weights weights;
};

// From a llama2.c file (.bin), or from safetensors (a file, an index or a
// folder) with a config.json beside it. q_proj and k_proj of llama2.c are
// reordered to Hugging Face's halves, so that the names mean the same in both.
//
// Errors   InputError naming file, field, found and expected.
LlamaFile LoadLlama(const std::filesystem::path& path);

}  // namespace nibble::nn
