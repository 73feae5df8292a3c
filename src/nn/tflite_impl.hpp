// What a TfliteNetwork holds; shared by the files that build and run it.
#pragma once

#include <vector>

#include "nibble/nn/tflite.hpp"
#include "nibble/nn/tflite_ops.hpp"
#include "nibble/quant/conv2d.hpp"

namespace nibble::nn {

// A layer's arithmetic; of the three, the one that its kind asks for.
struct TfliteLayer {
  TfliteConv conv;    // kConv2d, kLinear
  ByteFilter filter;  // its weights, packed
  TfliteAdd add;      // kAdd
  TfliteOutput out;   // kAvgPool
};

// out[i] = TfliteSum(a[i], b[i], add). The network keeps codes as unsigned
// bytes, 128 more; so do these.
void AddBytes(const TfliteAdd& add, std::span<const std::uint8_t> a,
              std::span<const std::uint8_t> b, std::span<std::uint8_t> out);

// sums[c] of the bytes of all pixels; in: [pixels, sums.size()].
void SumBytes(std::span<const std::uint8_t> in, std::span<std::int32_t> sums);

// out[c] = TfliteMean over the pixels.
void MeanBytes(const TfliteOutput& range, std::span<const std::uint8_t> in,
               std::span<std::uint8_t> out);

struct TfliteNetwork::Impl {
  Impl(const io::Tflite& file, const std::string& origin);

  // One after another, `images` of them; gives the last layer's output.
  std::span<const std::uint8_t> Run(
      std::span<const std::int8_t> inputs, std::size_t images,
      std::vector<std::vector<std::uint8_t>>& buffers) const;

  Model model;
  std::vector<TfliteLayer> layers;  // as model.layers
  std::vector<std::size_t> buffer;  // by layer: where its output lies
  std::size_t buffers = 0;
  QuantParams input, output;
};

}  // namespace nibble::nn
