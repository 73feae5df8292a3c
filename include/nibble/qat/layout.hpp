// How the activations of a shard lie in memory.
#pragma once

#include <cstddef>

#include "nibble/nn/model.hpp"
#include "nibble/qat/passes.hpp"

namespace nibble::qat {

// Images [height, width, channels] with a border of zeros around each, as wide
// as the windows of its readers need:
//
//     . . . . . .      top, bottom: rows;  left, right: pixels
//     . x x x x .
//     . x x x x .      written once, when the memory is made; nobody writes to
//     . . . . . .      the border again
struct Layout {
  nn::Shape shape;
  std::size_t top = 0, bottom = 0, left = 0, right = 0;

  std::size_t row() const {
    return (left + shape.width + right) * shape.channels;
  }
  std::size_t image() const { return (top + shape.height + bottom) * row(); }
  std::size_t origin() const { return top * row() + left * shape.channels; }
  bool tight() const { return top + bottom + left + right == 0; }

  template <class T>
  ViewOf4<T> view(T* memory) const {
    return {memory + origin(), image(), row(), shape.channels};
  }
};

inline Span4 SpanOf(const nn::Shape& shape, std::size_t images) {
  return {images, shape.height, shape.width, shape.channels};
}

}  // namespace nibble::qat
