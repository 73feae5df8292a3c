// stories260K against its published outputs, on every instruction set.
#include <algorithm>

#include "data.hpp"
#include "hwy/targets.h"
#include "nibble/core/executor.hpp"
#include "nibble/nn/language_model.hpp"
#include "nibble/nn/llama.hpp"

namespace nibble::nn {
namespace {

// Highway's own fixture fails where a test is skipped.
class StoriesTest : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};
INSTANTIATE_TEST_SUITE_P(
    Targets, StoriesTest,
    ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
    [](const auto& target) {
      return std::string(hwy::TargetName(target.param));
    });

std::vector<int> GoldenTokens() {
  const auto raw = nibble::testing::ReadRaw<std::int32_t>(
      "stories260K/golden_greedy_tokens_i32.bin");
  return {raw.begin(), raw.end()};
}

int Largest(std::span<const float> logits) {
  return static_cast<int>(std::ranges::max_element(logits) - logits.begin());
}

// 200 greedy tokens, logits of all of them: by llama2.c's own program.
TEST_P(StoriesTest, EqualsTheGoldenFiles) {
  NIBBLE_NEED_DATA("stories260K");
  const LlamaFile file =
      LoadLlama(nibble::testing::DataDir() / "stories260K/stories260K.bin");
  const LanguageModel model(Llama(file.config), file.weights);
  const auto golden = nibble::testing::ReadRaw<float>(
      "stories260K/golden_greedy_logits_f32.bin");
  const std::vector<int> tokens = GoldenTokens();
  const std::size_t vocab = model.vocab();
  ASSERT_EQ(golden.size(), tokens.size() * vocab);

  KvCache whole;
  const auto all = model.Run(tokens, whole);
  ASSERT_EQ(all.size(), golden.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_NEAR(all[i], golden[i], 1e-4) << i;
  }

  KvCache cache;
  int token = 1;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    ASSERT_EQ(token, tokens[t]) << t;
    const auto logits = model.Run(std::span(&token, 1), cache);
    ASSERT_TRUE(
        std::ranges::equal(logits, std::span(all).subspan(t * vocab, vocab)))
        << t;
    token = Largest(logits);
  }
}

}  // namespace
}  // namespace nibble::nn
