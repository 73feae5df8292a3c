#include "nibble/io/llama_config.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <system_error>

#include "nibble/core/check.hpp"
#include "nibble/io/llama2c.hpp"
#include "nibble/io/mapped_file.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::size_t kMostChannels = 1 << 20;
constexpr std::size_t kMostTokens = 1 << 24;
constexpr std::size_t kMostLayers = 4096;

// The keys of one config.json.
class Keys {
 public:
  Keys(const json& object, const std::string& file)
      : object_(object), file_(file) {}

  bool Has(const char* key) const {
    return object_.contains(key) && !object_[key].is_null();
  }
  std::size_t Count(const char* key) const {
    if (!Has(key)) Refuse(key, "a whole number");
    return Count(key, 0);
  }
  std::size_t Count(const char* key, std::size_t fallback) const {
    if (!Has(key)) return fallback;
    if (!object_[key].is_number_unsigned()) Refuse(key, "a whole number");
    return object_[key].get<std::size_t>();
  }
  float Number(const char* key, float fallback) const {
    if (!Has(key)) return fallback;
    if (!object_[key].is_number()) Refuse(key, "a number");
    return static_cast<float>(object_[key].get<double>());
  }
  bool Flag(const char* key, bool fallback) const {
    if (!Has(key)) return fallback;
    if (!object_[key].is_boolean()) Refuse(key, "true or false");
    return object_[key].get<bool>();
  }
  // `key` must be absent or that text.
  void Expect(const char* key, const std::string& text) const {
    if (Has(key) && object_[key] != text) Refuse(key, Quoted(text));
  }
  void ExpectNone(const char* key) const {
    if (Has(key)) Refuse(key, "null: nothing of the kind is supported");
  }

 private:
  [[noreturn]] void Refuse(const char* key, const std::string& expected) const {
    throw InputError(file_, key,
                     Has(key)
                         ? Quoted(object_[key].dump(
                               -1, ' ', true, json::error_handler_t::replace))
                         : "nothing",
                     expected);
  }

  const json& object_;
  const std::string& file_;
};

void CheckCount(std::size_t value, std::size_t most, const char* field,
                const std::string& where) {
  if (value == 0 || value > most) {
    throw InputError(where, field, std::to_string(value),
                     "1 to " + std::to_string(most));
  }
}

void CheckPositive(float value, const char* field, const std::string& where) {
  if (!(value > 0) || !std::isfinite(value)) {
    throw InputError(where, field, std::to_string(value), "a number above 0");
  }
}

}  // namespace

void CheckLlamaConfig(const LlamaConfig& c, const std::string& where) {
  CheckCount(c.vocab, kMostTokens, "vocabulary", where);
  CheckCount(c.dim, kMostChannels, "channels", where);
  CheckCount(c.hidden, kMostChannels, "hidden channels", where);
  CheckCount(c.layers, kMostLayers, "layers", where);
  CheckCount(c.heads, kMostChannels, "heads", where);
  CheckCount(c.kv_heads, kMostChannels, "key and value heads", where);
  CheckCount(c.head_dim, kMostChannels, "channels of a head", where);
  CheckCount(c.heads * c.head_dim, kMostChannels, "channels of all heads",
             where);
  CheckCount(c.context, kMostTokens, "longest sequence", where);
  if (c.heads % c.kv_heads != 0) {
    throw InputError(where, "key and value heads", std::to_string(c.kv_heads),
                     "a divisor of " + std::to_string(c.heads) + " heads");
  }
  if (c.head_dim % 2 != 0) {
    throw InputError(where, "channels of a head", std::to_string(c.head_dim),
                     "an even number, of pairs to rotate");
  }
  CheckPositive(c.rope_theta, "rope_theta", where);
  CheckPositive(c.norm_eps, "epsilon of the norms", where);
}

LlamaConfig ParseLlamaConfig(std::string_view text, const std::string& name) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) {
    throw InputError(name, "text", Quoted(text.substr(0, 20)), "a JSON object");
  }
  const Keys keys(object, name);
  keys.Expect("model_type", "llama");
  keys.Expect("hidden_act", "silu");
  keys.ExpectNone("rope_scaling");
  LlamaConfig c;
  c.vocab = keys.Count("vocab_size");
  c.dim = keys.Count("hidden_size");
  c.hidden = keys.Count("intermediate_size");
  c.layers = keys.Count("num_hidden_layers");
  c.heads = keys.Count("num_attention_heads");
  c.kv_heads = keys.Count("num_key_value_heads", c.heads);
  c.context = keys.Count("max_position_embeddings", 2048);
  if (!keys.Has("head_dim") && (c.heads == 0 || c.dim % c.heads != 0)) {
    throw InputError(name, "num_attention_heads", std::to_string(c.heads),
                     "a divisor of hidden_size, " + std::to_string(c.dim));
  }
  c.head_dim = keys.Has("head_dim") ? keys.Count("head_dim") : c.dim / c.heads;
  c.rope_theta = keys.Number("rope_theta", 10000);
  c.norm_eps = keys.Number("rms_norm_eps", 1e-6f);
  c.tied = keys.Flag("tie_word_embeddings", false);
  c.attention_bias = keys.Flag("attention_bias", false);
  c.mlp_bias = keys.Flag("mlp_bias", false);
  CheckLlamaConfig(c, name);
  return c;
}

LlamaConfig ReadLlamaConfig(const fs::path& path) {
  if (path.extension() == ".bin") return Llama2c::Open(path).config();
  const bool config = path.extension() == ".json" &&
                      !path.filename().string().ends_with(".index.json");
  std::error_code error;  // Whatever it is, opening the file tells it better.
  const bool folder = fs::is_directory(path, error);
  const fs::path file =
      config ? path : (folder ? path : path.parent_path()) / "config.json";
  const MappedFile map = MappedFile::Open(file);
  return ParseLlamaConfig(AsText(map.bytes()), file.string());
}

}  // namespace nibble::io
