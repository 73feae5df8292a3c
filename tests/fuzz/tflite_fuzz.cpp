// What is read refers to nothing that is not there.
#include "fuzz.hpp"
#include "nibble/io/tflite.hpp"

using nibble::fuzz::Require;
using nibble::io::Tflite;

namespace {

void Check(const Tflite& file, nibble::io::Bytes bytes) {
  const auto inside = [&](const std::vector<std::int32_t>& tensors) {
    for (const std::int32_t t : tensors) {
      Require(t == -1 || static_cast<std::size_t>(t) < file.tensors.size());
    }
  };
  inside(file.inputs);
  inside(file.outputs);
  for (const auto& op : file.operators) {
    inside(op.inputs);
    inside(op.outputs);
    Require(op.stride_height > 0 && op.stride_width > 0);
  }
  for (const auto& tensor : file.tensors) {
    Require(tensor.scales.size() == tensor.zero_points.size());
    if (tensor.data.empty()) continue;
    Require(tensor.data.data() >= bytes.data() &&
            tensor.data.data() + tensor.data.size() <=
                bytes.data() + bytes.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  nibble::fuzz::Accepts(data, size, [](nibble::io::Bytes bytes) {
    Check(Tflite::Parse(bytes, "fuzz"), bytes);
  });
  return 0;
}
