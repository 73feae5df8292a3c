// Shapes of images, windows and convolutions.
#pragma once

#include <cstddef>

namespace nibble {

// Activations lie as [height, width, channels], channels contiguous (NHWC).
struct Shape {
  std::size_t height = 1;
  std::size_t width = 1;
  std::size_t channels = 1;

  constexpr std::size_t pixels() const { return height * width; }
  constexpr std::size_t size() const { return pixels() * channels; }
  bool operator==(const Shape&) const = default;
};

// Rows and columns: of a kernel, a stride, a padding.
struct Extent {
  std::size_t height = 1;
  std::size_t width = 1;

  constexpr std::size_t area() const { return height * width; }
  bool operator==(const Extent&) const = default;
};

struct Conv2dShape {
  Shape in;
  Shape out;
  Extent kernel = {};
  Extent stride = {};
  Extent padding{0, 0};    // zeros above and to the left; below and to the
                           // right as many as the output's size needs
  std::size_t groups = 1;  // divides in.channels and out.channels

  constexpr std::size_t in_channels() const { return in.channels / groups; }
  constexpr std::size_t out_channels() const { return out.channels / groups; }
  constexpr std::size_t reduction() const {
    return in_channels() * kernel.area();
  }
  bool operator==(const Conv2dShape&) const = default;
};

}  // namespace nibble
