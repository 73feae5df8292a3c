#include "nibble/qat/pool.hpp"

#include <algorithm>

namespace nibble::qat {
namespace {

template <class T>
T* At(const ViewOf4<T>& v, std::size_t b, std::size_t y, std::size_t x,
      std::size_t c) {
  return v.at + b * v.image + y * v.row + x * v.pixel + c;
}

void Clear(const nn::Shape& shape, std::size_t images, const MutableView& d) {
  for (std::size_t b = 0; b < images; ++b) {
    for (std::size_t y = 0; y < shape.height; ++y) {
      for (std::size_t x = 0; x < shape.width; ++x) {
        std::fill_n(At(d, b, y, x, 0), shape.channels, 0.0f);
      }
    }
  }
}

// Calls body(b, y, x, c, from, best) for each output of a max pool: `from`
// points at the first largest input of its window, which is pixel (iy, ix).
template <class Body>
void ForWindows(const nn::Layer& layer, std::size_t images, const View& in,
                const Body& body) {
  const nn::Shape &out = layer.out, &shape = layer.in;
  for (std::size_t b = 0; b < images; ++b) {
    for (std::size_t y = 0; y < out.height; ++y) {
      for (std::size_t x = 0; x < out.width; ++x) {
        const std::size_t top = y * layer.stride.height;
        const std::size_t left = x * layer.stride.width;
        const std::size_t pad_y = layer.padding.height;
        const std::size_t pad_x = layer.padding.width;
        const std::size_t y0 = std::max(top, pad_y) - pad_y;
        const std::size_t x0 = std::max(left, pad_x) - pad_x;
        const std::size_t y1 =
            std::min(top + layer.kernel.height - pad_y, shape.height);
        const std::size_t x1 =
            std::min(left + layer.kernel.width - pad_x, shape.width);
        for (std::size_t c = 0; c < out.channels; ++c) {
          std::size_t iy = y0, ix = x0;
          float best = *At(in, b, y0, x0, c);
          for (std::size_t v = y0; v < y1; ++v) {
            for (std::size_t u = x0; u < x1; ++u) {
              const float value = *At(in, b, v, u, c);
              if (!(value > best)) continue;
              best = value, iy = v, ix = u;
            }
          }
          body(b, y, x, c, iy, ix);
        }
      }
    }
  }
}

}  // namespace

void AvgPoolForward(const nn::Layer& layer, std::size_t images, View x,
                    MutableView y) {
  const nn::Shape& in = layer.in;
  const float share = 1.0f / static_cast<float>(in.pixels());
  for (std::size_t b = 0; b < images; ++b) {
    float* to = At(y, b, 0, 0, 0);
    std::fill_n(to, in.channels, 0.0f);
    for (std::size_t v = 0; v < in.height; ++v) {
      for (std::size_t u = 0; u < in.width; ++u) {
        const float* from = At(x, b, v, u, 0);
        for (std::size_t c = 0; c < in.channels; ++c) to[c] += from[c];
      }
    }
    for (std::size_t c = 0; c < in.channels; ++c) to[c] *= share;
  }
}

void AvgPoolBackward(const nn::Layer& layer, std::size_t images, View dy,
                     bool add, MutableView dx) {
  const nn::Shape& in = layer.in;
  const float share = 1.0f / static_cast<float>(in.pixels());
  for (std::size_t b = 0; b < images; ++b) {
    const float* from = At(dy, b, 0, 0, 0);
    for (std::size_t v = 0; v < in.height; ++v) {
      for (std::size_t u = 0; u < in.width; ++u) {
        float* to = At(dx, b, v, u, 0);
        for (std::size_t c = 0; c < in.channels; ++c) {
          const float d = from[c] * share;
          to[c] = add ? to[c] + d : d;
        }
      }
    }
  }
}

void MaxPoolForward(const nn::Layer& layer, std::size_t images, View x,
                    MutableView y) {
  ForWindows(layer, images, x,
             [&](std::size_t b, std::size_t v, std::size_t u, std::size_t c,
                 std::size_t iy, std::size_t ix) {
               *At(y, b, v, u, c) = *At(x, b, iy, ix, c);
             });
}

void MaxPoolBackward(const nn::Layer& layer, std::size_t images, View x,
                     View dy, bool add, MutableView dx) {
  if (!add) Clear(layer.in, images, dx);
  ForWindows(layer, images, x,
             [&](std::size_t b, std::size_t v, std::size_t u, std::size_t c,
                 std::size_t iy, std::size_t ix) {
               *At(dx, b, iy, ix, c) += *At(dy, b, v, u, c);
             });
}

}  // namespace nibble::qat
