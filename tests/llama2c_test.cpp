// llama2.c's model files: what is read, and every way in which they can lie.
#include "nibble/io/llama2c.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "io_test.hpp"

namespace nibble::io {
namespace {

using nibble::testing::Append;
using nibble::testing::ByteVector;
using nibble::testing::Refusal;

struct Header {
  std::int32_t dim = 4, hidden = 3, layers = 2, heads = 2, kv_heads = 1,
               vocab = 5, context = 6;
};

std::size_t Floats(const Header& h) {
  const auto n = [](std::int32_t v) { return static_cast<std::size_t>(v); };
  const std::size_t kv = n(h.dim / h.heads * h.kv_heads);
  return n(std::abs(h.vocab)) * n(h.dim) * (h.vocab < 0 ? 2 : 1) +
         n(h.layers) * (2 * n(h.dim) + 2 * n(h.dim) * n(h.dim) +
                        2 * kv * n(h.dim) + 3 * n(h.hidden) * n(h.dim)) +
         n(h.dim) + n(h.context) * n(h.dim / h.heads);
}

// The header, then 0, 1, 2, ... as floats.
ByteVector File(const Header& h, std::size_t floats) {
  ByteVector bytes;
  for (const std::int32_t v :
       {h.dim, h.hidden, h.layers, h.heads, h.kv_heads, h.vocab, h.context}) {
    Append(bytes, v);
  }
  for (std::size_t i = 0; i < floats; ++i) {
    Append(bytes, static_cast<float>(i));
  }
  return bytes;
}
ByteVector File(const Header& h) { return File(h, Floats(h)); }

float FirstOf(const Llama2c& file, const std::string& name,
              const std::vector<std::size_t>& shape) {
  for (const TensorView& tensor : file.tensors()) {
    if (tensor.name != name) continue;
    EXPECT_EQ(tensor.shape, shape) << name;
    EXPECT_EQ(tensor.dtype, "F32");
    return ToFloat(tensor)[0];
  }
  ADD_FAILURE() << name;
  return -1;
}

TEST(Llama2c, CutsTheFloatsInTheirOrder) {
  const ByteVector bytes = File({});
  const auto file = Llama2c::Parse(bytes, "m.bin");
  LlamaConfig expected;
  expected.vocab = 5, expected.dim = 4, expected.hidden = 3;
  expected.layers = 2, expected.heads = 2, expected.kv_heads = 1;
  expected.head_dim = 2, expected.context = 6, expected.tied = true;
  EXPECT_EQ(file.config(), expected);
  EXPECT_EQ(file.tensors().size(), 2 + 2 * 9);
  EXPECT_EQ(FirstOf(file, "model.embed_tokens.weight", {5, 4}), 0);
  EXPECT_EQ(FirstOf(file, "model.layers.1.input_layernorm.weight", {4}), 24);
  EXPECT_EQ(FirstOf(file, "model.layers.0.self_attn.q_proj.weight", {4, 4}),
            28);
  EXPECT_EQ(FirstOf(file, "model.layers.0.self_attn.k_proj.weight", {2, 4}),
            60);
  EXPECT_EQ(FirstOf(file, "model.layers.0.self_attn.v_proj.weight", {2, 4}),
            76);
  EXPECT_EQ(FirstOf(file, "model.layers.1.self_attn.o_proj.weight", {4, 4}),
            108);
  EXPECT_EQ(
      FirstOf(file, "model.layers.0.post_attention_layernorm.weight", {4}),
      124);
  EXPECT_EQ(FirstOf(file, "model.layers.0.mlp.gate_proj.weight", {3, 4}), 132);
  EXPECT_EQ(FirstOf(file, "model.layers.0.mlp.down_proj.weight", {4, 3}), 156);
  EXPECT_EQ(FirstOf(file, "model.layers.0.mlp.up_proj.weight", {3, 4}), 180);
  EXPECT_EQ(FirstOf(file, "model.norm.weight", {4}), 204);
}

TEST(Llama2c, NegativeVocabularyHasItsOwnClassifier) {
  const Header header{.vocab = -5};
  const ByteVector bytes = File(header);
  const auto file = Llama2c::Parse(bytes, "m.bin");
  EXPECT_FALSE(file.config().tied);
  EXPECT_EQ(file.config().vocab, 5u);
  // Behind the tables of the rotary embedding, 6 * 2 floats.
  EXPECT_EQ(FirstOf(file, "lm_head.weight", {5, 4}), 208 + 12);
}

TEST(Llama2c, RefusesWhatIsCutOrLies) {
  const auto parse = [](const ByteVector& bytes) {
    return Llama2c::Parse(bytes, "m.bin");
  };
  nibble::testing::ExpectEveryPrefixRefused(File({}), parse);
  nibble::testing::ExpectNoDamageEscapes(File({}, 0), parse);
  EXPECT_REFUSED(parse(File({}, 1)),
                 "m.bin: size: found 32, expected 908 bytes, by the header");
  EXPECT_REFUSED(parse(File({}, Floats({}) + 1)),
                 "m.bin: size: found 912, expected 908 bytes, by the header");
  EXPECT_REFUSED(parse(ByteVector(27)),
                 "m.bin: size: found 27, expected at least 28 bytes");
  EXPECT_REFUSED(parse(File({.dim = -4}, 9)),
                 "m.bin: dim: found -4, expected a number above 0");
  EXPECT_REFUSED(parse(File({.heads = 3}, 9)),
                 "m.bin: n_heads: found 3, expected a divisor of dim, 4");
  EXPECT_REFUSED(parse(File({.heads = 4}, 9)),
                 "m.bin: channels of a head: found 1, expected an even number, "
                 "of pairs to rotate");
  EXPECT_REFUSED(
      parse(File({.dim = 12, .heads = 6, .kv_heads = 4}, 9)),
      "m.bin: key and value heads: found 4, expected a divisor of 6 heads");
  EXPECT_REFUSED(parse(File({.vocab = 0}, 9)),
                 "m.bin: vocabulary: found 0, expected 1 to 16777216");
  EXPECT_REFUSED(
      parse(File({.vocab = std::numeric_limits<std::int32_t>::min()}, 9)),
      "m.bin: vocabulary: found 2147483648, expected 1 to 16777216");
  EXPECT_REFUSED(parse(File({.layers = 2000000000}, 9)),
                 "m.bin: layers: found 2000000000, expected 1 to 4096");
  EXPECT_REFUSED(parse(File({.dim = 0x616b3432, .hidden = 1}, 9)),
                 "m.bin: version: found 1, expected 0, which has no magic "
                 "number (export.py --version 0)");
}

// Sizes at their limits do not overflow the expected size.
TEST(Llama2c, HugeHeadersAreRefusedByTheirSize) {
  const Header huge{.dim = 1 << 20,
                    .hidden = 1 << 20,
                    .layers = 4096,
                    .heads = 1,
                    .kv_heads = 1,
                    .vocab = -(1 << 24),
                    .context = 1 << 24};
  EXPECT_NE(Refusal([&] {
              Llama2c::Parse(File(huge, 3), "m.bin");
            }).find("m.bin: size: found 40, expected"),
            std::string::npos);
}

TEST(HalvesOfPairs, MovesEvenRowsToTheFirstHalf) {
  std::vector<float> rows(2 * 6 * 2);
  std::iota(rows.begin(), rows.end(), 0.0f);
  const auto halves = HalvesOfPairs(rows, 2, 6, 2);
  EXPECT_EQ(halves, (std::vector<float>{0,  1,  4,  5,  8,  9,  2,  3,
                                        6,  7,  10, 11, 12, 13, 16, 17,
                                        20, 21, 14, 15, 18, 19, 22, 23}));
  EXPECT_THROW(HalvesOfPairs(rows, 2, 5, 2), std::invalid_argument);
  EXPECT_THROW(HalvesOfPairs(rows, 2, 4, 2), std::invalid_argument);
}

}  // namespace
}  // namespace nibble::io
