// What is read covers the file, tensor by tensor, and can be converted.
#include "fuzz.hpp"
#include "nibble/io/llama2c.hpp"

using nibble::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  nibble::fuzz::Accepts(data, size, [&](nibble::io::Bytes bytes) {
    const auto file = nibble::io::Llama2c::Parse(bytes, "fuzz");
    const auto& c = file.config();
    std::size_t floats = 7 + c.context * c.head_dim;
    for (const auto& tensor : file.tensors()) {
      Require(nibble::io::ToFloat(tensor).size() == tensor.count());
      floats += tensor.count();
    }
    Require(4 * floats == size);
    Require(file.tensors().size() == 9 * c.layers + (c.tied ? 2 : 3));
    Require(c.heads % c.kv_heads == 0 && c.head_dim % 2 == 0);
  });
  return 0;
}
