#include "nibble/io/images.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>

#include "nibble/core/check.hpp"
#include "nibble/io/idx.hpp"
#include "nibble/io/mapped_file.hpp"

namespace nibble::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kClasses = 10;

void CheckLabels(std::span<const std::uint8_t> labels,
                 const std::string& file) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= kClasses) {
      throw InputError(file, "label of record " + std::to_string(i + 1),
                       std::to_string(labels[i]), "0 to 9");
    }
  }
}

// CIFAR's planes [channels, pixels] to [pixels, channels].
void Interleave(const std::uint8_t* planes, std::size_t pixels,
                std::size_t channels, std::uint8_t* out) {
  for (std::size_t i = 0; i < pixels; ++i) {
    for (std::size_t c = 0; c < channels; ++c) *out++ = planes[c * pixels + i];
  }
}

void Append(const Images& part, Images& all) {
  if (all.count == 0) {
    all = part;
    return;
  }
  all.count += part.count;
  all.pixels.insert(all.pixels.end(), part.pixels.begin(), part.pixels.end());
  all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
}

// `dir`/`name`, or with .gz where only that exists.
fs::path PlainOrGzip(const fs::path& dir, const std::string& name) {
  const fs::path packed = dir / (name + ".gz");
  std::error_code error;  // Whatever it is, opening the file tells it better.
  const bool plain = fs::exists(dir / name, error);
  return !plain && fs::exists(packed, error) ? packed : dir / name;
}

}  // namespace

Images ParseCifar10(Bytes bytes, const std::string& name, std::size_t limit) {
  constexpr std::size_t kSide = 32, kChannels = 3, kPixels = kSide * kSide;
  constexpr std::size_t kRecord = 1 + kPixels * kChannels;
  if (bytes.empty() || bytes.size() % kRecord != 0) {
    throw InputError(name, "size", std::to_string(bytes.size()),
                     "a multiple of " + std::to_string(kRecord) + " bytes");
  }
  Images out{.count = std::min(bytes.size() / kRecord, limit),
             .height = kSide,
             .width = kSide,
             .channels = kChannels,
             .pixels = {},
             .labels = {}};
  out.labels.resize(out.count);
  out.pixels.resize(out.count * kPixels * kChannels);
  const auto* record = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (std::size_t i = 0; i < out.count; ++i, record += kRecord) {
    out.labels[i] = record[0];
    Interleave(record + 1, kPixels, kChannels,
               out.pixels.data() + i * kPixels * kChannels);
  }
  CheckLabels(out.labels, name);
  return out;
}

Images LoadCifar10(const fs::path& dir, Split split, std::size_t limit) {
  const auto load = [&](const std::string& name, std::size_t most) {
    const fs::path path = dir / name;
    return ParseCifar10(MappedFile::Open(path).bytes(), path.string(), most);
  };
  if (split == Split::kTest) return load("test_batch.bin", limit);
  Images all = load("data_batch_1.bin", limit);
  for (int i = 2; i <= 5 && all.count < limit; ++i) {
    Append(load("data_batch_" + std::to_string(i) + ".bin", limit - all.count),
           all);
  }
  return all;
}

Images LoadMnist(const fs::path& dir, Split split, std::size_t limit) {
  const std::string prefix = split == Split::kTrain ? "train" : "t10k";
  const fs::path image_path = PlainOrGzip(dir, prefix + "-images-idx3-ubyte");
  const fs::path label_path = PlainOrGzip(dir, prefix + "-labels-idx1-ubyte");
  IdxArray images = LoadIdx(image_path);
  IdxArray labels = LoadIdx(label_path);
  if (images.shape.size() != 3) {
    throw InputError(image_path.string(), "dimensions",
                     std::to_string(images.shape.size()), "3");
  }
  if (labels.shape.size() != 1) {
    throw InputError(label_path.string(), "dimensions",
                     std::to_string(labels.shape.size()), "1");
  }
  if (labels.shape[0] != images.shape[0]) {
    throw InputError(label_path.string(), "labels",
                     std::to_string(labels.shape[0]),
                     std::to_string(images.shape[0]) + ", one per image");
  }
  Images out{.count = std::min(images.shape[0], limit),
             .height = images.shape[1],
             .width = images.shape[2],
             .channels = 1,
             .pixels = std::move(images.data),
             .labels = std::move(labels.data)};
  out.pixels.resize(out.count * out.image_size());
  out.labels.resize(out.count);
  CheckLabels(out.labels, label_path.string());
  return out;
}

}  // namespace nibble::io
