// What is read can be converted, and written so that it is read the same.
#include "fuzz.hpp"
#include "nibble/io/npy.hpp"

using nibble::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  nibble::fuzz::Accepts(data, size, [](nibble::io::Bytes bytes) {
    const auto array = nibble::io::ParseNpy(bytes, "fuzz");
    Require(nibble::io::ToFloat(array).size() == array.count());
    const auto again =
        nibble::io::ParseNpy(nibble::io::SerializeNpy(array), "again");
    Require(again.dtype == array.dtype && again.shape == array.shape &&
            again.data == array.data);
  });
  return 0;
}
