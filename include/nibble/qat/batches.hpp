// From a data set to the inputs of a step: order, crop, flip, normalization.
// All random bits are counted, so that any step of any epoch can be made again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nibble/io/images.hpp"
#include "nibble/nn/network.hpp"
#include "nibble/qat/passes.hpp"

namespace nibble::qat {

// Parts of a seed's stream that never meet: words i of stream s are words s *
// 2^48 + i of the whole.
enum class Stream : std::uint64_t { kWeights = 1, kOrder, kAugment };
std::uint32_t Random(std::uint64_t seed, Stream stream, std::uint64_t index);

// 0, ..., n - 1 in the order of one epoch (Fisher and Yates).
std::vector<std::uint32_t> EpochOrder(std::size_t n, std::uint64_t seed,
                                      std::uint64_t epoch);

// A crop of the image with a border of 4 zero pixels, and whether it is
// mirrored.
struct Augmentation {
  int down = 0, right = 0;  // -4 to 4
  bool mirror = false;
};
Augmentation AugmentationOf(std::uint64_t seed, std::uint64_t epoch,
                            std::size_t images, std::size_t image);

// Writes images as network inputs.
class InputWriter {
 public:
  // Errors   InputError if the images have another size than model.input.
  InputWriter(const nn::Model& model, const io::Images& images);

  // to: one image, in the shape of the data set (or flat, as model.input).
  void Write(std::size_t image, const Augmentation& augmentation,
             MutableView to) const;

 private:
  const io::Images& images_;
  bool flat_;
  std::vector<std::array<float, 256>> tables_;  // by channel
};

}  // namespace nibble::qat
