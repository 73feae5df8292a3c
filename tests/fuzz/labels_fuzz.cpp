#include "fuzz.hpp"
#include "nibble/io/labels.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  nibble::fuzz::Accepts(data, size, [](nibble::io::Bytes bytes) {
    nibble::fuzz::Require(!nibble::io::ParseLabels(bytes, "fuzz").empty());
  });
  return 0;
}
