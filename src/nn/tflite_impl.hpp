// What a TfliteNetwork holds; shared by the files that build and run it.
#pragma once

#include <vector>

#include "nibble/nn/tflite.hpp"
#include "nibble/nn/tflite_ops.hpp"

namespace nibble::nn {

// A layer's arithmetic; of the three, the one that its kind asks for.
struct TfliteLayer {
  TfliteConv conv;   // kConv2d, kLinear
  TfliteAdd add;     // kAdd
  TfliteOutput out;  // kAvgPool
};

struct TfliteNetwork::Impl {
  Impl(const io::Tflite& file, const std::string& origin);

  Model model;
  std::vector<TfliteLayer> layers;  // as model.layers
  QuantParams input, output;
};

}  // namespace nibble::nn
