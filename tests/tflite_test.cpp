// Files that the fuzzers' corpus holds (made by fuzz/make_corpus.py), whole and
// damaged; and the arithmetic of their networks by hand.
#include "nibble/io/tflite.hpp"

#include <algorithm>
#include <fstream>

#include "io_test.hpp"
#include "nibble/io/labels.hpp"
#include "nibble/nn/tflite.hpp"
#include "nibble/nn/tflite_ops.hpp"

namespace nibble::io {
namespace {

using testing::ByteVector;
using testing::Refusal;

ByteVector Seed(const std::string& name) {
  std::ifstream file(NIBBLE_SOURCE_DIR "/tests/fuzz/corpus/" + name,
                     std::ios::binary);
  return testing::Bytes(std::string(std::istreambuf_iterator(file), {}));
}

// The whole way from bytes to a network.
void Build(const ByteVector& bytes) {
  nn::TfliteNetwork(Tflite::Parse(bytes, "f"), "f");
}

TEST(Tflite, ReadsEveryOperator) {
  const ByteVector bytes = Seed("tflite/small");
  const Tflite file = Tflite::Parse(bytes, "small");
  ASSERT_EQ(file.tensors.size(), 15u);
  ASSERT_EQ(file.operators.size(), 7u);
  EXPECT_EQ(file.inputs, std::vector<std::int32_t>{0});
  EXPECT_EQ(file.outputs, std::vector<std::int32_t>{14});

  const TfliteTensor& w = file.tensors[1];
  EXPECT_EQ(w.name, "t1");
  EXPECT_EQ(w.dtype, "I8");
  EXPECT_EQ(w.shape, (std::vector<std::size_t>{3, 3, 3, 2}));
  EXPECT_EQ(w.data.size(), 54u);
  EXPECT_EQ(static_cast<std::int8_t>(w.data[1]), 48 - 127);
  EXPECT_EQ(w.scales, (std::vector<float>{0.01f, 0.012f, 0.014f}));
  EXPECT_EQ(w.zero_points, std::vector<std::int64_t>(3));
  EXPECT_EQ(file.tensors[4].axis, 3u);
  EXPECT_EQ(file.tensors[6].zero_points, std::vector<std::int64_t>{4});
  EXPECT_EQ(file.tensors[2].dtype, "I32");

  const TfliteOp kinds[] = {TfliteOp::kConv2d,  TfliteOp::kDepthwiseConv2d,
                            TfliteOp::kAdd,     TfliteOp::kAveragePool2d,
                            TfliteOp::kReshape, TfliteOp::kFullyConnected,
                            TfliteOp::kSoftmax};
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(file.operators[i].op, kinds[i]) << i;
  }
  EXPECT_EQ(file.operators[0].inputs, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(file.operators[0].activation, TfliteActivation::kRelu);
  EXPECT_EQ(file.operators[1].activation, TfliteActivation::kNone);
  EXPECT_EQ(file.operators[2].activation, TfliteActivation::kRelu6);
  EXPECT_TRUE(file.operators[0].same_padding);
  EXPECT_EQ(file.operators[3].filter_height, 4u);
  EXPECT_EQ(file.operators[3].stride_width, 4u);
}

TEST(Tflite, LyingFilesAreRefused) {
  for (const char* name : {"tflite/small", "tflite/linear"}) {
    const ByteVector bytes = Seed(name);
    ASSERT_EQ(Refusal([&] { Build(bytes); }), "") << name;
    testing::ExpectNoDamageEscapes(bytes, Build);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      const ByteVector part(bytes.begin(),
                            bytes.begin() + static_cast<std::ptrdiff_t>(n));
      EXPECT_NO_THROW(Refusal([&] { Build(part); })) << n;
    }
  }
  EXPECT_REFUSED(Tflite::Parse(testing::Bytes(""), "f"),
                 "f: file type: found \"\", expected \"TFL3\" at byte 4");
  EXPECT_REFUSED(Tflite::Parse(testing::Bytes("1234GGUF"), "f"),
                 "f: file type: found \"GGUF\", expected \"TFL3\" at byte 4");
  EXPECT_REFUSED(Tflite::Parse(testing::FromHex("ff000000 54464c33"), "f"),
                 "f: model: found byte 255, expected one of the file's 8");
}

// The seed with its first `from` replaced.
ByteVector Replaced(std::string_view from, std::string_view to) {
  ByteVector bytes = Seed("tflite/small");
  const ByteVector old = testing::Bytes(from), with = testing::Bytes(to);
  const auto at =
      std::search(bytes.begin(), bytes.end(), old.begin(), old.end());
  EXPECT_NE(at, bytes.end());
  std::ranges::copy(with, at);
  return bytes;
}

TEST(Tflite, MessagesNameWhatIsWrong) {
  using namespace std::string_literals;
  // Scales and the shape of tensor 1; the shape of tensor 3.
  const std::string scale = "\x0a\xd7\x23\x3c"s;  // 0.01f
  const std::string shape = "\4\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\2\0\0\0"s;
  EXPECT_REFUSED(Build(Replaced(scale, "\0\0\xc0\x7f"s)),
                 "f: tensor 1, quantization, scale: found nan, expected a "
                 "positive number");
  EXPECT_REFUSED(Build(Replaced(shape, "\4\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\1"s)),
                 "f: tensor 1, data: found 54 bytes, expected as many as "
                 "[3, 3, 3, 1] of I8 takes");
  EXPECT_REFUSED(
      Build(Replaced(shape, "\4\0\0\0\3\0\0\0\3\0\0\0\2\0\0\0\3"s)),
      "f: tensor 1, shape: found [3, 3, 2, 3], expected weights [3, 3, 2, 2] "
      "of operator 0");
  EXPECT_REFUSED(
      Build(Replaced("\4\0\0\0\1\0\0\0\4\0\0\0\4\0\0\0\3\0\0\0"s,
                     "\4\0\0\0\1\0\0\0\4\0\0\0\5\0\0\0\3\0\0\0"s)),
      "f: operator 0 (conv), output: found [1, 4, 5, 3], expected [4, 4, 3]");
}

TEST(Labels, TakesTheLastColumn) {
  EXPECT_EQ(ParseLabels(Seed("labels/kws"), "f"),
            (std::vector<std::uint8_t>{7, 255}));
  EXPECT_EQ(ParseLabels(Seed("labels/numbers"), "f"),
            (std::vector<std::uint8_t>{1, 0, 3}));
  EXPECT_REFUSED(ParseLabels(testing::Bytes("a,1\nb,256\n"), "f"),
                 "f: line 2: found \"256\", expected a label of 0 to 255 in "
                 "the last column");
  EXPECT_REFUSED(ParseLabels(testing::Bytes("a,-1"), "f"),
                 "f: line 1: found \"-1\", expected a label of 0 to 255 in "
                 "the last column");
  EXPECT_REFUSED(ParseLabels(testing::Bytes("\n"), "f"),
                 "f: lines: found 0, expected at least 1");
  testing::ExpectNoDamageEscapes(
      Seed("labels/kws"), [](const ByteVector& b) { ParseLabels(b, "f"); });
}

}  // namespace
}  // namespace nibble::io

namespace nibble::nn {
namespace {

// Halves up, once: 3 / 2 and -3 / 2.
constexpr FixedFactor kHalf{1 << 30, 0};
static_assert(Scaled(3, kHalf) == 2 && Scaled(-3, kHalf) == -1);
static_assert(Scaled(1, kHalf) == 1 && Scaled(-1, kHalf) == 0);
// Rounded twice this were 104: 103.4998 becomes 103.5 and then 104.
static_assert(Scaled(14063, {2022991444, -7}) == 103);
static_assert(Scaled(5, {1 << 30, 3}) == 20);
static_assert(Scaled(-2147483647 - 1, {2147483647, 0}) == -2147483647);
static_assert(Scaled(1 << 30, {1 << 30, -31}) == 0);

static_assert(TfliteMean(7, 2, {}) == 4 && TfliteMean(-7, 2, {}) == -4);
static_assert(TfliteMean(9, 4, {}) == 2 && TfliteMean(-10, 4, {}) == -3);
static_assert(TfliteMean(-9, 4, {.low = -1}) == -1);

// (10 - 2) * 0.5 + (-6 + 4) * 0.25 = 3.5, in units of 0.5: 7.
constexpr TfliteAdd kAdd{.zero_a = 2,
                         .zero_b = -4,
                         .factor_a = {1 << 30, 0},
                         .factor_b = {1 << 30, -1},
                         .factor = {1 << 30, -18}};
static_assert(TfliteSum(10, -6, kAdd) == 7);

TEST(FixedFactor, IsTheNearest) {
  EXPECT_EQ(FixedFactorOf(0.5), (FixedFactor{1 << 30, 0}));
  EXPECT_EQ(FixedFactorOf(1), (FixedFactor{1 << 30, 1}));
  EXPECT_EQ(FixedFactorOf(0), FixedFactor{});
  EXPECT_EQ(FixedFactorOf(0x1p-33), FixedFactor{});
  // Rounds up to the next power of two.
  EXPECT_EQ(FixedFactorOf(1 - 0x1p-40), (FixedFactor{1 << 30, 1}));
  EXPECT_EQ(FixedFactorOf(0.3), (FixedFactor{1288490189, -1}));
}

}  // namespace
}  // namespace nibble::nn
