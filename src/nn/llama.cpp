#include "nibble/nn/llama.hpp"

#include <string>

#include "nibble/io/llama2c.hpp"
#include "src/nn/model_builder.hpp"

namespace nibble::nn {
namespace {

constexpr const char* kEmbeddingName = "model.embed_tokens";

// x + o_proj(attention(...)) of the normalized x; returns nothing, the sum is
// the last layer.
void AppendAttention(Builder& b, const io::LlamaConfig& c,
                     const std::string& block) {
  const int x = b.last();
  b.RmsNorm(block + "input_layernorm", x, c.norm_eps);
  const int h = b.last();
  const auto projection = [&](const char* name, int in, std::size_t channels) {
    b.Linear(block + "self_attn." + name, in, channels).bias = c.attention_bias;
    return b.last();
  };
  const int q = projection("q_proj", h, c.heads * c.head_dim);
  const int k = projection("k_proj", h, c.kv_heads * c.head_dim);
  const int v = projection("v_proj", h, c.kv_heads * c.head_dim);
  Layer& attention = b.Attention(block + "self_attn", q, k, v);
  attention.heads = c.heads;
  attention.kv_heads = c.kv_heads;
  attention.rope_theta = c.rope_theta;
  projection("o_proj", b.last(), c.dim);
  b.Add(block + "self_attn.add", b.last(), x).relu = false;
}

void AppendMlp(Builder& b, const io::LlamaConfig& c, const std::string& block) {
  const int x = b.last();
  b.RmsNorm(block + "post_attention_layernorm", x, c.norm_eps);
  const int h = b.last();
  b.Linear(block + "mlp.gate_proj", h, c.hidden).bias = c.mlp_bias;
  const int gate = b.last();
  b.Linear(block + "mlp.up_proj", h, c.hidden).bias = c.mlp_bias;
  b.Gate(block + "mlp.gate", gate, b.last());
  b.Linear(block + "mlp.down_proj", b.last(), c.dim).bias = c.mlp_bias;
  b.Add(block + "mlp.add", b.last(), x).relu = false;
}

}  // namespace

Model Llama(const io::LlamaConfig& config) {
  io::CheckLlamaConfig(config, "Llama");
  Model model;
  model.name = "llama";
  model.input = {1, 1, config.vocab};
  model.context = config.context;
  Builder b(model);
  b.Embedding(kEmbeddingName, config.dim);
  for (std::size_t l = 0; l < config.layers; ++l) {
    const std::string block = "model.layers." + std::to_string(l) + ".";
    AppendAttention(b, config, block);
    AppendMlp(b, config, block);
  }
  b.RmsNorm("model.norm", b.last(), config.norm_eps);
  Layer& head = b.Linear("lm_head", b.last(), config.vocab);
  head.bias = false;
  if (config.tied) head.tied = kEmbeddingName;
  b.Finish();
  return model;
}

LlamaFile LoadLlama(const std::filesystem::path& path) {
  if (path.extension() != ".bin") {
    return {io::ReadLlamaConfig(path), Weights::Load(path)};
  }
  const auto file = io::Llama2c::Open(path);
  const io::LlamaConfig& c = file.config();
  LlamaFile out{c, Weights(path.string())};
  for (const io::TensorView& view : file.tensors()) {
    auto values = io::ToFloat(view);
    if (view.name.ends_with(".q_proj.weight")) {
      values = io::HalvesOfPairs(values, c.heads, c.head_dim, c.dim);
    } else if (view.name.ends_with(".k_proj.weight")) {
      values = io::HalvesOfPairs(values, c.kv_heads, c.head_dim, c.dim);
    }
    out.weights.Set(view.name, view.shape, std::move(values));
  }
  return out;
}

}  // namespace nibble::nn
