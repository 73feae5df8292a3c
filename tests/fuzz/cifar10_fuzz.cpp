// The first byte limits the number of images.
#include "fuzz.hpp"
#include "nibble/io/images.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0) return 0;
  const std::size_t limit = data[0];
  nibble::fuzz::Accepts(data + 1, size - 1, [&](nibble::io::Bytes bytes) {
    const auto images = nibble::io::ParseCifar10(bytes, "fuzz", limit);
    nibble::fuzz::Require(
        images.count <= limit && images.labels.size() == images.count &&
        images.pixels.size() == images.count * images.image_size());
  });
  return 0;
}
