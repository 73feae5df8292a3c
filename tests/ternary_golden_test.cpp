// A tiny MatMul-free language model, as its authors' own files compute it:
// ternary weights, the codes that enter each layer, and the logits.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "data.hpp"
#include "nibble/io/safetensors.hpp"
#include "nibble/quant/norm_quantize.hpp"
#include "nibble/quant/ternary_gemm.hpp"

namespace nibble {
namespace {

const char kFolder[] = "golden/mmfree_tiny";

io::SafeTensors Open(const std::string& name) {
  return io::SafeTensors::Open(testing::DataDir() / kFolder /
                               (name + ".safetensors"));
}

std::vector<std::int8_t> Codes(const io::TensorView& tensor) {
  EXPECT_EQ(tensor.dtype, "I8");
  const auto* data = reinterpret_cast<const std::int8_t*>(tensor.data.data());
  return {data, data + tensor.data.size()};
}

TEST(TernaryGolden, WeightsOfEveryLayer) {
  NIBBLE_NEED_DATA(kFolder);
  const auto model = Open("model"), golden = Open("golden_states");
  int layers = 0;
  for (const io::TensorView& tensor : golden.tensors()) {
    if (!tensor.name.starts_with("weight.")) continue;
    const auto w = io::ToFloat(model.Get(tensor.name.substr(7) + ".weight"));
    std::vector<std::int8_t> t(w.size());
    Ternarize(w, t);
    EXPECT_EQ(t, Codes(tensor)) << tensor.name;
    ++layers;
  }
  EXPECT_EQ(layers, 19);
}

// The three projections that share an input: one norm's rstd, three weights.
TEST(TernaryGolden, CodesThatEnterTheProjections) {
  NIBBLE_NEED_DATA(kFolder);
  const auto model = Open("model"), golden = Open("robust_forward");
  const std::size_t m = 48, k = 64;
  for (int layer = 0; layer < 3; ++layer) {
    const std::string name = "model.layers." + std::to_string(layer);
    const auto x = io::ToFloat(golden.Get(
        layer == 0 ? "embedded" : "block." + std::to_string(layer - 1)));
    const auto norm = io::ToFloat(model.Get(name + ".attn_norm.weight"));
    std::vector<float> u(m * k);
    RmsNorm(x, m, k, norm, kRmsNormEps, u);
    std::array<std::vector<float>, 3> weights, s_a;
    std::array<std::vector<std::int8_t>, 3> q;
    std::vector<NormedCodes> norms;
    const char* const kNames[] = {"i_proj", "f_proj", "g_proj"};
    for (std::size_t i = 0; i < 3; ++i) {
      weights[i] =
          io::ToFloat(model.Get(name + ".attn." + kNames[i] + ".norm.weight"));
      q[i].resize(m * k);
      s_a[i].resize(m);
      norms.push_back({weights[i], q[i], s_a[i]});
    }
    RmsNormQuantize(u, m, k, kRmsNormEps, norms);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(q[i], Codes(golden.Get("act." + name + ".attn." + kNames[i])))
          << name << kNames[i];
    }
  }
}

TEST(TernaryGolden, Logits) {
  NIBBLE_NEED_DATA(kFolder);
  const auto model = Open("model"), golden = Open("robust_forward");
  const std::size_t m = 48, k = 64, n = 96;
  const auto x = io::ToFloat(golden.Get("final_norm"));
  const auto norm = io::ToFloat(model.Get("lm_head.norm.weight"));
  std::vector<std::int8_t> q(m * k);
  std::vector<float> s_a(m), logits(m * n);
  RmsNormQuantize(x, m, k, norm, kRmsNormEps, q, s_a);
  EXPECT_EQ(q, Codes(golden.Get("act.lm_head")));
  const auto w = io::ToFloat(model.Get("lm_head.weight"));
  const auto expected = io::ToFloat(golden.Get("logits"));
  for (const TernaryPacking packing :
       {TernaryPacking::kTwoBits, TernaryPacking::kBase3}) {
    TernaryGemm(PackTernary(w, n, k, packing), m, q, s_a, logits);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      ASSERT_NEAR(logits[i], expected[i], 1e-5);
    }
  }
}

}  // namespace
}  // namespace nibble
