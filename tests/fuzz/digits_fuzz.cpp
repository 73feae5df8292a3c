// What is read is an image of 64 pixels per label, none too bright.
#include <algorithm>

#include "fuzz.hpp"
#include "nibble/io/images.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  nibble::fuzz::Accepts(data, size, [](nibble::io::Bytes bytes) {
    const auto images = nibble::io::LoadDigits(bytes, "fuzz");
    nibble::fuzz::Require(images.labels.size() == images.count &&
                          images.pixels.size() == images.count * 64);
    nibble::fuzz::Require(std::ranges::all_of(
        images.pixels, [&](int pixel) { return pixel <= images.max_value; }));
  });
  return 0;
}
