#include "nibble/io/safetensors.hpp"

#include <cstring>
#include <utility>

#include "data.hpp"
#include "io_test.hpp"

namespace nibble::io {
namespace {

using testing::ByteVector;

// A file of this header, unpadded, and so many bytes 0, 1, 2, ...
ByteVector File(std::string_view header, std::size_t data_size) {
  ByteVector out;
  testing::Append(out, static_cast<std::uint64_t>(header.size()));
  for (const char c : header) out.push_back(static_cast<std::byte>(c));
  for (std::size_t i = 0; i < data_size; ++i) {
    out.push_back(static_cast<std::byte>(i));
  }
  return out;
}

SafeTensors Parse(const ByteVector& file) {
  return SafeTensors::Parse(file, "x.st");
}

#define EXPECT_FILE_REFUSED(header, data_size, words) \
  EXPECT_REFUSED(Parse(File(header, data_size)), words)

TensorView View(std::string dtype, std::vector<std::size_t> shape, Bytes data) {
  return {"t", std::move(dtype), std::move(shape), data};
}

TEST(SafeTensors, ReadsNamesShapesDataAndMetadata) {
  const auto bytes =
      File(R"({"b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
           R"("__metadata__":{"k":"v"},)"
           R"("empty":{"dtype":"F32","shape":[2,0],"data_offsets":[3,3]},)"
           R"("a":{"shape":[],"data_offsets":[3,5],"dtype":"I16"}}  )",
           5);
  const SafeTensors file = Parse(bytes);
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.metadata(), (Metadata{{"k", "v"}}));
  EXPECT_EQ(file.tensors()[0].name, "b");
  EXPECT_EQ(file.tensors()[1].name, "empty");
  EXPECT_EQ(file.tensors()[1].count(), 0u);
  EXPECT_EQ(file.tensors()[2].name, "a");
  EXPECT_EQ(file.Get("a").dtype, "I16");
  EXPECT_TRUE(file.Get("a").shape.empty());
  EXPECT_EQ(file.Get("a").data.data(), bytes.data() + bytes.size() - 2);
  EXPECT_EQ(ToFloat(file.Get("a")), std::vector<float>{0x0403});
  EXPECT_EQ(file.Find("c"), nullptr);
  EXPECT_REFUSED(file.Get("c"),
                 "x.st: tensor \"c\": found none among 3, expected a tensor "
                 "of that name");
  EXPECT_TRUE(Parse(File("{}", 0)).tensors().empty());
}

TEST(SafeTensors, RefusesALyingLength) {
  EXPECT_REFUSED(Parse(testing::Bytes("1234567")),
                 "x.st: size: found 7, expected at least 8 bytes");
  ByteVector file = File("{}", 0);
  file[0] = std::byte{3};
  EXPECT_REFUSED(Parse(file),
                 "x.st: header length: found 3, expected at most 2");
  std::memset(file.data(), 0xFF, 8);
  EXPECT_REFUSED(Parse(file),
                 "x.st: header length: found 18446744073709551615, expected "
                 "at most 2");
  EXPECT_FILE_REFUSED("", 0, "x.st: header: found \"\", expected \"{\" first");
  EXPECT_FILE_REFUSED(" {}", 0,
                      "x.st: header: found \" \", expected \"{\" first");
}

TEST(SafeTensors, RefusesWhatIsNoHeader) {
  EXPECT_FILE_REFUSED("{} {}", 0,
                      "x.st: header, byte 4: found \"{} {\", expected JSON");
  EXPECT_NE(testing::Refusal([] { Parse(File("{\"a\":1", 0)); }), "");
  EXPECT_NE(testing::Refusal([] { Parse(File("{\"\xff\":{}}", 0)); }), "");
  EXPECT_FILE_REFUSED(std::string_view("{}\0", 3), 0,
                      "x.st: header, byte 3: found a zero byte, expected JSON");
  EXPECT_FILE_REFUSED(R"({"a":[]})", 0,
                      "x.st: header, \"a\": found a list, expected an object");
  EXPECT_FILE_REFUSED(R"({"a":7})", 0,
                      "x.st: header, \"a\": found 7, expected an object");
  EXPECT_FILE_REFUSED(R"({"__metadata__":{"k":1}})", 0,
                      "x.st: metadata \"k\": found 1, expected a string");
  EXPECT_FILE_REFUSED(
      R"({"__metadata__":{"k":{}}})", 0,
      "x.st: metadata \"k\": found an object, expected a string");
  // Deep nesting is refused where it begins, so it costs no memory.
  EXPECT_NE(testing::Refusal([] {
              Parse(File("{\"a\":" + std::string(1'000'000, '['), 0));
            }),
            "");
}

TEST(SafeTensors, RefusesADuplicateKey) {
  const std::string a = R"("a":{"dtype":"U8","shape":[],"data_offsets":[0,1]})";
  EXPECT_FILE_REFUSED("{" + a + "," + a + "}", 1,
                      "x.st: header: found \"a\" twice, expected every key "
                      "once");
  EXPECT_FILE_REFUSED(
      R"({"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1,
      "x.st: tensor \"a\": found \"dtype\" twice, expected every key once");
  EXPECT_FILE_REFUSED(
      R"({"__metadata__":{"k":"1","k":"2"}})", 0,
      "x.st: tensor \"__metadata__\": found \"k\" twice, expected every key "
      "once");
  EXPECT_FILE_REFUSED(R"({"__metadata__":{},"__metadata__":{}})", 0,
                      "x.st: header: found \"__metadata__\" twice, expected "
                      "every key once");
}

TEST(SafeTensors, RefusesWrongFields) {
  EXPECT_FILE_REFUSED(R"({"a":{"dtype":"U8","shape":[]}})", 0,
                      "x.st: tensor \"a\": found no data_offsets, expected "
                      "dtype, shape and data_offsets");
  EXPECT_FILE_REFUSED(R"({"a":{"dtype":"U8","size":1}})", 0,
                      "x.st: tensor \"a\": found \"size\", expected dtype, "
                      "shape and data_offsets");
  const std::string at = "x.st: tensor \"a\", ";
  const std::pair<std::string, std::string> cases[] = {
      {R"("dtype":8)", at + "dtype: found 8, expected a string"},
      {R"("dtype":["U8"])", at + "dtype: found a list, expected a string"},
      {R"("dtype":null)", at + "dtype: found null, expected a string"},
      {R"("shape":1)", at + "shape: found 1, expected a list of whole numbers"},
      {R"("shape":[-1])",
       at + "shape: found -1, expected a list of whole numbers"},
      {R"("shape":[1.0])",
       at + "shape: found 1.0, expected a list of whole numbers"},
      {R"("shape":[18446744073709551616])",
       at + "shape: found 18446744073709551616, expected a list of whole "
            "numbers"},
      {R"("shape":[[1]])",
       at + "shape: found a list, expected a list of whole numbers"},
      {R"("shape":[true])",
       at + "shape: found true, expected a list of whole numbers"},
      {R"("shape":{})",
       at + "shape: found an object, expected a list of whole numbers"},
      {R"("shape":["1"])",
       at + "shape: found \"1\", expected a list of whole numbers"},
      {R"("data_offsets":[0])",
       at + "data_offsets: found a list of 1, expected a list of 2 whole "
            "numbers"},
      {R"("data_offsets":[0,1,2])",
       at + "data_offsets: found a list of more than 2, expected a list of 2 "
            "whole numbers"},
      {R"("data_offsets":"0")",
       at + "data_offsets: found \"0\", expected a list of 2 whole numbers"},
  };
  for (const auto& c : cases) {
    EXPECT_FILE_REFUSED("{\"a\":{" + c.first + "}}", 1, c.second);
  }
}

std::string Tensor(std::string_view name, std::string_view dtype,
                   std::string_view shape, std::string_view offsets) {
  return "\"" + std::string(name) + "\":{\"dtype\":\"" + std::string(dtype) +
         "\",\"shape\":[" + std::string(shape) + "],\"data_offsets\":[" +
         std::string(offsets) + "]}";
}

TEST(SafeTensors, RefusesSizesThatDisagree) {
  const auto one = [](auto... field) {
    return File("{" + Tensor("a", field...) + "}", 8);
  };
  const std::string at = "x.st: tensor \"a\", ";
  EXPECT_REFUSED(Parse(one("F33", "2", "0,8")),
                 at + "dtype: found \"F33\", expected a dtype of safetensors, "
                      "such as F32");
  EXPECT_REFUSED(
      Parse(one("F32", "3", "0,8")),
      at + "data_offsets: found [0, 8], expected 12 bytes for F32 [3]");
  EXPECT_REFUSED(
      Parse(one("F32", "2", "8,0")),
      at + "data_offsets: found [8, 0], expected 8 bytes for F32 [2]");
  EXPECT_REFUSED(Parse(one("F4", "15", "0,8")),
                 at + "shape: found [15], expected a whole number of bytes, "
                      "below 2^61, of F4");
  EXPECT_EQ(Parse(one("F4", "16", "0,8")).Get("a").count(), 16u);
  EXPECT_REFUSED(Parse(one("F6_E3M2", "11", "0,8")),
                 at + "shape: found [11], expected a whole number of bytes, "
                      "below 2^61, of F6_E3M2");
  // 2^32 * 2^32 = 2^64 wraps to 0; 2^61 * 64 bits wraps to 0 as well.
  for (const auto& c :
       {std::pair("4294967296,4294967296", "4294967296, 4294967296"),
        std::pair("2305843009213693952", "2305843009213693952"),
        std::pair("0,4294967296,4294967296", "0, 4294967296, 4294967296")}) {
    EXPECT_REFUSED(Parse(one("F64", c.first, "0,0")),
                   at + "shape: found [" + c.second +
                       "], expected a whole number of bytes, below 2^61, of "
                       "F64");
  }
}

TEST(SafeTensors, RefusesHolesOverlapsAndExcess) {
  const auto two = [](std::string_view a, std::string_view b,
                      std::size_t size) {
    return File(
        "{" + Tensor("a", "U8", "4", a) + "," + Tensor("b", "U8", "4", b) + "}",
        size);
  };
  EXPECT_EQ(Parse(two("0,4", "4,8", 8)).tensors()[0].name, "a");
  EXPECT_EQ(Parse(two("4,8", "0,4", 8)).tensors()[0].name, "b");
  const std::string at = "x.st: tensor \"b\", data_offsets: ";
  EXPECT_REFUSED(Parse(two("0,4", "3,7", 7)),
                 at + "found [3, 7], expected to begin at 4 (an overlap)");
  EXPECT_REFUSED(Parse(two("0,4", "0,4", 4)),
                 at + "found [0, 4], expected to begin at 4 (an overlap)");
  EXPECT_REFUSED(Parse(two("0,4", "5,9", 9)),
                 at + "found [5, 9], expected to begin at 4 (a hole)");
  EXPECT_REFUSED(Parse(two("0,4", "4,8", 7)),
                 at + "found [4, 8], expected to end within the 7 bytes of "
                      "data");
  EXPECT_REFUSED(
      Parse(two("0,4", "4,8", 9)),
      "x.st: size of the data: found 9, expected 8 bytes, as in the header");
}

TEST(SafeTensors, RefusesEveryTruncation) {
  const auto file = File("{" + Tensor("a", "F32", "1,2", "0,8") + "," +
                             Tensor("b", "I8", "3", "8,11") + "}",
                         11);
  testing::ExpectEveryPrefixRefused(file, Parse);
  testing::ExpectNoDamageEscapes(file, Parse);
}

TEST(SafeTensors, WritesWhatItReads) {
  const std::vector<float> f{1.5f, -2.0f, 0.0f, 1e30f, 3.0f, 4.0f};
  const std::vector<std::int8_t> i{-128, 127, 0};
  const std::vector<double> none;
  const TensorView tensors[] = {
      ViewOf<std::int8_t>("z \"quoted\" \xc3\xa9", {3}, i),
      ViewOf<float>("a", {2, 3}, f), ViewOf<double>("n", {0, 7}, none)};
  const Metadata metadata{{"scheme", "int4/group32"}, {"b", ""}};

  const ByteVector bytes = Serialize(tensors, metadata);
  EXPECT_EQ(bytes, Serialize(tensors, metadata));
  EXPECT_EQ((bytes.size() - 27) % 8, 0u) << "the data begins aligned";
  const SafeTensors file = Parse(bytes);
  EXPECT_EQ(file.metadata(), metadata);
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.tensors()[0].name, tensors[0].name);
  EXPECT_EQ(file.tensors()[1].shape, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(ToFloat(file.Get("a")), f);
  EXPECT_EQ(ToFloat(file.tensors()[0]), (std::vector<float>{-128, 127, 0}));

  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "out.safetensors";
  Write(path, tensors, metadata);
  // A copy of the opened file keeps the map alive.
  SafeTensors opened = SafeTensors::Open(path);
  const SafeTensors copy = opened;
  opened = Parse(bytes);
  EXPECT_EQ(ToFloat(copy.Get("a")), f);
  EXPECT_EQ(Serialize(copy.tensors(), copy.metadata()), bytes);
}

TEST(SafeTensors, RefusesToWriteWhatItWouldNotRead) {
  const std::vector<float> f(4);
  const auto data = std::as_bytes(std::span(f));
  const auto serialize = [](const TensorView& a, const TensorView& b) {
    return Serialize(std::vector<TensorView>{a, b});
  };
  const TensorView good = View("F32", {4}, data);
  TensorView other = good;
  EXPECT_THROW(serialize(good, other), std::invalid_argument);  // same name
  other.name = "__metadata__";
  EXPECT_THROW(serialize(good, other), std::invalid_argument);
  other.name = "\xff";
  EXPECT_THROW(serialize(good, other), std::invalid_argument);
  other.name = "u";
  EXPECT_NO_THROW(serialize(good, other));
  other.shape = {5};
  EXPECT_THROW(serialize(good, other), std::invalid_argument);
  EXPECT_THROW(ToFloat(other), std::invalid_argument);
  other = View("F99", {4}, data);
  EXPECT_THROW(ToFloat(other), std::invalid_argument);
  EXPECT_REFUSED(ToFloat(View("C64", {2}, data)),
                 "tensor \"t\": dtype: found C64, expected a real dtype");
}

TEST(SafeTensors, ReadsARealModel) {
  NIBBLE_NEED_DATA("resnet_cifar10/resnet20.safetensors");
  const auto file = SafeTensors::Open(testing::DataDir() /
                                      "resnet_cifar10/resnet20.safetensors");
  EXPECT_EQ(file.metadata().at("source"), "resnet20-12fca82f.th");
  EXPECT_EQ(file.Get("conv1.weight").shape,
            (std::vector<std::size_t>{16, 3, 3, 3}));
  std::size_t parameters = 0;
  for (const TensorView& tensor : file.tensors()) {
    if (tensor.dtype != "F32" ||
        tensor.name.find("running") != std::string::npos)
      continue;
    parameters += ToFloat(tensor).size();
  }
  EXPECT_EQ(parameters, 269722u);  // published size: 0.27 M
}

TEST(SafeTensors, ReadsEveryFileOfOtherPrograms) {
  NIBBLE_NEED_DATA("golden");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           testing::DataDir() / "golden")) {
    if (entry.path().extension() != ".safetensors") continue;
    const auto file = SafeTensors::Open(entry.path());
    EXPECT_FALSE(file.tensors().empty());
    for (const auto& tensor : file.tensors()) {
      EXPECT_EQ(ToFloat(tensor).size(), tensor.count());
    }
    ++files;
  }
  EXPECT_GE(files, 1u);
}

}  // namespace
}  // namespace nibble::io
