// Labelled images: CIFAR-10, MNIST, and the small digits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "nibble/io/file.hpp"

namespace nibble::io {

struct Images {
  std::size_t count = 0, height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> pixels;  // [count, height, width, channels]
  std::vector<std::uint8_t> labels;  // [count], 0..9
  int max_value = 255;               // of a pixel

  std::size_t image_size() const { return height * width * channels; }
  std::span<const std::uint8_t> image(std::size_t i) const {
    return std::span(pixels).subspan(i * image_size(), image_size());
  }
};

enum class Split { kTrain, kTest };

inline constexpr std::size_t kAllImages =
    std::numeric_limits<std::size_t>::max();

// CIFAR-10's binary version: records of 3,073 bytes, one label 0..9 and then
// 1,024 red, 1,024 green, 1,024 blue values, row-major. The result is RGB by
// pixel. Train is data_batch_1.bin to data_batch_5.bin, test test_batch.bin.
//
// Errors   InputError naming the file: absent, empty or not whole records, a
//          label above 9 (with its record).
Images LoadCifar10(const std::filesystem::path& dir, Split split,
                   std::size_t limit = kAllImages);

// One file of it. Reads no more than the first `limit` records.
Images ParseCifar10(Bytes bytes, const std::string& name,
                    std::size_t limit = kAllImages);

// MNIST: train-images-idx3-ubyte and train-labels-idx1-ubyte, or t10k-..., each
// plain or with .gz.
//
// Errors   as LoadIdx; and InputError for another rank, unequal counts of
//          images and labels, or a label above 9.
Images LoadMnist(const std::filesystem::path& dir, Split split,
                 std::size_t limit = kAllImages);

// The digits: 65 comma-separated integers per line, 8x8 pixels of 0..16 and the
// label 0..9, plain or gzipped.
//
// Errors   InputError with the line and the column, both counted from 1.
// Source   UCI Optical Recognition of Handwritten Digits, Alpaydin and Kaynak.
Images LoadDigits(const std::filesystem::path& path);
Images LoadDigits(Bytes bytes, const std::string& name = "digits");

}  // namespace nibble::io
