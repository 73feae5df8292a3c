// What is read can be converted where its type can, and written so that it is
// read the same.
#include <algorithm>

#include "fuzz.hpp"
#include "nibble/io/gguf.hpp"

using nibble::fuzz::Require;
using nibble::io::Gguf;
using nibble::io::TensorView;

namespace {

bool Same(const TensorView& a, const TensorView& b) {
  return a.name == b.name && a.dtype == b.dtype && a.shape == b.shape &&
         std::ranges::equal(a.data, b.data);
}

void Check(const Gguf& file) {
  for (const TensorView& tensor : file.tensors()) {
    Require(file.FindTensor(tensor.name) == &tensor);
    try {
      Require(nibble::io::GgufToFloat(tensor).size() == tensor.count());
    } catch (const nibble::InputError&) {
      Require(!nibble::io::FindGgufType(tensor.dtype)->format);
    }
  }
  const auto bytes = nibble::io::SerializeGguf(file.metadata(), file.tensors());
  const Gguf again = Gguf::Parse(bytes, "again");
  // Compared as bytes: NaN is not equal to itself.
  Require(nibble::io::SerializeGguf(again.metadata(), again.tensors()) ==
          bytes);
  Require(again.metadata().size() == file.metadata().size());
  Require(std::ranges::equal(again.tensors(), file.tensors(), Same));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  nibble::fuzz::Accepts(data, size, [](nibble::io::Bytes bytes) {
    Check(Gguf::Parse(bytes, "fuzz"));
  });
  return 0;
}
