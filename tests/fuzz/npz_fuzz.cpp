// What is read can be written, either way of packing, so that it is read the
// same. The limit is one that a small input can pass.
#include "fuzz.hpp"
#include "nibble/io/npy.hpp"

using nibble::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  constexpr std::size_t kLimit = 1 << 20;
  nibble::fuzz::Accepts(data, size, [](nibble::io::Bytes bytes) {
    const auto arrays = nibble::io::ParseNpz(bytes, "fuzz", kLimit);
    for (const auto packing :
         {nibble::io::Packing::kStored, nibble::io::Packing::kDeflated}) {
      const auto again = nibble::io::ParseNpz(
          nibble::io::SerializeNpz(arrays, packing), "again");
      Require(again.size() == arrays.size());
      for (const auto& [name, array] : arrays) {
        Require(again.at(name).data == array.data);
      }
    }
  });
  return 0;
}
