#include "nibble/io/llama2c.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "nibble/core/check.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {
namespace {

constexpr std::size_t kHeaderBytes = 7 * 4;
constexpr std::uint32_t kMagic = 0x616b3432;  // of the later versions

std::size_t Positive(Bytes bytes, std::size_t index, const char* field,
                     const std::string& file) {
  const auto value = LoadLittle<std::int32_t>(bytes, 4 * index);
  if (value <= 0) {
    throw InputError(file, field, std::to_string(value), "a number above 0");
  }
  return static_cast<std::size_t>(value);
}

LlamaConfig HeaderOf(Bytes bytes, const std::string& file) {
  if (bytes.size() < kHeaderBytes) {
    throw InputError(file, "size", std::to_string(bytes.size()),
                     "at least 28 bytes");
  }
  if (LoadLittle<std::uint32_t>(bytes, 0) == kMagic) {
    throw InputError(file, "version",
                     std::to_string(LoadLittle<std::int32_t>(bytes, 4)),
                     "0, which has no magic number (export.py --version 0)");
  }
  LlamaConfig config;
  config.dim = Positive(bytes, 0, "dim", file);
  config.hidden = Positive(bytes, 1, "hidden_dim", file);
  config.layers = Positive(bytes, 2, "n_layers", file);
  config.heads = Positive(bytes, 3, "n_heads", file);
  config.kv_heads = Positive(bytes, 4, "n_kv_heads", file);
  const std::int64_t vocab = LoadLittle<std::int32_t>(bytes, 20);
  config.vocab = static_cast<std::size_t>(std::abs(vocab));
  config.tied = vocab > 0;
  config.context = Positive(bytes, 6, "max_seq_len", file);
  if (config.dim % config.heads != 0) {
    throw InputError(file, "n_heads", std::to_string(config.heads),
                     "a divisor of dim, " + std::to_string(config.dim));
  }
  config.head_dim = config.dim / config.heads;
  CheckLlamaConfig(config, file);
  return config;
}

// The floats after the header. CheckLlamaConfig keeps this far below 2^64.
std::size_t FloatsOf(const LlamaConfig& c) {
  const std::size_t kv = c.kv_heads * c.head_dim;
  const std::size_t layer =
      2 * c.dim + 2 * (c.dim + kv) * c.dim + 3 * c.hidden * c.dim;
  return c.vocab * c.dim * (c.tied ? 1 : 2) + c.layers * layer + c.dim +
         c.context * c.head_dim;
}

// Cuts the floats into tensors, in their order.
class Cutter {
 public:
  explicit Cutter(Bytes floats) : rest_(floats) {}

  TensorView Take(std::string name, std::vector<std::size_t> shape) {
    std::size_t count = 1;
    for (const std::size_t n : shape) count *= n;
    TensorView view{std::move(name), "F32", std::move(shape),
                    rest_.first(4 * count)};
    Skip(count);
    return view;
  }
  void Skip(std::size_t count) { rest_ = rest_.subspan(4 * count); }

 private:
  Bytes rest_;
};

}  // namespace

Llama2c Llama2c::Parse(Bytes bytes, const std::string& name) {
  Llama2c file;
  const LlamaConfig& c = file.config_ = HeaderOf(bytes, name);
  const std::size_t expected = kHeaderBytes + 4 * FloatsOf(c);
  if (bytes.size() != expected) {
    throw InputError(name, "size", std::to_string(bytes.size()),
                     std::to_string(expected) + " bytes, by the header");
  }
  Cutter cutter(bytes.subspan(kHeaderBytes));
  auto& tensors = file.tensors_;
  const auto each_layer = [&](const char* part,
                              const std::vector<std::size_t>& shape) {
    for (std::size_t l = 0; l < c.layers; ++l) {
      tensors.push_back(cutter.Take(
          "model.layers." + std::to_string(l) + "." + part + ".weight", shape));
    }
  };
  const std::size_t kv = c.kv_heads * c.head_dim;
  tensors.push_back(cutter.Take("model.embed_tokens.weight", {c.vocab, c.dim}));
  each_layer("input_layernorm", {c.dim});
  each_layer("self_attn.q_proj", {c.dim, c.dim});
  each_layer("self_attn.k_proj", {kv, c.dim});
  each_layer("self_attn.v_proj", {kv, c.dim});
  each_layer("self_attn.o_proj", {c.dim, c.dim});
  each_layer("post_attention_layernorm", {c.dim});
  each_layer("mlp.gate_proj", {c.hidden, c.dim});
  each_layer("mlp.down_proj", {c.dim, c.hidden});
  each_layer("mlp.up_proj", {c.hidden, c.dim});
  tensors.push_back(cutter.Take("model.norm.weight", {c.dim}));
  cutter.Skip(c.context * c.head_dim);
  if (!c.tied) {
    tensors.push_back(cutter.Take("lm_head.weight", {c.vocab, c.dim}));
  }
  return file;
}

Llama2c Llama2c::Open(const std::filesystem::path& path) {
  auto map = std::make_shared<const MappedFile>(MappedFile::Open(path));
  Llama2c file = Parse(map->bytes(), path.string());
  file.map_ = std::move(map);
  return file;
}

std::vector<float> HalvesOfPairs(std::span<const float> rows, std::size_t heads,
                                 std::size_t head_dim, std::size_t columns) {
  NIBBLE_CHECK("HalvesOfPairs", head_dim % 2 == 0);
  NIBBLE_CHECK("HalvesOfPairs", rows.size() == heads * head_dim * columns);
  std::vector<float> out(rows.size());
  for (std::size_t r = 0; r < heads * head_dim; ++r) {
    const std::size_t c = r % head_dim;
    const std::size_t to = r - c + c / 2 + c % 2 * (head_dim / 2);
    std::copy_n(rows.data() + r * columns, columns, out.data() + to * columns);
  }
  return out;
}

}  // namespace nibble::io
