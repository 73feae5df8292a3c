#include "nibble/io/npy.hpp"

#include <algorithm>
#include <limits>

#include "data.hpp"
#include "io_test.hpp"

namespace nibble::io {
namespace {

using testing::ByteVector;

// A file of version `major` with this dictionary, unpadded, and this data.
ByteVector File(int major, const std::string& header, std::string_view hex) {
  ByteVector out = testing::Bytes("\x93NUMPY");
  out.push_back(static_cast<std::byte>(major));
  out.push_back(std::byte{0});
  if (major == 1) {
    testing::Append(out, static_cast<std::uint16_t>(header.size()));
  } else {
    testing::Append(out, static_cast<std::uint32_t>(header.size()));
  }
  for (const char c : header) out.push_back(static_cast<std::byte>(c));
  for (const std::byte b : testing::FromHex(hex)) out.push_back(b);
  return out;
}

std::string Dictionary(const std::string& descr, const std::string& shape,
                       const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran +
         ", 'shape': " + shape + ", }";
}

NpyArray Parse(const ByteVector& file) { return ParseNpy(file, "x.npy"); }

NpyArray ParseDictionary(const std::string& text, std::string_view hex = "") {
  return Parse(File(1, text, hex));
}

using F = std::vector<float>;

TEST(Npy, ReadsEveryVersionAndDtype) {
  for (const int major : {1, 2, 3}) {
    const NpyArray array = Parse(
        File(major, Dictionary("<f4", "(2, 1)") + "   \n", "0000803f000000c0"));
    EXPECT_EQ(array.dtype, "f4");
    EXPECT_EQ(array.shape, (std::vector<std::size_t>{2, 1}));
    EXPECT_EQ(array.values<float>(), (F{1, -2}));
    EXPECT_FALSE(array.fortran_order);
    EXPECT_THROW(array.values<double>(), std::invalid_argument);
    EXPECT_THROW(array.values<std::int32_t>(), std::invalid_argument);
  }
  const auto value = [](const char* descr, const char* hex) {
    return ToFloat(ParseDictionary(Dictionary(descr, "()"), hex)).at(0);
  };
  EXPECT_EQ(value("<f2", "003c"), 1);
  EXPECT_EQ(value(">f2", "7bff"), 65504);
  EXPECT_EQ(value(">f4", "3f800000"), 1);
  EXPECT_EQ(value("<f8", "9a9999999999b93f"), 0.1f);
  EXPECT_EQ(value(">f8", "3fb999999999999a"), 0.1f);
  EXPECT_EQ(value("|i1", "80"), -128);
  EXPECT_EQ(value("<u1", "80"), 128);
  EXPECT_EQ(value(">i2", "8001"), -32767);
  EXPECT_EQ(value("<u2", "0180"), 32769);
  EXPECT_EQ(value(">i4", "fffffffe"), -2);
  EXPECT_EQ(value("<u4", "00000080"), 0x1p31f);
  EXPECT_EQ(value(">i8", "8000000000000000"), -0x1p63f);
  EXPECT_EQ(value("<u8", "0000000000000080"), 0x1p63f);
  EXPECT_EQ(value("|b1", "01"), 1);
}

TEST(Npy, ReadsFortranOrderIntoC) {
  // Elements 0..23 at [i][j][k] of a [2, 3, 4] array; the first index fastest.
  std::string hex;
  for (int k = 0; k < 4; ++k) {
    for (int j = 0; j < 3; ++j) {
      for (int i = 0; i < 2; ++i) {
        char two[5];
        std::snprintf(two, sizeof(two), "00%02x", i * 12 + j * 4 + k);
        hex += two;
      }
    }
  }
  const NpyArray array =
      ParseDictionary(Dictionary(">u2", "(2, 3, 4)", "True"), hex);
  EXPECT_TRUE(array.fortran_order);
  const auto values = array.values<std::uint16_t>();
  for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(values[i], i);
  EXPECT_TRUE(ParseDictionary(Dictionary("<f4", "(0, 5)", "True"))
                  .values<float>()
                  .empty());
}

TEST(Npy, ReadsOtherSpellingsOfTheDictionary) {
  for (const char* text :
       {"{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"|u1\"}",
        "{ 'shape' : ( 2L , ) , 'descr':'|u1' , 'fortran_order' :False}  \n"}) {
    EXPECT_EQ(ParseDictionary(text, "0709").values<std::uint8_t>(),
              (std::vector<std::uint8_t>{7, 9}));
  }
}

TEST(Npy, RefusesWhatIsNoArray) {
  EXPECT_REFUSED(Parse(testing::Bytes("\x93NUMPY\x01")),
                 "x.npy: size: found 7, expected at least 12 bytes");
  EXPECT_REFUSED(Parse(testing::Bytes("PK\x03\x04 and so on")),
                 "x.npy: magic: found \"PK\\x03\\x04 a\", expected "
                 "\"\\x93NUMPY\"");
  ByteVector file = File(4, Dictionary("<f4", "()"), "00000000");
  EXPECT_REFUSED(Parse(file),
                 "x.npy: version: found 4.0, expected 1.0, 2.0 or 3.0");
  file = File(1, "{}", "");
  file[8] = std::byte{3};
  EXPECT_REFUSED(Parse(file),
                 "x.npy: header length: found 3, expected at most 2");
  file = File(2, "{}", "");
  std::memset(file.data() + 8, 0xFF, 4);
  EXPECT_REFUSED(Parse(file),
                 "x.npy: header length: found 4294967295, expected at most 2");
}

TEST(Npy, RefusesALyingDictionary) {
  const auto refusal = [](const std::string& text) {
    return testing::Refusal([&] { ParseDictionary(text, "00000000"); });
  };
  EXPECT_EQ(refusal("{'descr': '<f4', 'shape': ()}"),
            "x.npy: header: found no fortran_order, expected descr, "
            "fortran_order and shape");
  EXPECT_EQ(refusal("{'descr': '<f4', 'descr': '<f4'}"),
            "x.npy: header: found \"descr\" twice, expected every key once");
  EXPECT_EQ(refusal("{'dtype': '<f4'}"),
            "x.npy: header: found \"dtype\", expected descr, fortran_order and "
            "shape");
  EXPECT_EQ(refusal(Dictionary("<f4", "()") + " x"),
            "x.npy: header, character 57: found \"x\", expected the end of the "
            "header");
  EXPECT_EQ(refusal(Dictionary("<f4", "()") + std::string(1, '\0')),
            "x.npy: header, character 56: found \"\\x00\", expected the end of "
            "the header");
  EXPECT_EQ(refusal("{'descr': '<f4"),
            "x.npy: header, character 12: found \"<f4\", expected a string");
  EXPECT_EQ(refusal("{'descr': "),
            "x.npy: header, character 11: found the end, expected \"\"\"");
  EXPECT_EQ(refusal("{'descr' '<f4'"),
            "x.npy: header, character 10: found \"'<f4'\", expected \":\"");
  EXPECT_EQ(refusal("{'a\\'b': 1}"),
            "x.npy: header, character 3: found \"a\\x5c'b': 1}\", expected a "
            "string without escapes");
  EXPECT_EQ(refusal(Dictionary("<f4", "()", "0")),
            "x.npy: header, character 35: found \"0, 'shape': (), }\", "
            "expected True or False");
  const std::string at = "x.npy: header, character 52: found ";
  EXPECT_EQ(refusal(Dictionary("<f4", "(-1,)")),
            at + "\"-1,), }\", expected a whole number below 2^64");
  EXPECT_EQ(refusal(Dictionary("<f4", "(99999999999999999999,)")),
            at + "\"99999999999999999999\", expected a whole number below "
                 "2^64");
  EXPECT_NE(refusal(Dictionary("<f4", "(1)")), "");
  EXPECT_NE(refusal(Dictionary("<f4", "[1]")), "");
  std::string many = "(";
  for (int i = 0; i < 65; ++i) many += "1,";
  EXPECT_NE(refusal(Dictionary("<f4", many + ")")), "");
  for (const char* descr : {"f4", "|f4", "=f4", "<f3", "<c8", "|O", "<U4", "",
                            "<", "<f4x", "<i16"}) {
    EXPECT_EQ(refusal(Dictionary(descr, "()")),
              "x.npy: descr: found \"" + std::string(descr) +
                  "\", expected '<' or '>' and one of f2 f4 f8 i1 i2 i4 i8 u1 "
                  "u2 u4 u8 b1 ('|' with one byte)");
  }
}

TEST(Npy, RefusesSizesThatDisagree) {
  const auto refusal = [](const char* shape, const char* hex) {
    return testing::Refusal(
        [&] { ParseDictionary(Dictionary("<f4", shape), hex); });
  };
  EXPECT_EQ(refusal("(2,)", "00000000"),
            "x.npy: size of the data: found 4, expected 8 bytes for f4 [2]");
  EXPECT_EQ(refusal("()", "0000000000"),
            "x.npy: size of the data: found 5, expected 4 bytes for f4 []");
  // 2^62 elements of 4 bytes, and 2^64 elements, both wrap to 0.
  EXPECT_EQ(refusal("(4611686018427387904,)", ""),
            "x.npy: size of the data: found 0, expected more than 2^61 bytes "
            "for f4 [4611686018427387904]");
  EXPECT_EQ(refusal("(4294967296, 4294967296)", ""),
            "x.npy: size of the data: found 0, expected more than 2^61 bytes "
            "for f4 [4294967296, 4294967296]");
}

TEST(Npy, RefusesEveryTruncation) {
  const auto file =
      File(1, Dictionary(">f4", "(1, 2)", "True"), "3f80000040000000");
  testing::ExpectEveryPrefixRefused(file, Parse);
  testing::ExpectNoDamageEscapes(file, Parse);
}

TEST(Npy, WritesTheBytesOfNumPy) {
  const F values{0, 1, 2, 3, 4, 5};
  const auto bytes = SerializeNpy(MakeNpy<float>({2, 3}, values));
  ByteVector expected = testing::Bytes(
      "\x93NUMPY\x01_v_{'descr': '<f4', 'fortran_order': False, 'shape': (2, "
      "3), }                                                          \n");
  expected[7] = expected[9] = std::byte{0};
  for (const float v : values) testing::Append(expected, v);
  EXPECT_EQ(bytes, expected);
  const auto shape = [](std::vector<std::size_t> dims) {
    const auto file = SerializeNpy(MakeNpy<std::uint8_t>(std::move(dims), {}));
    return std::string(reinterpret_cast<const char*>(file.data()) + 10, 64);
  };
  EXPECT_TRUE(shape({0}).starts_with(
      "{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }"));
}

TEST(Npy, ReadsWhatItWrites) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "a.npy";
  for (const auto& shape : std::vector<std::vector<std::size_t>>{
           {}, {1}, {0, 3}, {2, 1, 5}, std::vector<std::size_t>(64, 1)}) {
    std::size_t count = 1;
    for (const std::size_t n : shape) count *= n;
    std::vector<std::int64_t> values(count);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = std::numeric_limits<std::int64_t>::min() +
                  static_cast<std::int64_t>(i);
    }
    SaveNpy(path, MakeNpy<std::int64_t>(shape, values));
    EXPECT_EQ(std::filesystem::file_size(path) % 64, count * 8 % 64);
    const NpyArray array = LoadNpy(path);
    EXPECT_EQ(array.shape, shape);
    EXPECT_EQ(array.values<std::int64_t>(), values);
  }
  const std::vector<std::uint8_t> four(4);
  EXPECT_THROW(SerializeNpy(MakeNpy<std::uint8_t>({5}, four)),
               std::invalid_argument);
  EXPECT_THROW(SerializeNpy(MakeNpy<std::uint8_t>(
                   std::vector<std::size_t>(65, 1), std::span(four).first(1))),
               std::invalid_argument);
  NpyArray other = MakeNpy<std::uint8_t>({4}, four);
  other.dtype = "c8";
  EXPECT_THROW(SerializeNpy(other), std::invalid_argument);
  EXPECT_THROW(ToFloat(other), std::invalid_argument);
}

TEST(Npy, ReadsARealFile) {
  NIBBLE_NEED_DATA("mlperf_tiny/perf_samples_idxs.npy");
  for (const auto& [name, size] :
       {std::pair("perf_samples_idxs.npy", 200u),
        std::pair("calibration_samples_idxs.npy", 500u)}) {
    auto values = LoadNpy(testing::DataDir() / "mlperf_tiny" / name)
                      .values<std::int64_t>();
    ASSERT_EQ(values.size(), size);
    EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](std::int64_t i) {
      return i >= 0 && i < 50000;
    }));
    std::sort(values.begin(), values.end());
    EXPECT_EQ(std::unique(values.begin(), values.end()), values.end())
        << "no image is named twice";
  }
  EXPECT_EQ(LoadNpy(testing::DataDir() / "mlperf_tiny/perf_samples_idxs.npy")
                .values<std::int64_t>()[0],
            7657);
}

}  // namespace
}  // namespace nibble::io
