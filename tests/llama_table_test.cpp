// Llama's table of layers: shapes, names, and what it costs.
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

#include "network_data.hpp"
#include "nibble/core/check.hpp"
#include "nibble/cost/cost.hpp"
#include "nibble/nn/llama.hpp"

namespace nibble::nn {
namespace {

io::LlamaConfig Config(std::size_t vocab, std::size_t dim, std::size_t hidden,
                       std::size_t layers, std::size_t heads,
                       std::size_t kv_heads, std::size_t context, bool tied) {
  io::LlamaConfig c;
  c.vocab = vocab, c.dim = dim, c.hidden = hidden, c.layers = layers;
  c.heads = heads, c.kv_heads = kv_heads, c.head_dim = dim / heads;
  c.context = context, c.tied = tied;
  return c;
}
io::LlamaConfig Stories260K() {
  return Config(512, 64, 172, 5, 8, 4, 512, true);
}

// Elements of all tensors that the table names, shared ones once.
std::uint64_t Parameters(const Model& model) {
  std::set<std::string> seen;
  std::uint64_t total = 0;
  for (const Layer& layer : model.layers) {
    if (!layer.has_weights() && layer.kind != LayerKind::kRmsNorm) continue;
    if (!seen.insert(layer.weight_name()).second) continue;
    std::uint64_t count = 1;
    for (const std::size_t n : layer.weight_shape()) count *= n;
    total += count;
  }
  return total;
}

TEST(LlamaTable, IsConsistent) {
  for (const bool tied : {true, false}) {
    auto config = Stories260K();
    config.tied = tied;
    const Model model = Llama(config);
    std::set<std::string> names;
    std::size_t firsts = 0, lasts = 0;
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
      const Layer& layer = model.layers[i];
      EXPECT_TRUE(names.insert(layer.name).second) << layer.name;
      for (const int from : {layer.input, layer.input2, layer.input3}) {
        EXPECT_LT(from, static_cast<int>(i)) << layer.name;
      }
      EXPECT_EQ(layer.in, model.shape(layer.input)) << layer.name;
      EXPECT_FALSE(layer.relu || layer.bias) << layer.name;
      firsts += layer.role == Role::kFirst;
      lasts += layer.role == Role::kLast;
    }
    EXPECT_EQ(firsts, 1u);
    EXPECT_EQ(lasts, 1u);
    EXPECT_EQ(model.layers.front().role, Role::kFirst);
    EXPECT_EQ(model.layers.back().role, Role::kLast);
    EXPECT_EQ(model.layers.back().weight_name(),
              tied ? "model.embed_tokens.weight" : "lm_head.weight");
    EXPECT_EQ(model.classes, 512u);
    EXPECT_EQ(model.context, 512u);
  }
}

TEST(LlamaTable, BiasesWhereTheConfigHasThem) {
  auto config = Stories260K();
  config.attention_bias = true;
  for (const Layer& layer : Llama(config).layers) {
    EXPECT_EQ(layer.bias, layer.kind == LayerKind::kLinear &&
                              layer.name.find("self_attn") != std::string::npos)
        << layer.name;
  }
}

// Numbers of parameters as published: github.com/karpathy/llama2.c (the sizes
// of stories15M), Hugging Face's pages of TinyLlama-1.1B and Llama-2-7b.
TEST(LlamaTable, HasAllParametersOfKnownModels) {
  EXPECT_EQ(Parameters(Llama(Stories260K())), 260032u);
  EXPECT_EQ(Parameters(Llama(
                Config(32000, 288, 768, 6, 6, 6, 256, true))),
            15191712u);
  EXPECT_EQ(Parameters(Llama(
                Config(32000, 2048, 5632, 22, 32, 4, 2048, false))),
            1100048384u);
  EXPECT_EQ(Parameters(Llama(
                Config(32000, 4096, 11008, 32, 32, 32, 4096, false))),
            6738415616u);
}

TEST(LlamaTable, CostIsCountedByHand) {
  const Model model = Llama(Stories260K());
  const cost::Cost exact = cost::Count(model);
  // A block: q, o of 64x64, k, v of 32x64, three of 172x64; then the
  // classifier; and two products of 64 channels with (512 + 1) / 2 tokens.
  const std::uint64_t block = 2 * 64 * 64 + 2 * 32 * 64 + 3 * 172 * 64;
  const std::uint64_t linear = 5 * block + 512 * 64;
  const std::uint64_t attention = 5 * 513 * 64;
  EXPECT_EQ(exact.macs, linear + attention);
  EXPECT_EQ(exact.weights, 5 * block + 512 * 64);  // the embedding once
  EXPECT_EQ(exact.quadratic, 256 * exact.macs);
  EXPECT_EQ(exact.bytes, 2 * exact.weights);

  const cost::Cost int8 =
      cost::Count(model, Spec("int4/channel", "int8", "int8/channel"));
  EXPECT_EQ(int8.quadratic,
            5 * block * 4 * 8 + 512 * 64 * 8 * 8 + attention * 256);
  EXPECT_EQ(int8.memory_bits, 5 * block * 4 + 512 * 64 * 8);
  auto config = Stories260K();
  config.tied = false;
  EXPECT_EQ(cost::Count(Llama(config)).weights, exact.weights + 512 * 64);
  EXPECT_EQ(cost::Count(Llama(config)).macs, exact.macs);
}

}  // namespace
}  // namespace nibble::nn
