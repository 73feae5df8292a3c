// Small random language models against a reference in double, and the ways to
// run one against each other.
#include "nibble/nn/language_model.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "hwy/tests/hwy_gtest.h"
#include "io_test.hpp"
#include "llama_data.hpp"
#include "llama_reference.hpp"
#include "network_data.hpp"
#include "nibble/io/file.hpp"
#include "nibble/io/safetensors.hpp"
#include "nibble/nn/approx_product.hpp"
#include "nibble/nn/llama.hpp"
#include "nibble/quant/tensor.hpp"

// Highway's macros want GoogleTest under the name ::testing.
namespace nn_test {
namespace {

using nibble::Calibration;
using nibble::InputError;
using nibble::ParseMultiplier;
using nibble::ParseScheme;
using nibble::ThreadPool;
using nibble::nn::KvCache;
using nibble::nn::LanguageModel;
using nibble::nn::Llama;
using nibble::nn::LlamaFile;
using nibble::nn::LoadLlama;
using nibble::nn::PlainProduct;
using nibble::nn::ProductOf;
using nibble::nn::ProductShape;
using nibble::nn::ProductsWhere;
using nibble::nn::QuantSpec;
using nibble::nn::Spec;
using nibble::nn::Unpacked;
using nibble::testing::LlamaReference;
using nibble::testing::RandomTokens;
using nibble::testing::TemporaryFolder;
using nibble::testing::TinyFile;
using nibble::testing::TinyLlama;

class LanguageModelTest : public hwy::TestWithParamTarget {};
HWY_TARGET_INSTANTIATE_TEST_SUITE_P(LanguageModelTest);

LlamaFile Load(const std::vector<std::byte>& bytes) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "m.bin";
  nibble::io::WriteFileAtomically(path, bytes);
  return LoadLlama(path);
}

// Logits of all tokens at once.
std::vector<float> LogitsOf(const LanguageModel& model,
                            const std::vector<int>& tokens) {
  KvCache cache;
  return model.Run(tokens, cache);
}

void ExpectNear(const std::vector<float>& found,
                const std::vector<double>& exact, double tolerance) {
  ASSERT_EQ(found.size(), exact.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(found[i], exact[i], tolerance) << i;
  }
}

// Where inputs are quantized, a value near a tie may go either way: one step of
// some inputs.
template <class T>
void ExpectMostlyNear(const std::vector<float>& found,
                      const std::vector<T>& exact) {
  ASSERT_EQ(found.size(), exact.size());
  std::size_t far = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    far += std::abs(found[i] - exact[i]) > 1e-4;
    ASSERT_NEAR(found[i], exact[i], 0.2) << i;
  }
  EXPECT_LT(far, found.size() / 5);
}

// Logits here are of the order of 3; two blocks of some 100 roundings each.
constexpr double kTolerance = 2e-5;

TEST_P(LanguageModelTest, EqualsTheReference) {
  unsigned seed = 1;
  for (const TinyLlama& tiny :
       {TinyLlama{}, TinyLlama{.vocab = -37}, TinyLlama{.kv_heads = 4},
        TinyLlama{.kv_heads = 1},
        TinyLlama{.dim = 8, .heads = 1, .kv_heads = 1},
        TinyLlama{.hidden = 64, .layers = 1, .vocab = 64}}) {
    const auto bytes = TinyFile(tiny, ++seed);
    const LlamaFile file = Load(bytes);
    const LanguageModel model(Llama(file.config), file.weights);
    const LlamaReference reference(bytes);
    const auto tokens = RandomTokens(70, reference.vocab, seed);
    ExpectNear(LogitsOf(model, tokens), reference.Run(tokens), kTolerance);
  }
}

TEST_P(LanguageModelTest, CutsAndThreadsDoNotChangeBits) {
  const LlamaFile file = Load(TinyFile({}, 3));
  const auto tokens = RandomTokens(100, 37, 4);
  ThreadPool pool(3);
  for (const QuantSpec& spec :
       {QuantSpec{}, Spec("int4/group8", ""), Spec("int8", "int8/token"),
        Spec("mxfp8_e4m3", "mxfp8_e4m3", "int8/token")}) {
    const LanguageModel model(Llama(file.config), file.weights, spec);
    const auto whole = LogitsOf(model, tokens);
    const std::size_t vocab = model.vocab();
    for (const std::size_t step : {1u, 7u, 64u, 99u}) {
      KvCache cache, last;
      for (std::size_t at = 0; at < tokens.size(); at += step) {
        const auto some =
            std::span(tokens).subspan(at, std::min(step, tokens.size() - at));
        const auto logits = model.Run(some, cache, pool.executor());
        ASSERT_TRUE(std::ranges::equal(
            logits, std::span(whole).subspan(at * vocab, logits.size())))
            << "step " << step << " at " << at;
        const auto end = model.RunLast(some, last);
        ASSERT_TRUE(std::ranges::equal(end, std::span(logits).last(vocab)));
      }
      EXPECT_EQ(cache.tokens, tokens.size());
    }
  }
}

// The names mean the same in Hugging Face's files: half-split rotation.
TEST_P(LanguageModelTest, SafetensorsGiveTheSameBits) {
  const LlamaFile file = Load(TinyFile({.vocab = -37}, 5));
  const auto model = Llama(file.config);
  const TemporaryFolder folder;
  std::vector<nibble::io::TensorView> views;
  for (const auto& layer : model.layers) {
    const auto shape = layer.weight_shape();
    if (!layer.has_weights() && layer.epsilon == 0) continue;
    views.push_back(
        nibble::io::ViewOf(layer.weight_name(), shape,
                           file.weights.Get(layer.weight_name(), shape)));
  }
  nibble::io::Write(folder.path() / "model.safetensors", views);
  nibble::io::WriteFileAtomically(
      folder.path() / "config.json",
      std::string_view(R"({"model_type": "llama", "vocab_size": 37,
        "hidden_size": 24, "intermediate_size": 27, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 150, "rms_norm_eps": 1e-5})"));
  const auto tokens = RandomTokens(30, 37, 6);
  const auto expected = LogitsOf(LanguageModel(model, file.weights), tokens);
  for (const auto& path :
       {folder.path(), folder.path() / "model.safetensors"}) {
    const LlamaFile other = LoadLlama(path);
    EXPECT_EQ(other.config, file.config);
    EXPECT_EQ(
        LogitsOf(LanguageModel(Llama(other.config), other.weights), tokens),
        expected);
  }
}

// A reference whose matrices are what the schemes leave of them.
LlamaReference Quantized(LlamaReference r, const std::string& weights,
                         const std::string& ends) {
  const auto change = [](const std::string& scheme, std::vector<float>& w,
                         std::size_t rows, std::size_t cols) {
    for (std::size_t at = 0; at < w.size(); at += rows * cols) {
      const auto matrix = std::span(w).subspan(at, rows * cols);
      nibble::QuantizeDequantize(ParseScheme(scheme), matrix, rows, cols,
                                 matrix);
    }
  };
  change(ends, r.embedding, r.vocab, r.dim);
  change(ends, r.classifier, r.vocab, r.dim);
  change(weights, r.wq, r.dim, r.dim);
  change(weights, r.wk, r.kv, r.dim);
  change(weights, r.wv, r.kv, r.dim);
  change(weights, r.wo, r.dim, r.dim);
  change(weights, r.w1, r.hidden, r.dim);
  change(weights, r.w2, r.dim, r.hidden);
  change(weights, r.w3, r.hidden, r.dim);
  return r;
}

// A hook that quantizes a token's channels.
LlamaReference::Hook Quantizing(const std::string& acts,
                                const std::string& ends) {
  return [=](const std::string& layer, std::vector<double>& x) {
    std::vector<float> v(x.begin(), x.end());
    nibble::QuantizeDequantize(ParseScheme(layer == "classifier" ? ends : acts),
                               v, 1, v.size(), v);
    x.assign(v.begin(), v.end());
  };
}

TEST_P(LanguageModelTest, WeightsUnderASchemeEqualTheReference) {
  const auto bytes = TinyFile({.vocab = -37}, 7);
  const LlamaFile file = Load(bytes);
  const auto tokens = RandomTokens(40, 37, 8);
  // Rows of q and k are reordered when loaded, which no scheme notices that
  // looks along rows or at the whole. Ends go for the last layer's input too.
  const std::string ends = "int6/group8";
  for (const char* scheme : {"int8/channel", "int4/group8", "mxfp4", "int3"}) {
    const LanguageModel model(Llama(file.config), file.weights,
                              Spec(scheme, "", ends));
    const auto hook = [&](const std::string& layer, std::vector<double>& x) {
      if (layer == "classifier") Quantizing(ends, ends)(layer, x);
    };
    ExpectMostlyNear(
        LogitsOf(model, tokens),
        Quantized(LlamaReference(bytes), scheme, ends).Run(tokens, hook));
  }
}

TEST_P(LanguageModelTest, InputsUnderASchemeEqualTheReference) {
  const auto bytes = TinyFile({.vocab = -37}, 9);
  const LlamaFile file = Load(bytes);
  const auto tokens = RandomTokens(40, 37, 10);
  for (const char* acts : {"int8/token", "mxfp8_e4m3", "int8/group8"}) {
    const LanguageModel model(Llama(file.config), file.weights,
                              Spec("int8/channel", acts, "int8/token"));
    const auto exact =
        Quantized(LlamaReference(bytes), "int8/channel", "int8/token")
            .Run(tokens, Quantizing(acts, "int8/token"));
    ExpectMostlyNear(LogitsOf(model, tokens), exact);
  }
}

TEST_P(LanguageModelTest, StaticRangesComeFromTheFloatModel) {
  const auto bytes = TinyFile({.vocab = -37}, 11);
  const LlamaFile file = Load(bytes);
  const std::vector<std::vector<int>> windows = {RandomTokens(60, 37, 12),
                                                 RandomTokens(45, 37, 13)};
  // Largest magnitude of each linear layer's input, by kind and block.
  std::vector<double> largest(15);
  std::size_t call = 0;
  for (const auto& window : windows) {
    LlamaReference(bytes).Run(window,
                              [&](const std::string&, std::vector<double>& x) {
                                double& most = largest[call++ % 15];
                                for (const double v : x)
                                  most = std::max(most, std::abs(v));
                              });
  }
  call = 0;
  const auto hook = [&](const std::string&, std::vector<double>& x) {
    const double step = largest[call++ % 15] / 127;
    for (double& v : x) {
      v = std::clamp(std::nearbyint(v / step), -127.0, 127.0) * step;
    }
  };
  const auto tokens = RandomTokens(30, 37, 14);
  const auto exact = LlamaReference(bytes).Run(tokens, hook);

  ThreadPool pool(3);
  LanguageModel one(Llama(file.config), file.weights, Spec("", "int8"));
  LanguageModel other(Llama(file.config), file.weights, Spec("", "int8"));
  EXPECT_TRUE(one.needs_calibration());
  EXPECT_THROW(LogitsOf(one, tokens), std::invalid_argument);
  EXPECT_THROW(one.Calibrate({}, Calibration::kAbsMax), std::invalid_argument);
  one.Calibrate(windows, Calibration::kAbsMax);
  other.Calibrate(windows, Calibration::kAbsMax, pool.executor());
  EXPECT_FALSE(one.needs_calibration());
  const auto found = LogitsOf(one, tokens);
  EXPECT_EQ(LogitsOf(other, tokens), found);
  ExpectMostlyNear(found, exact);
}

// Weights, activations and the last layer's all at once: the same ranges.
TEST_P(LanguageModelTest, ProductsGetTheQuantizedOperands) {
  const auto bytes = TinyFile({.vocab = -37}, 15);
  const LlamaFile file = Load(bytes);
  const auto tokens = RandomTokens(20, 37, 16);
  const std::vector<std::vector<int>> windows = {RandomTokens(50, 37, 17)};
  std::size_t calls = 0;
  const PlainProduct product =
      [&](const ProductShape& s, std::span<const float> a,
          std::span<const float> b, std::span<float> out) {
        ++calls;
        for (std::size_t m = 0; m < s.m; ++m) {
          for (std::size_t n = 0; n < s.n; ++n) {
            double sum = 0;
            for (std::size_t k = 0; k < s.k; ++k) {
              sum += double{a[m * s.k + k]} * double{b[n * s.k + k]};
            }
            out[m * s.n + n] = static_cast<float>(sum);
          }
        }
      };
  for (const QuantSpec& spec :
       {QuantSpec{}, Spec("int4/group8", ""), Spec("int8/channel", "int8"),
        Spec("", "mxfp8_e4m3"), Spec("int8", "int8/channel", "int8/token")}) {
    LanguageModel plain(Llama(file.config), file.weights, spec);
    LanguageModel by_product(Llama(file.config), file.weights, spec,
                             ProductsWhere(Unpacked(product), "all"));
    if (plain.needs_calibration()) {
      plain.Calibrate(windows, Calibration::kMse);
      by_product.Calibrate(windows, Calibration::kMse);
    }
    const auto expected = LogitsOf(plain, tokens);
    calls = 0;
    const auto found = LogitsOf(by_product, tokens);
    EXPECT_EQ(calls, 15 + 2 * 2 * (1 + tokens.size()));
    ExpectMostlyNear(found, expected);
  }
  LanguageModel nowhere(Llama(file.config), file.weights, {},
                        ProductsWhere(Unpacked(product), "conv"));
  EXPECT_EQ(LogitsOf(nowhere, tokens),
            LogitsOf(LanguageModel(Llama(file.config), file.weights), tokens));
}

// Multipliers of floats see many tokens at once, those of bytes one: either way
// a token's bits are its own.
TEST_P(LanguageModelTest, MultipliersSeeNoLaterToken) {
  const LlamaFile file = Load(TinyFile({}, 20));
  const auto tokens = RandomTokens(90, 37, 21);
  for (const char* name : {"lmul:k4", "lmul:bf16", "drum:k4", "lns:g4",
                           "apot:b4", "truncated:t5"}) {
    const LanguageModel model(
        Llama(file.config), file.weights, {},
        ProductsWhere(ProductOf(ParseMultiplier(name)), "all"));
    const auto whole = LogitsOf(model, tokens);
    KvCache cache;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      const auto one = model.Run(std::span(tokens).subspan(t, 1), cache);
      ASSERT_TRUE(std::ranges::equal(
          one, std::span(whole).subspan(t * one.size(), one.size())))
          << name << " " << t;
    }
  }
}

TEST_P(LanguageModelTest, RefusesWhatDoesNotFit) {
  const LlamaFile file = Load(TinyFile({}, 18));
  const auto table = Llama(file.config);
  const LanguageModel model(table, file.weights);
  KvCache cache;
  EXPECT_THROW(model.Run(std::vector<int>{37}, cache), std::invalid_argument);
  EXPECT_THROW(model.Run(std::vector<int>{-1}, cache), std::invalid_argument);
  EXPECT_THROW(model.Run(std::vector<int>(151), cache), std::invalid_argument);
  EXPECT_EQ(cache.tokens, 0u);
  EXPECT_TRUE(model.Run({}, cache).empty());
  EXPECT_TRUE(model.RunLast({}, cache).empty());
  EXPECT_EQ(model.Run(std::vector<int>(150), cache).size(), 150 * 37);
  EXPECT_THROW(model.Run(std::vector<int>{0}, cache), std::invalid_argument);
  const LlamaFile deep = Load(TinyFile({.layers = 3}, 19));
  KvCache other;
  LanguageModel(Llama(deep.config), deep.weights)
      .Run(std::vector<int>{0}, other);
  EXPECT_THROW(model.Run(std::vector<int>{0}, other), std::invalid_argument);

  const LlamaFile wide = Load(TinyFile({.kv_heads = 4}, 19));
  KvCache third;
  LanguageModel(Llama(wide.config), wide.weights)
      .Run(std::vector<int>{0}, third);
  EXPECT_THROW(model.Run(std::vector<int>{0}, third), std::invalid_argument);

  EXPECT_THROW(LanguageModel(Llama(deep.config), file.weights), InputError);
  const std::size_t sizes[] = {2, 2};
  EXPECT_THROW(LanguageModel(nibble::nn::Mlp(sizes), nibble::nn::Weights()),
               std::invalid_argument);
  auto config = file.config;
  config.kv_heads = 3;
  EXPECT_THROW(Llama(config), InputError);
}

}  // namespace
}  // namespace nn_test
