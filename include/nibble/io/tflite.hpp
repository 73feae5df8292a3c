// TensorFlow Lite files: a graph of operators on quantized tensors.
//
//     const io::Tflite file = io::Tflite::Open("resnet_quant.tflite");
//     for (const io::TfliteOperator& op : file.operators) ...
//
// The first subgraph, and of the operators those that a convolutional
// classifier is made of. A file is a FlatBuffer of type "TFL3"; what its tables
// mean is in TensorFlow's schema.fbs (version 3).
//
// What a tensor's codes stand for: scale * (code - zero point), with one scale
// for all or one for each index of dimension `axis`.
//
// Source   tensorflow/lite/schema/schema.fbs; ai.google.dev/edge/litert,
//          "LiteRT 8-bit quantization specification".
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nibble/io/mapped_file.hpp"

namespace nibble::io {

struct TfliteTensor {
  std::string name;
  std::string dtype;  // as in safetensors: F32, I8, I32, ...
  std::vector<std::size_t> shape;
  Bytes data;  // of any alignment; empty for what is computed
  std::vector<float> scales;
  std::vector<std::int64_t> zero_points;  // as many as scales
  std::size_t axis = 0;                   // of scales, where there are several
};

enum class TfliteOp {  // the schema's BuiltinOperator
  kAdd = 0,
  kAveragePool2d = 1,
  kConv2d = 3,
  kDepthwiseConv2d = 4,
  kFullyConnected = 9,
  kReshape = 22,
  kSoftmax = 25,
};
const char* ToString(TfliteOp op);

enum class TfliteActivation {
  kNone = 0,
  kRelu = 1,
  kReluN1To1 = 2,
  kRelu6 = 3
};

struct TfliteOperator {
  TfliteOp op = TfliteOp::kAdd;
  // Tensors by index. Those that an operator has to have are there: the input
  // (kAdd: two), and weights. -1 is an absent bias.
  std::vector<std::int32_t> inputs;
  std::vector<std::int32_t> outputs;
  TfliteActivation activation = TfliteActivation::kNone;
  bool same_padding = true;  // else VALID: none
  std::size_t stride_height = 1, stride_width = 1;
  std::size_t filter_height = 1, filter_width = 1;  // of a pool
  std::size_t depth_multiplier = 1;
};

struct Tflite {
  std::vector<TfliteTensor> tensors;
  std::vector<TfliteOperator> operators;  // in the order in which they run
  std::vector<std::int32_t> inputs;
  std::vector<std::int32_t> outputs;
  std::shared_ptr<const MappedFile> map;  // keeps the tensors' data

  // Errors   InputError naming the file, the field, what was found and what
  //          was expected: an offset or a size that leads outside the file, a
  //          tensor whose data have another size than its shape, scales that
  //          are no positive numbers, an operator that is not among the above
  //          or has an option that none of them needs (dilation).
  static Tflite Open(const std::filesystem::path& path);

  // The same for bytes in memory, which must outlive the result.
  static Tflite Parse(Bytes bytes, const std::string& name);
};

}  // namespace nibble::io
