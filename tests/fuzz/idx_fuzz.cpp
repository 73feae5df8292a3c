// Plain and gzipped. The limit is one that a small input can pass.
#include "fuzz.hpp"
#include "nibble/io/idx.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  constexpr std::size_t kLimit = 1 << 20;
  nibble::fuzz::Accepts(data, size, [](nibble::io::Bytes bytes) {
    const auto array = nibble::io::ParseIdx(bytes, "fuzz", kLimit);
    std::size_t count = 1;
    for (const std::size_t n : array.shape) count *= n;
    nibble::fuzz::Require(array.data.size() == count && count <= kLimit);
  });
  return 0;
}
