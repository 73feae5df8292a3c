#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "io_test.hpp"
#include "nibble/format/gguf.hpp"
#include "nibble/io/gguf.hpp"
#include "nibble/quant/ternary_blocks.hpp"

namespace nibble::io {
namespace {

using testing::Append;
using testing::ByteVector;

// Files put together by hand, field by field.
class Maker {
 public:
  Maker& Text(std::string_view text) {
    Append(bytes, std::uint64_t{text.size()});
    for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
    return *this;
  }
  template <class T>
  Maker& Number(T value) {
    Append(bytes, value);
    return *this;
  }
  Maker& Head(std::uint64_t tensors, std::uint64_t entries,
              std::uint32_t version = 3) {
    for (const char c : {'G', 'G', 'U', 'F'}) {
      bytes.push_back(static_cast<std::byte>(c));
    }
    return Number(version).Number(tensors).Number(entries);
  }
  Maker& Key(std::string_view key, std::uint32_t type) {
    return Text(key).Number(type);
  }
  Maker& Tensor(std::string_view name, std::vector<std::uint64_t> dimensions,
                std::uint32_t type, std::uint64_t offset) {
    Text(name).Number(static_cast<std::uint32_t>(dimensions.size()));
    for (const std::uint64_t n : dimensions) Number(n);
    return Number(type).Number(offset);
  }
  Maker& Data(std::size_t size, std::size_t alignment = 32) {
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment + size);
    return *this;
  }

  ByteVector bytes;
};

Gguf Parse(const ByteVector& file) { return Gguf::Parse(file, "x.gguf"); }

#define EXPECT_FILE_REFUSED(maker, words) \
  EXPECT_REFUSED(Parse((maker).bytes), "x.gguf: " words)

TEST(GgufFile, ReadsEveryTypeOfValue) {
  Maker m;
  m.Head(0, 13);
  m.Key("a", 0).Number(std::uint8_t{200});
  m.Key("b", 1).Number(std::int8_t{-3});
  m.Key("c", 2).Number(std::uint16_t{65535});
  m.Key("d", 3).Number(std::int16_t{-300});
  m.Key("e", 4).Number(std::uint32_t{7});
  m.Key("f", 5).Number(std::int32_t{-7});
  m.Key("g", 6).Number(1.5f);
  m.Key("h", 7).Number(std::uint8_t{1});
  m.Key("i", 8).Text("caf\xc3\xa9");
  m.Key("j", 9).Number(std::uint32_t{9}).Number(std::uint64_t{2});
  m.Number(std::uint32_t{8}).Number(std::uint64_t{1}).Text("x");
  m.Number(std::uint32_t{7}).Number(std::uint64_t{2});
  m.Number(std::uint8_t{0}).Number(std::uint8_t{1});
  m.Key("k", 10).Number(std::uint64_t{1} << 63);
  m.Key("l", 11).Number(std::int64_t{-1});
  m.Key("m", 12).Number(2.25);
  const Gguf file = Parse(m.bytes);
  ASSERT_EQ(file.metadata().size(), 13u);
  for (std::size_t i = 0; i < 13; ++i) {
    EXPECT_EQ(file.metadata()[i].value.index(), i);
  }
  EXPECT_EQ(file.Get<std::uint8_t>("a"), 200);
  EXPECT_EQ(file.Get<std::int8_t>("b"), -3);
  EXPECT_EQ(file.Get<std::uint16_t>("c"), 65535);
  EXPECT_EQ(file.Get<std::int16_t>("d"), -300);
  EXPECT_EQ(file.Get<std::uint32_t>("e"), 7u);
  EXPECT_EQ(file.Get<std::int32_t>("f"), -7);
  EXPECT_EQ(file.Get<float>("g"), 1.5f);
  EXPECT_TRUE(file.Get<bool>("h"));
  EXPECT_EQ(file.Get<std::string>("i"), "caf\xc3\xa9");
  EXPECT_EQ(file.Get<std::uint64_t>("k"), std::uint64_t{1} << 63);
  EXPECT_EQ(file.Get<std::int64_t>("l"), -1);
  EXPECT_EQ(file.Get<double>("m"), 2.25);
  const auto& outer =
      std::get<std::vector<GgufArray>>(file.Get<GgufArray>("j").items);
  ASSERT_EQ(outer.size(), 2u);
  EXPECT_EQ(outer[0].items.index(), 8u);
  EXPECT_EQ(std::get<std::vector<bool>>(outer[1].items),
            (std::vector<bool>{false, true}));
  EXPECT_REFUSED(file.Get<float>("e"),
                 "x.gguf: key \"e\": found uint32, expected float32");
  EXPECT_REFUSED(file.Get<float>("z"),
                 "x.gguf: key \"z\": found none among 13, expected float32");
  EXPECT_EQ(SerializeGguf(file.metadata(), file.tensors()), m.bytes);
  testing::ExpectEveryPrefixRefused(m.bytes, Parse);
  testing::ExpectNoDamageEscapes(m.bytes, Parse);
}

TEST(GgufFile, ReadsTensors) {
  Maker m;
  m.Head(3, 1).Key("general.alignment", 4).Number(std::uint32_t{64});
  m.Tensor("w", {3, 2}, 0, 0).Tensor("b", {}, 30, 64);
  m.Tensor("none", {32, 0}, 2, 128).Data(64 + 64, 64);
  const std::size_t data = m.bytes.size() - 128;
  const float values[] = {1, 2, 3, 4, 5, 6};
  std::memcpy(m.bytes.data() + data, values, sizeof(values));
  m.bytes[data + 65] = std::byte{0x40};
  const Gguf file = Parse(m.bytes);
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.Tensor("w").shape, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(GgufToFloat(file.Tensor("w")),
            (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(GgufToFloat(file.Tensor("b")), std::vector<float>{2});
  EXPECT_EQ(file.Tensor("none").count(), 0u);
  EXPECT_EQ(file.FindTensor("v"), nullptr);
  EXPECT_REFUSED(file.Tensor("v"),
                 "x.gguf: tensor \"v\": found none among 3, expected a tensor "
                 "of that name");
  EXPECT_EQ(SerializeGguf(file.metadata(), file.tensors()), m.bytes);
  testing::ExpectNoDamageEscapes(m.bytes, Parse);
}

TEST(GgufFile, LastTensorMayLackItsPadding) {
  Maker m;
  m.Head(1, 0).Tensor("w", {3}, 0, 0).Data(12);
  EXPECT_EQ(Parse(m.bytes).Tensor("w").data.size(), 12u);
  testing::ExpectEveryPrefixRefused(m.bytes, Parse);
  m.bytes.resize(m.bytes.size() + 20);
  EXPECT_EQ(Parse(m.bytes).Tensor("w").data.size(), 12u);
}

TEST(GgufFile, RefusesWhatIsNoHead) {
  EXPECT_FILE_REFUSED(Maker(), "magic: found 0 bytes left, expected 4 bytes");
  Maker other;
  other.Head(0, 0);
  EXPECT_EQ(testing::Refusal([&] { Parse(other.bytes); }), "");
  other.bytes[3] = std::byte{'X'};
  EXPECT_FILE_REFUSED(other, "magic: found \"GGUX\", expected \"GGUF\"");
  EXPECT_FILE_REFUSED(Maker().Head(0, 0, 2),
                      "version: found 2, expected 3, little-endian");
  EXPECT_FILE_REFUSED(Maker().Head(0, 0, 3u << 24),
                      "version: found 50331648, expected 3, little-endian");
  EXPECT_FILE_REFUSED(
      Maker().Head(std::uint64_t(-1), 0),
      "number of tensors: found 18446744073709551615, expected at most 0 in 8 "
      "bytes");
  EXPECT_FILE_REFUSED(
      Maker().Head(0, std::uint64_t{1} << 60),
      "number of metadata: found 1152921504606846976, expected at most 0 in 0 "
      "bytes");
  EXPECT_FILE_REFUSED(Maker().Head(0, 0).Number(std::uint8_t{1}),
                      "size: found 25 bytes, expected 24 as the tensors need");
}

TEST(GgufFile, RefusesBadMetadata) {
  EXPECT_FILE_REFUSED(
      Maker().Head(0, 1).Number(std::uint64_t(-1)).Data(32),
      "key 1, length: found 18446744073709551615, expected at most 65535");
  EXPECT_FILE_REFUSED(
      Maker().Head(0, 1).Number(std::uint64_t{30}).Number(std::uint64_t{0}),
      "key 1: found 8 bytes left, expected 30 bytes");
  EXPECT_FILE_REFUSED(Maker().Head(0, 1).Key("", 0).Data(8),
                      "key \"\": found nothing, expected a name");
  EXPECT_FILE_REFUSED(Maker().Head(0, 1).Key("k", 13).Data(8),
                      "key \"k\", type: found 13, expected at most 12");
  EXPECT_FILE_REFUSED(Maker().Head(0, 1).Key("k", 7).Number(std::uint8_t{2}),
                      "key \"k\": found 2, expected 0 or 1");
  EXPECT_FILE_REFUSED(Maker()
                          .Head(0, 2)
                          .Key("k", 0)
                          .Number(std::uint8_t{2})
                          .Key("k", 0)
                          .Number(std::uint8_t{2}),
                      "key \"k\": found it twice, expected every key once");
  EXPECT_FILE_REFUSED(
      Maker().Head(0, 1).Key("k", 8).Number(std::uint64_t(-1)),
      "key \"k\": found 0 bytes left, expected 18446744073709551615 bytes");
  EXPECT_FILE_REFUSED(Maker().Head(0, 1).Key("k", 10).Number(1.0f),
                      "key \"k\": found 4 bytes left, expected 8 bytes");
}

TEST(GgufFile, RefusesBadArrays) {
  const auto array = [](std::uint32_t type, std::uint64_t count) {
    return Maker().Head(0, 1).Key("k", 9).Number(type).Number(count);
  };
  EXPECT_FILE_REFUSED(array(13, 0),
                      "key \"k\", type: found 13, expected at most 12");
  EXPECT_FILE_REFUSED(
      array(12, std::uint64_t{1} << 61),
      "key \"k\", elements: found 2305843009213693952, expected at most 0 in 0 "
      "bytes");
  EXPECT_FILE_REFUSED(array(8, 3).Text("a").Text("b").Number(std::uint32_t{0}),
                      "key \"k\", elements: found 3, expected at most 2 in 22 "
                      "bytes");
  EXPECT_FILE_REFUSED(array(7, 1).Number(std::uint8_t{9}),
                      "key \"k\": found 9, expected 0 or 1");
  Maker deep = array(9, 1);
  for (int i = 0; i < 1000; ++i) {
    deep.Number(std::uint32_t{9}).Number(std::uint64_t{1});
  }
  EXPECT_FILE_REFUSED(deep,
                      "key \"k\": found arrays nested deeper, expected 8");
}

TEST(GgufFile, RefusesBadAlignment) {
  EXPECT_FILE_REFUSED(
      Maker().Head(0, 1).Key("general.alignment", 10).Number(std::uint64_t{32}),
      "key \"general.alignment\": found uint64, expected "
      "uint32");
  for (const std::uint32_t bad : {0u, 4u, 24u, 1u << 21}) {
    EXPECT_REFUSED(
        Parse(Maker().Head(0, 1).Key("general.alignment", 4).Number(bad).bytes),
        "x.gguf: key \"general.alignment\": found " + std::to_string(bad) +
            ", expected a power of two from 8 to 2^20");
  }
}

TEST(GgufFile, RefusesBadTensors) {
  const auto one = [](std::string_view name, std::vector<std::uint64_t> shape,
                      std::uint32_t type, std::uint64_t offset) {
    return Maker().Head(1, 0).Tensor(name, std::move(shape), type, offset);
  };
  EXPECT_EQ(
      testing::Refusal([&] { Parse(one("w", {8}, 0, 0).Data(32).bytes); }), "");
  EXPECT_FILE_REFUSED(one(std::string(65, 'n'), {8}, 0, 0).Data(32),
                      "tensor 1, length: found 65, expected at most 64");
  EXPECT_FILE_REFUSED(one("w", {1, 1, 1, 1, 1}, 0, 0).Data(32),
                      "tensor \"w\", dimensions: found 5, expected at most 4");
  EXPECT_FILE_REFUSED(one("w", {8}, 4, 0).Data(32),
                      "tensor \"w\", type: found 4, expected a type of this "
                      "program, such as 0 (F32) or 35 (TQ2_0)");
  const auto wrong_shape = [](const std::string& shape,
                              const std::string& block,
                              const std::string& type) {
    return "x.gguf: tensor \"w\", shape: found " + shape +
           ", expected rows of whole blocks of " + block +
           ", and fewer than 2^64 bytes, of " + type;
  };
  EXPECT_REFUSED(Parse(one("w", {128, 2}, 35, 0).Data(66).bytes),
                 wrong_shape("[2, 128]", "256", "TQ2_0"));
  EXPECT_REFUSED(Parse(one("w", {100, 3}, 36, 0).Data(128).bytes),
                 wrong_shape("[3, 100]", "128", "I2_S"));
  const std::uint64_t huge = std::uint64_t{1} << 32;
  EXPECT_REFUSED(Parse(one("w", {huge, huge}, 0, 0).Data(32).bytes),
                 wrong_shape("[4294967296, 4294967296]", "1", "F32"));
  EXPECT_REFUSED(Parse(one("w", {huge << 30}, 0, 0).Data(32).bytes),
                 wrong_shape("[4611686018427387904]", "1", "F32"));
  EXPECT_FILE_REFUSED(one("w", {8}, 0, 0).Data(31),
                      "tensor \"w\", data: found 31 bytes, expected 32");
  EXPECT_FILE_REFUSED(one("w", {std::uint64_t{1} << 61}, 0, 0).Data(32),
                      "tensor \"w\", data: found 32 bytes, expected "
                      "9223372036854775808");
  EXPECT_FILE_REFUSED(one("w", {8}, 0, 8).Data(40),
                      "tensor \"w\", offset: found 8, expected 0");
  EXPECT_FILE_REFUSED(one("w", {8}, 0, std::uint64_t(-32)).Data(40),
                      "tensor \"w\", offset: found 18446744073709551584, "
                      "expected 0");
  EXPECT_FILE_REFUSED(one("w", {8}, 0, 0).Data(64),
                      "size: found 128 bytes, expected 96 as the tensors need");
  Maker truncated = one("w", {8}, 0, 0);
  truncated.bytes.resize(truncated.bytes.size() + 1);
  EXPECT_FILE_REFUSED(truncated,
                      "padding: found 1 bytes left, expected 7 bytes");
}

TEST(GgufFile, RefusesTensorsThatOverlapOrLeaveHoles) {
  const auto two = [](std::string_view name, std::uint64_t offset) {
    return Maker()
        .Head(2, 0)
        .Tensor("a", {3}, 0, 0)
        .Tensor(name, {8}, 0, offset);
  };
  EXPECT_EQ(testing::Refusal([&] { Parse(two("b", 32).Data(64).bytes); }), "");
  EXPECT_FILE_REFUSED(two("b", 0).Data(64),
                      "tensor \"b\", offset: found 0, expected 32");
  EXPECT_FILE_REFUSED(two("b", 64).Data(96),
                      "tensor \"b\", offset: found 64, expected 32");
  EXPECT_FILE_REFUSED(two("a", 32).Data(64),
                      "tensor \"a\": found it twice, expected every name once");
}

TEST(GgufFile, WritesEveryTypeOfTensor) {
  std::vector<float> x(512);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(static_cast<int>(i * 7919 % 3) - 1) * 0.5f;
  }
  const std::vector<GgufEntry> metadata{
      {"general.architecture", std::string("bitnet")},
      {"tokens", GgufArray{std::vector<std::string>{"a", "", "b"}}},
      {"scores", GgufArray{std::vector<float>{0, -1.5f, 1e30f}}}};
  std::vector<std::vector<std::uint8_t>> bytes;
  std::vector<TensorView> tensors;
  for (const char* name :
       {"Q4_0", "Q4_1", "Q5_0", "Q8_0", "TQ1_0", "TQ2_0", "MXFP4"}) {
    const GgufTensorType* type = FindGgufType(name);
    ASSERT_NE(type, nullptr);
    EXPECT_EQ(FindGgufType(type->id), type);
    EXPECT_EQ(Info(*type->format).block, type->block);
    EXPECT_EQ(Info(*type->format).block_bytes, type->block_bytes);
    auto& data = bytes.emplace_back(2 * 256 / type->block * type->block_bytes);
    EncodeGguf(*type->format, x, data);
  }
  std::size_t i = 0;
  for (const char* name :
       {"Q4_0", "Q4_1", "Q5_0", "Q8_0", "TQ1_0", "TQ2_0", "MXFP4"}) {
    tensors.push_back(
        {name, name, {2, 256}, std::as_bytes(std::span(bytes[i++]))});
  }
  tensors.push_back({"f32", "F32", {512}, std::as_bytes(std::span(x))});
  const std::vector<std::uint16_t> half(7, 0x3C00);
  tensors.push_back({"f16", "F16", {7}, std::as_bytes(std::span(half))});
  tensors.push_back({"bf16", "BF16", {7}, std::as_bytes(std::span(half))});

  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "out.gguf";
  WriteGguf(path, metadata, tensors);
  Gguf opened = Gguf::Open(path);
  const Gguf file = opened;  // a copy keeps the map alive
  opened = Parse(SerializeGguf({}, {}));
  ASSERT_EQ(file.tensors().size(), 10u);
  EXPECT_EQ(file.file(), path.string());
  for (const TensorView& tensor : file.tensors()) {
    const auto values = GgufToFloat(tensor);
    ASSERT_EQ(values.size(), tensor.count());
    if (tensor.name[0] == 'T' || tensor.name == "f32") {
      EXPECT_EQ(values, x) << tensor.name;
    }
  }
  EXPECT_EQ(GgufToFloat(file.Tensor("f16")), std::vector<float>(7, 1.0f));
  EXPECT_EQ(GgufToFloat(file.Tensor("bf16")),
            std::vector<float>(7, 0.0078125f));
  EXPECT_EQ(file.metadata().size(), 3u);
  EXPECT_EQ(std::get<std::vector<std::string>>(
                file.Get<GgufArray>("tokens").items)[2],
            "b");
  const auto again = SerializeGguf(file.metadata(), file.tensors());
  EXPECT_EQ(again, SerializeGguf(metadata, tensors));
  const MappedFile map = MappedFile::Open(path);
  EXPECT_TRUE(std::ranges::equal(again, map.bytes()));
  // As a kernel wants it.
  const auto& tq2 = file.Tensor("TQ2_0");
  const auto w = PackTernary(
      TernaryBlocks::kTq2_0,
      {reinterpret_cast<const std::uint8_t*>(tq2.data.data()), tq2.data.size()},
      2, 256, TernaryPacking::kTwoBits, "TQ2_0");
  EXPECT_EQ(w.scales[0], 2.0f);
}

TEST(GgufFile, I2sToFloat) {
  std::vector<std::uint8_t> bytes(
      TernaryBlocksBytes(TernaryBlocks::kI2S, 1, 128));
  std::ranges::fill(std::span(bytes).first(32), std::uint8_t{0x86});
  const float scale = 3;
  std::memcpy(bytes.data() + 32, &scale, 4);
  const TensorView tensor{
      "w", "I2_S", {1, 128}, std::as_bytes(std::span(bytes))};
  const auto values = GgufToFloat(tensor);  // 10 00 01 10: +1 -1 0 +1
  EXPECT_EQ(values[0], 3.0f);
  EXPECT_EQ(values[32], -3.0f);
  EXPECT_EQ(values[64], 0.0f);
  EXPECT_EQ(values[127], 3.0f);
}

// NaN, infinity and numbers' largest values go in and come out.
TEST(GgufFile, WritesEveryTypeOfValue) {
  const std::vector<GgufEntry> metadata{
      {"nan", std::numeric_limits<float>::quiet_NaN()},
      {"inf", -std::numeric_limits<double>::infinity()},
      {"empty", std::string()},
      {"zero", std::string("a\0b", 3)},
      {"none", GgufArray{std::vector<GgufArray>{}}},
      {"bools", GgufArray{std::vector<bool>{true, false}}},
      {"u64", std::numeric_limits<std::uint64_t>::max()},
      {"nested",
       GgufArray{std::vector<GgufArray>{{std::vector<double>{1}},
                                        {std::vector<std::int64_t>{-1, 2}}}}}};
  const auto bytes = SerializeGguf(metadata, {});
  const Gguf file = Parse(bytes);
  EXPECT_EQ(SerializeGguf(file.metadata(), {}), bytes);
  EXPECT_TRUE(std::isnan(file.Get<float>("nan")));
  for (std::size_t i = 1; i < metadata.size(); ++i) {
    EXPECT_TRUE(file.metadata()[i].value == metadata[i].value);
  }
}

TEST(GgufFile, RefusesToWriteWhatItWouldNotRead) {
  const std::vector<float> f(8);
  const auto data = std::as_bytes(std::span(f));
  const TensorView good{"w", "F32", {8}, data};
  const auto tensors = [](std::vector<TensorView> all) {
    return SerializeGguf({}, all);
  };
  EXPECT_NO_THROW(tensors({good}));
  EXPECT_THROW(tensors({good, good}), std::invalid_argument);
  for (const TensorView& bad :
       {TensorView{"w", "F33", {8}, data}, TensorView{"w", "F32", {9}, data},
        TensorView{std::string(65, 'n'), "F32", {8}, data},
        TensorView{"w", "F32", {8, 1, 1, 1, 1}, data},
        TensorView{"w", "Q4_0", {16}, data.first(9)}}) {
    EXPECT_THROW(tensors({bad}), std::invalid_argument) << bad.dtype;
  }
  const auto entries = [](std::vector<GgufEntry> all) {
    return SerializeGguf(all, {});
  };
  const GgufEntry one{"k", 1.0f};
  EXPECT_NO_THROW(entries({one}));
  EXPECT_THROW(entries({one, one}), std::invalid_argument);
  EXPECT_THROW(entries({{"", 1.0f}}), std::invalid_argument);
  EXPECT_THROW(entries({{std::string(65536, 'k'), 1.0f}}),
               std::invalid_argument);
  EXPECT_THROW(entries({{"general.alignment", 1.0f}}), std::invalid_argument);
  EXPECT_THROW(entries({{"general.alignment", std::uint32_t{12}}}),
               std::invalid_argument);
  GgufArray deep;
  for (int i = 0; i < 8; ++i) deep = GgufArray{std::vector<GgufArray>{deep}};
  EXPECT_THROW(entries({{"k", deep}}), std::invalid_argument);
  TensorView other = good;
  other.shape = {9};
  EXPECT_THROW(GgufToFloat(other), std::invalid_argument);
  other = {"w", "Q5_1", {32}, data.first(24)};
  EXPECT_REFUSED(GgufToFloat(other),
                 "tensor \"w\": type: found Q5_1, expected a type that can be "
                 "decoded");
}

}  // namespace
}  // namespace nibble::io
