// IDX, and the gzip around it.
#include "nibble/io/idx.hpp"

#include <zlib.h>

#include "io_test.hpp"
#include "nibble/io/gzip.hpp"

namespace nibble::io {
namespace {

using testing::ByteVector;

// `data` as one gzip member.
ByteVector Gzip(const ByteVector& data) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  ByteVector out(deflateBound(&stream, data.size()) + 32);
  stream.next_in =
      reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  ByteVector packed(
      out.begin(), out.begin() + static_cast<std::ptrdiff_t>(stream.total_out));
  deflateEnd(&stream);
  return packed;
}

const ByteVector kSample = testing::FromHex(
    "00 00 08 02  00 00 00 02  00 00 00 03  01 02 03 04 05 ff");

IdxArray Parse(const ByteVector& file) { return ParseIdx(file, "x-idx"); }

std::string RefusalOf(std::string_view hex) {
  return testing::Refusal([&] { Parse(testing::FromHex(hex)); });
}

TEST(Idx, ReadsPlainAndGzipped) {
  for (const ByteVector& file : {kSample, Gzip(kSample)}) {
    const IdxArray array = Parse(file);
    EXPECT_EQ(array.shape, (std::vector<std::size_t>{2, 3}));
    EXPECT_EQ(array.data, (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 255}));
  }
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "a name without a hint";
  WriteFileAtomically(path, Gzip(kSample));
  EXPECT_EQ(LoadIdx(path).data.size(), 6u);
  EXPECT_TRUE(Parse(testing::FromHex("00000801 00000000")).data.empty());
}

TEST(Idx, RefusesALyingHeader) {
  EXPECT_EQ(RefusalOf("000008"),
            "x-idx: size: found 3, expected at least 4 bytes");
  EXPECT_EQ(RefusalOf("01000801 00000001 07"),
            "x-idx: magic: found \"\\x01\\x00\", expected two zero bytes");
  EXPECT_EQ(RefusalOf("00000d01 00000001 00000000"),
            "x-idx: element type: found 13, expected 8 (unsigned byte)");
  EXPECT_EQ(RefusalOf("00000800"),
            "x-idx: dimensions: found 0, expected at least 1");
  EXPECT_EQ(RefusalOf("00000803 00000001 00000001"),
            "x-idx: dimensions: found 3, expected at most 2");
  EXPECT_EQ(RefusalOf("00000801 00000002 07"),
            "x-idx: size of the data: found 1, expected the product of the "
            "dimensions [2]");
  EXPECT_EQ(RefusalOf("00000801 00000002 070707"),
            "x-idx: size of the data: found 3, expected the product of the "
            "dimensions [2]");
  // 2^16 * 2^16 * 2^16 * 2^16 wraps to 0.
  EXPECT_EQ(RefusalOf("00000804 00010000 00010000 00010000 00010000"),
            "x-idx: size of the data: found 0, expected the product of the "
            "dimensions [65536, 65536, 65536, 65536]");
}

TEST(Idx, RefusesEveryTruncation) {
  for (const ByteVector& file : {kSample, Gzip(kSample)}) {
    testing::ExpectEveryPrefixRefused(file, Parse);
    testing::ExpectNoDamageEscapes(file, Parse);
  }
}

TEST(Gzip, JoinsMembers) {
  ByteVector two = Gzip(testing::Bytes("ab"));
  for (const std::byte b : Gzip(testing::Bytes("cde"))) two.push_back(b);
  EXPECT_EQ(Gunzip(two, "x.gz"), testing::Bytes("abcde"));
  EXPECT_EQ(Gunzip(Gzip({}), "x.gz"), ByteVector{});
  // Lengths around the sizes of the pieces it is unpacked in.
  for (const std::size_t n : {4095u, 4096u, 4097u, 4098u, 8193u, 8194u, 8195u,
                              16387u, 16388u, 1000000u}) {
    ByteVector data(n);
    for (std::size_t i = 0; i < n; ++i) {
      data[i] = static_cast<std::byte>(i * i >> 7);
    }
    EXPECT_EQ(Gunzip(Gzip(data), "x.gz"), data) << n;
    EXPECT_EQ(Gunzip(Gzip(data), "x.gz", n), data) << n;
    EXPECT_NE(testing::Refusal([&] { Gunzip(Gzip(data), "x.gz", n - 1); }), "")
        << n;
  }
  EXPECT_EQ(Gunzip(two, "x.gz", std::size_t(-1)).size(), 5u);
}

TEST(Gzip, RefusesDamage) {
  const auto refusal = [](const ByteVector& file, std::size_t limit = 1000) {
    return testing::Refusal([&] { Gunzip(file, "x.gz", limit); });
  };
  const ByteVector good = Gzip(testing::Bytes("some text, some text"));
  EXPECT_EQ(refusal(testing::Bytes("text")),
            "x.gz: gzip magic: found other bytes, expected 1f 8b");
  EXPECT_EQ(refusal({good.begin(), good.end() - 1}),
            "x.gz: gzip data: found the end of the file, expected more of the "
            "packed data");
  ByteVector bad = good;
  bad.push_back(std::byte{7});
  EXPECT_EQ(refusal(bad),
            "x.gz: gzip data: found 1 bytes after the end, expected none, or "
            "another gzip member");
  bad = good;
  bad[bad.size() - 8] ^= std::byte{1};
  EXPECT_EQ(refusal(bad),
            "x.gz: gzip data: found incorrect data check, expected data and a "
            "checksum as gzip writes them");
  bad = good;
  bad[bad.size() - 4] ^= std::byte{1};
  EXPECT_EQ(refusal(bad),
            "x.gz: gzip data: found incorrect length check, expected data and "
            "a checksum as gzip writes them");
  // A bomb: 64 MiB of zeros in 64 KiB.
  const ByteVector bomb = Gzip(ByteVector(64u << 20));
  EXPECT_LT(bomb.size(), 70'000u);
  EXPECT_EQ(refusal(bomb, 1 << 20),
            "x.gz: unpacked size: found more, expected at most 1048576 bytes");
}

TEST(Gzip, ReadsFilesOfEitherKind) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "file";
  WriteFileAtomically(path, "plain text");
  EXPECT_EQ(ReadMaybeGzip(path), testing::Bytes("plain text"));
  EXPECT_REFUSED(ReadMaybeGzip(path, 9), path.string() +
                                             ": size: found 10, expected at "
                                             "most 9 bytes");
  WriteFileAtomically(path, Gzip(testing::Bytes("packed text")));
  EXPECT_EQ(ReadMaybeGzip(path), testing::Bytes("packed text"));
  WriteFileAtomically(path, "");
  EXPECT_EQ(ReadMaybeGzip(path), ByteVector{});
}

}  // namespace
}  // namespace nibble::io
