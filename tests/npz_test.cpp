// npz: archives as other programs write them, our own, and archives that lie.
#include <algorithm>

#include "io_test.hpp"
#include "nibble/io/npy.hpp"

namespace nibble::io {
namespace {

using testing::ByteVector;
using F = std::vector<float>;

// As numpy.savez_compressed writes it, by way of Python's zipfile: local
// headers with 64-bit sizes. w: float32 [2, 3] of 0..5; labels: uint8 3 1 4 1.
constexpr std::string_view kGolden =
    "504b03042d0000000800000021004fe9002affffffffffffffff05001400772e6e70"
    "7901001000980000000000000055000000000000009bec17ea1b10c9c850c650ad9e"
    "925a9c5ca46ea5a06e9366a2aea3a09e965f54529498179f5f94920a12774bcc294e"
    "058a17672416a402f91a463a0ac69a3a0ab50a64032e063068b007120e4004c40d40"
    "bcc00100504b03042d000000080000002100606a3ff2ffffffffffffffff0a001400"
    "6c6162656c732e6e707901001000840000000000000048000000000000009bec17ea"
    "1b10c9c850c650ad9e925a9c5ca46ea5a05e536aa8aea3a09e965f54529498179f5f"
    "94920a12774bcc294e058a17672416a402f91a263a9a3a0ab50a14002e6646164600"
    "504b01022d032d0000000800000021004fe9002a5500000098000000050000000000"
    "000000000000800100000000772e6e7079504b01022d032d00000008000000210060"
    "6a3ff248000000840000000a000000000000000000000080018c0000006c6162656c"
    "732e6e7079504b050600000000020002006b000000100100000000";

Npz Parse(const ByteVector& file) { return ParseNpz(file, "x.npz"); }

Npz Sample() {
  const F w{1.5f, -2.0f, 0.25f};
  const std::vector<std::int32_t> zeros(1000);
  return {{"w", MakeNpy<float>({3}, w)},
          {"zeros", MakeNpy<std::int32_t>({10, 100}, zeros)}};
}

// Where `magic` stands for the `n`-th time.
std::size_t Find(const ByteVector& file, std::string_view magic,
                 std::size_t n = 0) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()),
                              file.size());
  std::size_t at = text.find(magic);
  while (n-- > 0) at = text.find(magic, at + 1);
  return at;
}
constexpr std::string_view kLocal = "PK\x03\x04", kDirectory = "PK\x01\x02",
                           kEnd = "PK\x05\x06";
constexpr std::size_t kLocalSize = 30, kDirectorySize = 46;  // before the name

template <class T>
ByteVector With(ByteVector file, std::size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof(value));
  return file;
}

TEST(Npz, ReadsAnArchiveOfNumPy) {
  const Npz npz = Parse(testing::FromHex(kGolden));
  ASSERT_EQ(npz.size(), 2u);
  EXPECT_EQ(npz.at("w").shape, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(npz.at("w").values<float>(), (F{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(npz.at("labels").values<std::uint8_t>(),
            (std::vector<std::uint8_t>{3, 1, 4, 1}));
}

TEST(Npz, ReadsWhatItWrites) {
  const testing::TemporaryFolder folder;
  for (const Packing packing : {Packing::kStored, Packing::kDeflated}) {
    const auto path = folder.path() / "a.npz";
    SaveNpz(path, Sample(), packing);
    EXPECT_EQ(std::filesystem::file_size(path) < 1000,
              packing == Packing::kDeflated);
    const Npz npz = LoadNpz(path);
    ASSERT_EQ(npz.size(), 2u);
    EXPECT_EQ(npz.at("w").data, Sample().at("w").data);
    EXPECT_EQ(npz.at("zeros").shape, (std::vector<std::size_t>{10, 100}));
    EXPECT_EQ(SerializeNpz(npz, packing), SerializeNpz(Sample(), packing));
    EXPECT_TRUE(Parse(SerializeNpz({}, packing)).empty());
  }
}

TEST(Npz, BoundsWhatItUnpacks) {
  const ByteVector file = SerializeNpz(Sample());
  const std::size_t whole = 128 + 12 + 128 + 4000;
  EXPECT_EQ(testing::Refusal([&] { ParseNpz(file, "x.npz", whole); }), "");
  EXPECT_REFUSED(ParseNpz(file, "x.npz", whole - 1),
                 "x.npz: unpacked size: found 4268, expected at most 4267 "
                 "bytes");
}

TEST(Npz, RefusesALyingDirectory) {
  const ByteVector file = SerializeNpz(Sample());
  const std::size_t end = Find(file, kEnd), first = Find(file, kDirectory);
  const std::size_t second = Find(file, kDirectory, 1);
  const auto refusal = [](const ByteVector& bytes) {
    return testing::Refusal([&] { Parse(bytes); });
  };
  EXPECT_EQ(refusal(testing::Bytes("no archive")),
            "x.npz: end record: found none in 10 bytes, expected a zip "
            "archive");
  EXPECT_EQ(refusal(With(file, end + 4, std::uint32_t{1})),
            "x.npz: disk numbers: found several disks, expected one");
  EXPECT_EQ(refusal(With(file, end + 8, std::uint16_t{1})),
            "x.npz: entries: found 1 of 2, expected the same number twice, "
            "below 65535");
  EXPECT_EQ(refusal(With(file, end + 8, std::uint32_t{0x00010001})),
            "x.npz: directory: found " + std::to_string(end - second) +
                " bytes after the last of 1 entries, expected none");
  EXPECT_EQ(refusal(With(file, end + 8, std::uint32_t{0x00030003})),
            "x.npz: directory: found damage or its end, expected another "
            "entry");
  EXPECT_EQ(refusal(With(file, end + 16, std::uint32_t{0xFFFFFF00})),
            "x.npz: directory: found " + std::to_string(end - first) +
                " bytes at 4294967040, expected to end where its end record "
                "begins, at " +
                std::to_string(end));
  EXPECT_EQ(refusal(With(file, second + 28, std::uint16_t{0xFFFF})),
            "x.npz: directory: found an entry of 65581, expected at most " +
                std::to_string(end - second) + " bytes");
  EXPECT_EQ(refusal(With(file, first + 8, std::uint16_t{1})),
            "x.npz: entry \"w.npy\": found encryption, expected none");
  EXPECT_EQ(refusal(With(file, first + 10, std::uint16_t{12})),
            "x.npz: entry \"w.npy\", packing: found 12, expected 0 (stored) "
            "or 8 (deflated)");
  EXPECT_EQ(refusal(With(file, first + 42, std::uint32_t{0xFFFFFFFF})),
            "x.npz: entry \"w.npy\": found 64-bit sizes, expected sizes below "
            "4 GiB");
}

TEST(Npz, RefusesALyingEntry) {
  const ByteVector file = SerializeNpz(Sample());
  const std::size_t first = Find(file, kDirectory);
  const std::size_t second = Find(file, kDirectory, 1);
  const std::size_t local = Find(file, kLocal, 1);
  const auto refusal = [](const ByteVector& bytes) {
    return testing::Refusal([&] { Parse(bytes); });
  };
  // Two entries from the same bytes: how a bomb is made.
  EXPECT_EQ(refusal(With(file, first + 20, std::uint32_t{5000})),
            "x.npz: entry \"w.npy\", packed size: found 5000, expected to end "
            "before the next entry or the directory");
  const auto to_the_directory =
      static_cast<std::uint32_t>(first - kLocalSize - 5);  // "w.npy"
  EXPECT_EQ(refusal(With(file, first + 20, to_the_directory)),
            "x.npz: entry \"w.npy\", packed size: found " +
                std::to_string(to_the_directory) +
                ", expected to end before the next entry or the directory");
  EXPECT_EQ(refusal(With(file, second + 42, std::uint32_t{0})),
            "x.npz: entry \"zeros.npy\": found another name or packing in its "
            "header, expected those of the directory");
  EXPECT_EQ(
      refusal(With(file, second + 42, static_cast<std::uint32_t>(first + 1))),
      "x.npz: entry \"zeros.npy\", offset: found " + std::to_string(first + 1) +
          ", expected at most " + std::to_string(first));
  EXPECT_EQ(refusal(With(file, second + 42, std::uint32_t{10})),
            "x.npz: entry \"zeros.npy\": found no local header at 10, "
            "expected one");
  EXPECT_EQ(refusal(With(file, second + 20, std::uint32_t{0x1000})),
            "x.npz: entry \"zeros.npy\", packed size: found 4096, expected to "
            "end before the next entry or the directory");
  EXPECT_EQ(
      refusal(With(file, second + 24, std::uint32_t{0x20000000})),
      "x.npz: entry \"zeros.npy\", size: found 536870912, expected what " +
          std::to_string(first - local - 39) + " packed bytes can hold");
  for (const std::uint32_t size : {4127u, 4129u}) {  // 4128 is right
    EXPECT_EQ(refusal(With(file, second + 24, size)),
              "x.npz: entry \"zeros.npy\": found damaged data or another size, "
              "expected " +
                  std::to_string(size) + " bytes unpacked");
  }
  EXPECT_NE(refusal(With(file, second + 16, std::uint32_t{0}))
                .find("x.npz: entry \"zeros.npy\", CRC-32: found "),
            std::string::npos);
  EXPECT_EQ(refusal(With(file, local + 8, std::uint16_t{0})),
            "x.npz: entry \"zeros.npy\": found another name or packing in its "
            "header, expected those of the directory");
  EXPECT_EQ(refusal(With(file, local + kLocalSize, 'Z')),
            "x.npz: entry \"zeros.npy\": found another name or packing in its "
            "header, expected those of the directory");
}

TEST(Npz, RefusesNamesItCannotUse) {
  Npz two = Sample();
  ByteVector file =
      SerializeNpz({{"a", two.at("w")}, {"b", two.at("w")}}, Packing::kStored);
  const auto rename = [&](std::size_t entry, std::size_t offset, char to) {
    file[Find(file, kLocal, entry) + kLocalSize + offset] =
        static_cast<std::byte>(to);
    file[Find(file, kDirectory, entry) + kDirectorySize + offset] =
        static_cast<std::byte>(to);
  };
  rename(1, 0, 'a');
  EXPECT_REFUSED(Parse(file),
                 "x.npz: directory: found \"a.npy\" twice, expected every "
                 "entry once");
  rename(1, 0, 'b');
  rename(1, 4, 'z');
  EXPECT_REFUSED(Parse(file),
                 "x.npz: entry: found \"b.npz\", expected a name that ends in "
                 ".npy");
  rename(1, 4, 'y');
  const std::size_t array = Find(file, "NUMPY", 1);
  file = With(file, array, 'n');
  EXPECT_NE(
      testing::Refusal([&] { Parse(file); }).find("entry \"b.npy\", CRC-32"),
      std::string::npos);
}

TEST(Npz, RefusesEveryTruncation) {
  const Npz small{{"w", Sample().at("w")}};
  for (const Packing packing : {Packing::kStored, Packing::kDeflated}) {
    testing::ExpectEveryPrefixRefused(SerializeNpz(small, packing), Parse);
    testing::ExpectNoDamageEscapes(SerializeNpz(small, packing), Parse);
  }
  testing::ExpectNoDamageEscapes(testing::FromHex(kGolden), Parse);
}

}  // namespace
}  // namespace nibble::io
