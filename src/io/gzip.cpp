#include "nibble/io/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <new>

#include "nibble/core/check.hpp"
#include "nibble/io/mapped_file.hpp"

namespace nibble::io {
namespace {

// zlib counts input and output in 32 bits, so both are handed over in pieces.
constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;

class Inflater {
 public:
  Inflater(Bytes input, const std::string& name) : input_(input), name_(name) {
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  // Fills `out` as far as the data goes; the bytes written. Fewer than asked
  // for means that the last member has ended.
  std::size_t Read(std::span<std::byte> out) {
    std::size_t done = 0;
    while (done < out.size() && !ended_) done += Step(out.subspan(done));
    return done;
  }

 private:
  std::size_t Step(std::span<std::byte> out) {
    const std::size_t in_size = std::min(input_.size(), kMostAtOnce);
    const std::size_t out_size = std::min(out.size(), kMostAtOnce);
    stream_.next_in =
        reinterpret_cast<Bytef*>(const_cast<std::byte*>(input_.data()));
    stream_.avail_in = static_cast<uInt>(in_size);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out_size);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    input_ = input_.subspan(in_size - stream_.avail_in);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_BUF_ERROR) {
      throw InputError(name_, "gzip data", "the end of the file",
                       "more of the packed data");
    }
    if (result != Z_OK && result != Z_STREAM_END) {
      throw InputError(name_, "gzip data",
                       stream_.msg ? stream_.msg : "damaged data",
                       "data and a checksum as gzip writes them");
    }
    if (result == Z_STREAM_END) EndMember();
    return out_size - stream_.avail_out;
  }

  void EndMember() {
    ended_ = input_.empty();
    if (ended_) return;
    if (!IsGzip(input_)) {
      throw InputError(name_, "gzip data",
                       std::to_string(input_.size()) + " bytes after the end",
                       "none, or another gzip member");
    }
    inflateReset(&stream_);
  }

  z_stream stream_{};
  Bytes input_;
  std::string name_;
  bool ended_ = false;
};

}  // namespace

bool IsGzip(Bytes bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} &&
         bytes[1] == std::byte{0x8B};
}

std::vector<std::byte> Gunzip(Bytes bytes, const std::string& name,
                              std::size_t limit) {
  if (!IsGzip(bytes)) {
    throw InputError(name, "gzip magic", "other bytes", "1f 8b");
  }
  Inflater inflater(bytes, name);
  std::vector<std::byte> out;
  std::size_t size = 0;
  do {
    // Twice as much each time, and one byte more than allowed at most.
    const std::size_t room = std::max<std::size_t>(4096, size);
    out.resize(size + std::min(room, limit - size) + 1);
    size += inflater.Read(std::span(out).subspan(size));
    if (size > limit) {
      throw InputError(name, "unpacked size", "more",
                       "at most " + std::to_string(limit) + " bytes");
    }
  } while (size == out.size());
  out.resize(size);
  return out;
}

std::vector<std::byte> ReadMaybeGzip(const std::filesystem::path& path,
                                     std::size_t limit) {
  const MappedFile file = MappedFile::Open(path);
  const Bytes bytes = file.bytes();
  if (IsGzip(bytes)) return Gunzip(bytes, path.string(), limit);
  if (bytes.size() > limit) {
    throw InputError(path.string(), "size", std::to_string(bytes.size()),
                     "at most " + std::to_string(limit) + " bytes");
  }
  return {bytes.begin(), bytes.end()};
}

}  // namespace nibble::io
