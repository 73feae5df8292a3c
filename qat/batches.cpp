#include "nibble/qat/batches.hpp"

#include <numeric>
#include <utility>

#include "nibble/core/random.hpp"

namespace nibble::qat {

std::uint32_t Random(std::uint64_t seed, Stream stream, std::uint64_t index) {
  return RandomBits(seed, (static_cast<std::uint64_t>(stream) << 48) + index);
}

std::vector<std::uint32_t> EpochOrder(std::size_t n, std::uint64_t seed,
                                      std::uint64_t epoch) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  for (std::size_t i = n; i > 1; --i) {
    const std::uint64_t bits =
        Random(seed, Stream::kOrder, epoch * n + i - 1);
    std::swap(order[i - 1], order[static_cast<std::size_t>(bits * i >> 32)]);
  }
  return order;
}

Augmentation AugmentationOf(std::uint64_t seed, std::uint64_t epoch,
                            std::size_t images, std::size_t image) {
  const std::uint32_t bits =
      Random(seed, Stream::kAugment, epoch * images + image);
  // Two numbers below 9 and a bit, from 15, 15 and 1 bits.
  return {static_cast<int>((bits & 0x7FFF) * 9 >> 15) - 4,
          static_cast<int>((bits >> 15 & 0x7FFF) * 9 >> 15) - 4,
          bits >> 31 != 0};
}

InputWriter::InputWriter(const nn::Model& model, const io::Images& images)
    : images_(images),
      flat_(model.input.pixels() == 1) {
  nn::CheckSize(model, images);
  for (std::size_t c = 0; c < images.channels; ++c) {
    const nn::Preprocessing& p = model.preprocessing;
    const bool alike = p.mean.empty() && p.stddev.empty();
    tables_.push_back(
        nn::InputTable(p, images.max_value, alike || flat_ ? 0 : c));
  }
}

void InputWriter::Write(std::size_t image, const Augmentation& augmentation,
                        MutableView to) const {
  const std::span<const std::uint8_t> from = images_.image(image);
  const auto height = static_cast<int>(images_.height);
  const auto width = static_cast<int>(images_.width);
  const std::size_t channels = images_.channels;
  const std::size_t row = flat_ ? images_.width * channels : to.row;
  const std::size_t pixel = flat_ ? channels : to.pixel;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int v = y + augmentation.down;
      const int u = (augmentation.mirror ? width - 1 - x : x) +
                    augmentation.right;
      const bool inside = v >= 0 && v < height && u >= 0 && u < width;
      const std::uint8_t* source =
          from.data() +
          (inside ? static_cast<std::size_t>(v * width + u) * channels : 0);
      float* out = to.at + static_cast<std::size_t>(y) * row +
                   static_cast<std::size_t>(x) * pixel;
      for (std::size_t c = 0; c < channels; ++c) {
        out[c] = tables_[c][inside ? source[c] : 0];
      }
    }
  }
}

}  // namespace nibble::qat
