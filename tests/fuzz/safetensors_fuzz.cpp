// What is read can be converted, and written so that it is read the same.
#include <algorithm>

#include "fuzz.hpp"
#include "nibble/io/safetensors.hpp"

using nibble::fuzz::Require;
using nibble::io::SafeTensors;
using nibble::io::TensorView;

namespace {

bool Same(const TensorView& a, const TensorView& b) {
  return a.name == b.name && a.dtype == b.dtype && a.shape == b.shape &&
         std::ranges::equal(a.data, b.data);
}

void Check(const SafeTensors& file) {
  for (const TensorView& tensor : file.tensors()) {
    Require(file.Find(tensor.name) == &tensor);
    if (tensor.dtype == "C64") continue;
    Require(nibble::io::ToFloat(tensor).size() == tensor.count());
  }
  const auto bytes = nibble::io::Serialize(file.tensors(), file.metadata());
  const SafeTensors again = SafeTensors::Parse(bytes, "again");
  Require(again.metadata() == file.metadata());
  Require(std::ranges::equal(again.tensors(), file.tensors(), Same));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  nibble::fuzz::Accepts(data, size, [](nibble::io::Bytes bytes) {
    Check(SafeTensors::Parse(bytes, "fuzz"));
  });
  return 0;
}
