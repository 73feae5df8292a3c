#include "nibble/io/images.hpp"

#include <array>
#include <numeric>

#include "data.hpp"
#include "io_test.hpp"

namespace nibble::io {
namespace {

using testing::ByteVector;

std::array<std::size_t, 10> CountByClass(const Images& images) {
  std::array<std::size_t, 10> out{};
  for (const std::uint8_t label : images.labels) ++out.at(label);
  return out;
}

// The mean pixel of one channel, over max_value.
double Mean(const Images& images, std::size_t channel) {
  std::uint64_t sum = 0;
  std::size_t count = 0;
  for (std::size_t i = channel; i < images.pixels.size();
       i += images.channels, ++count) {
    sum += images.pixels[i];
  }
  return static_cast<double>(sum) / static_cast<double>(count) /
         images.max_value;
}

// One CIFAR record with label 7 and planes of 1, 2, 3 but for a few pixels.
ByteVector CifarRecord() {
  ByteVector out{std::byte{7}};
  for (int plane = 1; plane <= 3; ++plane) {
    for (int i = 0; i < 1024; ++i) {
      out.push_back(static_cast<std::byte>(i == 33 ? 100 + plane : plane));
    }
  }
  return out;
}

TEST(Cifar10, PutsTheChannelsOfAPixelTogether) {
  ByteVector file = CifarRecord();
  for (const std::byte b : CifarRecord()) file.push_back(b);
  file[3073] = std::byte{9};
  const Images images = ParseCifar10(file, "x.bin");
  EXPECT_EQ(images.count, 2u);
  EXPECT_EQ(images.height, 32u);
  EXPECT_EQ(images.width, 32u);
  EXPECT_EQ(images.channels, 3u);
  EXPECT_EQ(images.max_value, 255);
  EXPECT_EQ(images.labels, (std::vector<std::uint8_t>{7, 9}));
  ASSERT_EQ(images.pixels.size(), 2 * images.image_size());
  const auto second = images.image(1);
  EXPECT_EQ(second[0], 1);
  EXPECT_EQ(second[2], 3);
  EXPECT_EQ(second[(1 * 32 + 1) * 3 + 0], 101);  // row 1, column 1
  EXPECT_EQ(second[(1 * 32 + 1) * 3 + 2], 103);
  EXPECT_EQ(ParseCifar10(file, "x.bin", 1).pixels.size(), 3072u);
  EXPECT_EQ(ParseCifar10(file, "x.bin", 0).count, 0u);
}

TEST(Cifar10, RefusesPartsOfRecordsAndWrongLabels) {
  ByteVector file = CifarRecord();
  EXPECT_REFUSED(ParseCifar10({}, "x.bin"),
                 "x.bin: size: found 0, expected a multiple of 3073 bytes");
  EXPECT_REFUSED(ParseCifar10(std::span(file).first(3072), "x.bin"),
                 "x.bin: size: found 3072, expected a multiple of 3073 bytes");
  file[0] = std::byte{10};
  EXPECT_REFUSED(ParseCifar10(file, "x.bin"),
                 "x.bin: label of record 1: found 10, expected 0 to 9");
  const testing::TemporaryFolder folder;
  EXPECT_REFUSED(LoadCifar10(folder.path(), Split::kTest),
                 (folder.path() / "test_batch.bin").string() +
                     ": open: found No such file or directory, expected a "
                     "regular file that can be read");
}

TEST(Cifar10, LimitsAcrossFiles) {
  const testing::TemporaryFolder folder;
  for (int i = 1; i <= 5; ++i) {
    ByteVector two = CifarRecord();
    two[0] = static_cast<std::byte>(i);
    for (const std::byte b : CifarRecord()) two.push_back(b);
    WriteFileAtomically(
        folder.path() / ("data_batch_" + std::to_string(i) + ".bin"), two);
  }
  EXPECT_EQ(LoadCifar10(folder.path(), Split::kTrain).labels,
            (std::vector<std::uint8_t>{1, 7, 2, 7, 3, 7, 4, 7, 5, 7}));
  // Files beyond the limit are not opened.
  std::filesystem::remove(folder.path() / "data_batch_3.bin");
  EXPECT_NE(
      testing::Refusal([&] { LoadCifar10(folder.path(), Split::kTrain); }), "");
  const Images three = LoadCifar10(folder.path(), Split::kTrain, 3);
  EXPECT_EQ(three.labels, (std::vector<std::uint8_t>{1, 7, 2}));
  EXPECT_EQ(three.pixels.size(), 3 * three.image_size());
}

TEST(Cifar10, IsTheRealDataSet) {
  NIBBLE_NEED_DATA("cifar10/data_batch_5.bin");
  const Images train =
      LoadCifar10(testing::DataDir() / "cifar10", Split::kTrain);
  for (const std::size_t n : CountByClass(train)) EXPECT_EQ(n, 5000u);
  // The channel means as published.
  EXPECT_NEAR(Mean(train, 0), 0.491400, 1e-6);
  EXPECT_NEAR(Mean(train, 1), 0.482158, 1e-6);
  EXPECT_NEAR(Mean(train, 2), 0.446531, 1e-6);
  const Images test = LoadCifar10(testing::DataDir() / "cifar10", Split::kTest);
  for (const std::size_t n : CountByClass(test)) EXPECT_EQ(n, 1000u);
}

TEST(Mnist, RefusesFilesThatDoNotFit) {
  const testing::TemporaryFolder folder;
  const auto images = folder.path() / "t10k-images-idx3-ubyte";
  const auto labels = folder.path() / "t10k-labels-idx1-ubyte";
  const auto write = [](const auto& path, std::string_view hex) {
    WriteFileAtomically(path, testing::FromHex(hex));
  };
  const auto load = [&] { return LoadMnist(folder.path(), Split::kTest); };
  EXPECT_EQ(testing::Refusal(load),
            images.string() +
                ": open: found No such file or directory, expected a regular "
                "file that can be read");
  const char* kTwoImages = "00000803 00000002 00000001 00000002 01020304";
  write(images, kTwoImages);
  write(labels, "00000801 00000002 0907");
  const Images good = load();
  EXPECT_EQ(good.height, 1u);
  EXPECT_EQ(good.width, 2u);
  EXPECT_EQ(good.channels, 1u);
  EXPECT_EQ(good.labels, (std::vector<std::uint8_t>{9, 7}));
  const Images one = LoadMnist(folder.path(), Split::kTest, 1);
  EXPECT_EQ(one.pixels, (std::vector<std::uint8_t>{1, 2}));
  EXPECT_EQ(one.labels, (std::vector<std::uint8_t>{9}));

  write(labels, "00000801 00000003 090700");
  EXPECT_EQ(testing::Refusal(load), labels.string() +
                                        ": labels: found 3, expected 2, one "
                                        "per image");
  write(labels, "00000801 00000002 090a");
  EXPECT_EQ(testing::Refusal(load), labels.string() +
                                        ": label of record 2: found 10, "
                                        "expected 0 to 9");
  write(labels, "00000802 00000002 00000001 0907");
  EXPECT_EQ(testing::Refusal(load),
            labels.string() + ": dimensions: found 2, expected 1");
  write(images, "00000802 00000002 00000002 01020304");
  EXPECT_EQ(testing::Refusal(load),
            images.string() + ": dimensions: found 2, expected 3");
}

TEST(Mnist, IsTheRealDataSet) {
  NIBBLE_NEED_DATA("mnist/train-images-idx3-ubyte.gz");
  const auto dir = testing::DataDir() / "mnist";
  const Images train = LoadMnist(dir, Split::kTrain);
  EXPECT_EQ(train.image_size(), 784u);
  EXPECT_EQ(CountByClass(train),
            (std::array<std::size_t, 10>{5923, 6742, 5958, 6131, 5842, 5421,
                                         5918, 6265, 5851, 5949}));
  EXPECT_NEAR(Mean(train, 0), 0.1307, 5e-5);  // as everybody normalizes it
  const Images test = LoadMnist(dir, Split::kTest, 10);
  EXPECT_EQ(test.labels,
            (std::vector<std::uint8_t>{7, 2, 1, 0, 4, 1, 4, 9, 5, 9}));
  EXPECT_EQ(test.pixels.size(), 7840u);
}

TEST(Digits, AreTheCommittedDataSet) {
  const std::filesystem::path path =
      std::filesystem::path(NIBBLE_SOURCE_DIR) / "tools/data/digits.csv.gz";
  const Images digits = LoadDigits(path);
  EXPECT_EQ(digits.count, 1797u);
  EXPECT_EQ(digits.image_size(), 64u);
  EXPECT_EQ(digits.max_value, 16);
  EXPECT_EQ(CountByClass(digits),
            (std::array<std::size_t, 10>{178, 182, 177, 183, 181, 182, 181, 179,
                                         174, 180}));
  EXPECT_EQ(digits.labels.back(), 8);
  EXPECT_EQ(digits.image(0)[2], 5);
  EXPECT_EQ(*std::max_element(digits.pixels.begin(), digits.pixels.end()), 16);
}

// 64 pixels of 3, one of them `pixel` at column 2, and the label.
std::string Line(const std::string& pixel, const std::string& label) {
  std::string out = "3," + pixel;
  for (int i = 2; i < 64; ++i) out += ",3";
  return out + "," + label;
}

TEST(Digits, ReadLinesWithAnyEnd) {
  for (const char* end : {"\n", "\r\n"}) {
    const std::string text = Line("16", "9") + end + Line("0", "0");
    for (const std::string& file : {text, text + end}) {
      const Images digits = LoadDigits(AsBytes(file));
      EXPECT_EQ(digits.count, 2u);
      EXPECT_EQ(digits.pixels.size(), 128u);
      EXPECT_EQ(digits.image(0)[1], 16);
      EXPECT_EQ(digits.labels, (std::vector<std::uint8_t>{9, 0}));
    }
  }
}

TEST(Digits, AreRefusedByLineAndColumn) {
  const auto refusal = [](const std::string& text) {
    return testing::Refusal([&] {
      const ByteVector file = testing::Bytes(text);
      LoadDigits(file, "x.csv");
    });
  };
  const std::string good = Line("1", "1") + "\n";
  const std::string column2 = "x.csv: line 2: column 2: found ";
  EXPECT_EQ(refusal(""), "x.csv: lines: found none, expected at least one");
  EXPECT_EQ(refusal(good + Line("17", "1")),
            column2 + "\"17\", expected an integer of 0 to 16");
  for (const char* pixel :
       {"", "-1", "+1", " 1", "1 ", "1.0", "x", "99999999999"}) {
    EXPECT_EQ(refusal(good + Line(pixel, "1")),
              column2 + "\"" + pixel + "\", expected an integer of 0 to 16");
  }
  EXPECT_EQ(refusal(good + Line("1", "10")),
            "x.csv: line 2: column 65: found \"10\", expected an integer of 0 "
            "to 9");
  EXPECT_EQ(refusal(Line("1", "1,1")),
            "x.csv: line 1: columns: found more, expected 65");
  EXPECT_EQ(refusal("1,2"), "x.csv: line 1: columns: found 2, expected 65");
  EXPECT_EQ(refusal("\x1f\x8b"),
            "x.csv: gzip data: found the end of the file, expected more of the "
            "packed data");
  EXPECT_EQ(refusal(good + "\n" + good),
            "x.csv: line 2: column 1: found \"\", expected an integer of 0 to "
            "16");
  testing::ExpectNoDamageEscapes(testing::Bytes(good), [](const auto& bytes) {
    return LoadDigits(bytes, "x.csv");
  });
}

}  // namespace
}  // namespace nibble::io
