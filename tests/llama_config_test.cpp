// config.json and sharded checkpoints.
#include "nibble/io/llama_config.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io_test.hpp"
#include "nibble/io/checkpoint.hpp"

namespace nibble::io {
namespace {

namespace fs = std::filesystem;
using nibble::testing::Refusal;

constexpr const char* kConfig = R"({
  "architectures": ["LlamaForCausalLM"], "model_type": "llama",
  "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 172,
  "max_position_embeddings": 512, "num_attention_heads": 8,
  "num_hidden_layers": 5, "num_key_value_heads": 4, "rms_norm_eps": 1e-05,
  "rope_scaling": null, "rope_theta": 500000.0,
  "tie_word_embeddings": true, "vocab_size": 512})";

// kConfig with one key's value replaced, or added.
std::string With(const std::string& key, const std::string& value) {
  std::string text = kConfig;
  const auto at = text.find("\"" + key + "\"");
  if (at == std::string::npos) {
    text.insert(text.rfind('}'), ", \"" + key + "\": " + value);
    return text;
  }
  const auto begin = text.find(':', at) + 1;
  return text.replace(begin, text.find_first_of(",}", begin) - begin,
                      " " + value);
}

LlamaConfig Parse(const std::string& text) {
  return ParseLlamaConfig(text, "config.json");
}

TEST(LlamaConfig, ReadsEveryKey) {
  LlamaConfig expected;
  expected.vocab = 512, expected.dim = 64, expected.hidden = 172;
  expected.layers = 5, expected.heads = 8, expected.kv_heads = 4;
  expected.head_dim = 8, expected.context = 512;
  expected.rope_theta = 500000, expected.norm_eps = 1e-5f;
  expected.tied = true;
  EXPECT_EQ(Parse(kConfig), expected);
  expected.head_dim = 32;
  EXPECT_EQ(Parse(With("head_dim", "32")), expected);
  expected.head_dim = 8;
  expected.attention_bias = expected.mlp_bias = true;
  std::string biased = With("attention_bias", "true");
  biased.insert(biased.rfind('}'), ", \"mlp_bias\": true");
  EXPECT_EQ(Parse(biased), expected);
}

TEST(LlamaConfig, AbsentKeysHaveHuggingFacesDefaults) {
  const LlamaConfig c = Parse(R"({"vocab_size": 10, "hidden_size": 8,
      "intermediate_size": 6, "num_hidden_layers": 1,
      "num_attention_heads": 2})");
  EXPECT_EQ(c.kv_heads, 2u);
  EXPECT_EQ(c.head_dim, 4u);
  EXPECT_EQ(c.context, 2048u);
  EXPECT_EQ(c.rope_theta, 10000.0f);
  EXPECT_EQ(c.norm_eps, 1e-6f);
  EXPECT_FALSE(c.tied);
}

TEST(LlamaConfig, RefusesOtherNetworksAndLies) {
  EXPECT_REFUSED(Parse("[1, 2"),
                 "config.json: text: found \"[1, 2\", expected a JSON object");
  EXPECT_REFUSED(Parse(With("model_type", "\"mistral\"")),
                 "config.json: model_type: found \"\\x22mistral\\x22\", "
                 "expected \"llama\"");
  EXPECT_REFUSED(Parse(With("hidden_act", "\"gelu\"")),
                 "config.json: hidden_act: found \"\\x22gelu\\x22\", "
                 "expected \"silu\"");
  EXPECT_REFUSED(Parse(With("rope_scaling", "8")),
                 "config.json: rope_scaling: found \"8\", expected null: "
                 "nothing of the kind is supported");
  EXPECT_REFUSED(Parse(With("hidden_size", "null")),
                 "config.json: hidden_size: found nothing, expected a whole "
                 "number");
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{
           {"hidden_size", "-64"},
           {"hidden_size", "63"},
           {"hidden_size", "0"},
           {"hidden_size", "6.4e1"},
           {"hidden_size", "\"64\""},
           {"num_attention_heads", "0"},
           {"num_key_value_heads", "3"},
           {"head_dim", "7"},
           {"head_dim", "0"},
           {"vocab_size", "1e99"},
           {"vocab_size", "16777217"},
           {"num_hidden_layers", "4097"},
           {"rope_theta", "0"},
           {"rope_theta", "1e300"},
           {"rms_norm_eps", "-1"},
           {"rope_theta", "\"x\""},
           {"attention_bias", "1"},
           {"tie_word_embeddings", "\"no\""},
           {"max_position_embeddings", "0"},
           {"head_dim", "1048576"}}) {
    const std::string text = With(key, value);
    EXPECT_NE(Refusal([&] { Parse(text); }), "")
        << key << " " << value;
  }
}

TEST(LlamaConfig, IsFoundBesideItsFiles) {
  const nibble::testing::TemporaryFolder folder;
  WriteFileAtomically(folder.path() / "config.json", std::string_view(kConfig));
  const LlamaConfig expected = Parse(kConfig);
  EXPECT_EQ(ReadLlamaConfig(folder.path()), expected);
  for (const char* name :
       {"config.json", "model.safetensors", "model.safetensors.index.json"}) {
    EXPECT_EQ(ReadLlamaConfig(folder.path() / name), expected) << name;
  }
  EXPECT_NE(
      Refusal([&] { ReadLlamaConfig(folder.path() / "a/b.safetensors"); }), "");
}

// Two files and the index that `map` gives.
class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::vector<float> one = {1}, two = {2, 3};
    WriteShard("a.safetensors", {ViewOf("x", {1}, std::span(one))});
    WriteShard("b.safetensors", {ViewOf("y", {2}, std::span(two))});
  }
  void WriteShard(const char* name, const std::vector<TensorView>& tensors) {
    Write(folder_.path() / name, tensors);
  }
  fs::path Index(const std::string& map) {
    const auto path = folder_.path() / "model.safetensors.index.json";
    WriteFileAtomically(path, "{\"weight_map\": {" + map + "}}");
    return path;
  }
  std::string Said(const std::string& map) {
    return Refusal([&] { Checkpoint::Open(Index(map)); });
  }

  nibble::testing::TemporaryFolder folder_;
};

TEST_F(CheckpointTest, JoinsTheFilesOfAnIndex) {
  Index(R"("x": "a.safetensors", "y": "b.safetensors")");
  for (const auto& path :
       {folder_.path(), folder_.path() / "model.safetensors.index.json"}) {
    const auto checkpoint = Checkpoint::Open(path);
    ASSERT_EQ(checkpoint.tensors.size(), 2u);
    EXPECT_EQ(checkpoint.tensors[0].name, "x");
    EXPECT_EQ(ToFloat(checkpoint.tensors[1]), (std::vector<float>{2, 3}));
  }
  EXPECT_EQ(Checkpoint::Open(folder_.path() / "a.safetensors").tensors.size(),
            1u);
}

TEST_F(CheckpointTest, RefusesAnIndexThatLies) {
  EXPECT_NE(Said(R"("x": "a.safetensors", "z": "b.safetensors")").find("\"z\""),
            std::string::npos);
  EXPECT_NE(Said(R"("x": "c.safetensors")").find("c.safetensors"),
            std::string::npos);
  // A tensor of the file that the index does not name.
  WriteShard("a.safetensors", {});
  EXPECT_NE(Said(R"("y": "b.safetensors", "x": "a.safetensors")"), "");
  EXPECT_NE(Said(""), "");
  for (const char* name : {"../a.safetensors", "/etc/passwd", "", "..", "a/b",
                           "a\\\\b", "\\u0000"}) {
    EXPECT_NE(Said("\"x\": \"" + std::string(name) + "\"")
                  .find("the name of a file in the same folder"),
              std::string::npos)
        << name;
  }
  EXPECT_NE(Said("\"x\": 1"), "");
}

TEST_F(CheckpointTest, RefusesATensorThatTheIndexDoesNotName) {
  const std::vector<float> one = {1};
  WriteShard("a.safetensors", {ViewOf("x", {1}, std::span(one)),
                               ViewOf("y", {1}, std::span(one))});
  EXPECT_NE(Said(R"("x": "a.safetensors", "y": "b.safetensors")")
                .find("that the index does not name"),
            std::string::npos);
}

TEST(ParseIndex, RefusesOtherJson) {
  for (const char* text : {"", "[]", "{}", "{\"weight_map\": []}", "nul"}) {
    EXPECT_NE(Refusal([&] { ParseIndex(text, "index"); }), "") << text;
  }
}

}  // namespace
}  // namespace nibble::io
