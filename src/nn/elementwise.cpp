// Kernels and run-time dispatch of nibble/nn/elementwise.hpp.
#include "nibble/nn/elementwise.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/nn/elementwise.cpp"  // from the root
#include <hwy/foreach_target.h>

#include "nibble/core/highway.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble::nn {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// to[i] = op(to[i], from[i]), or op(a[i], b[i]) with `to` apart.
template <class Op>
HWY_INLINE void Combine(const float* a, const float* b, size_t n, float* to,
                        const Op& op) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> d1;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(op(d, hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, to + i);
  }
  for (; i < n; ++i) {
    hn::StoreU(op(d1, hn::LoadU(d1, a + i), hn::LoadU(d1, b + i)), d1, to + i);
  }
}

struct Sum {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Add(a, b);
  }
};
struct SumRelu {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V a, V b) const {
    const V sum = hn::Add(a, b);
    const V zero = hn::Zero(d);
    return hn::IfThenElse(hn::Lt(sum, zero), zero, sum);  // keeps NaN
  }
};
struct Larger {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Max(a, b);
  }
};

void AddFloats(const float* a, const float* b, size_t n, bool relu, float* to) {
  if (relu) {
    Combine(a, b, n, to, SumRelu());
  } else {
    Combine(a, b, n, to, Sum());
  }
}

void MaxFloats(const float* a, size_t n, float* to) {
  Combine(to, a, n, to, Larger());
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <limits>
#include <vector>

#include "nibble/core/check.hpp"

namespace nibble::nn {
HWY_EXPORT(AddFloats);
HWY_EXPORT(MaxFloats);

namespace {

// in2 as Add wants it, pixel by pixel.
void AddShortcut(const Layer& layer, const Shape& from, const float* in,
                 const float* in2, float* out) {
  const Shape& shape = layer.out;
  const std::size_t front = (shape.channels - from.channels) / 2;
  std::vector<float> padded(shape.channels);
  for (std::size_t y = 0; y < shape.height; ++y) {
    for (std::size_t x = 0; x < shape.width; ++x) {
      const float* pixel = in2 + (y * layer.stride.height * from.width +
                                  x * layer.stride.width) *
                                     from.channels;
      std::copy_n(pixel, from.channels, padded.data() + front);
      const std::size_t at = (y * shape.width + x) * shape.channels;
      HWY_DYNAMIC_DISPATCH(AddFloats)
      (in + at, padded.data(), shape.channels, layer.relu, out + at);
    }
  }
}

}  // namespace

void Add(const Layer& layer, const Shape& in2_shape, std::size_t images,
         std::span<const float> in, std::span<const float> in2,
         std::span<float> out) {
  NIBBLE_CHECK("Add", in.size() == images * layer.out.size());
  NIBBLE_CHECK("Add", out.size() == images * layer.out.size());
  NIBBLE_CHECK("Add", in2.size() == images * in2_shape.size());
  if (in2_shape == layer.out) {
    HWY_DYNAMIC_DISPATCH(AddFloats)
    (in.data(), in2.data(), in.size(), layer.relu, out.data());
    return;
  }
  NIBBLE_CHECK("Add", in2_shape.channels <= layer.out.channels);
  NIBBLE_CHECK(
      "Add", (layer.out.height - 1) * layer.stride.height < in2_shape.height &&
                 (layer.out.width - 1) * layer.stride.width < in2_shape.width);
  for (std::size_t i = 0; i < images; ++i) {
    AddShortcut(layer, in2_shape, in.data() + i * layer.out.size(),
                in2.data() + i * in2_shape.size(),
                out.data() + i * layer.out.size());
  }
}

void AvgPool(const Layer& layer, std::size_t images, std::span<const float> in,
             std::span<float> out) {
  const std::size_t channels = layer.in.channels;
  const std::size_t pixels = layer.in.pixels();
  NIBBLE_CHECK("AvgPool", in.size() == images * layer.in.size());
  NIBBLE_CHECK("AvgPool", out.size() == images * channels);
  for (std::size_t i = 0; i < images; ++i) {
    float* sum = out.data() + i * channels;
    std::fill_n(sum, channels, 0.0f);
    for (std::size_t p = 0; p < pixels; ++p) {
      HWY_DYNAMIC_DISPATCH(AddFloats)
      (sum, in.data() + (i * pixels + p) * channels, channels, false, sum);
    }
    for (std::size_t c = 0; c < channels; ++c) {
      sum[c] /= static_cast<float>(pixels);
    }
  }
}

void MaxPool(const Layer& layer, std::size_t images, std::span<const float> in,
             std::span<float> out) {
  const Shape& from = layer.in;
  NIBBLE_CHECK("MaxPool", in.size() == images * from.size());
  NIBBLE_CHECK("MaxPool", out.size() == images * layer.out.size());
  std::ranges::fill(out, -std::numeric_limits<float>::infinity());
  float* to = out.data();
  for (std::size_t i = 0; i < images * layer.out.pixels(); ++i) {
    const std::size_t pixel = i % layer.out.pixels();
    const float* image = in.data() + i / layer.out.pixels() * from.size();
    for (std::size_t tap = 0; tap < layer.kernel.area(); ++tap) {
      // Above or left of the image wraps to a huge number.
      const std::size_t y = pixel / layer.out.width * layer.stride.height +
                            tap / layer.kernel.width - layer.padding.height;
      const std::size_t x = pixel % layer.out.width * layer.stride.width +
                            tap % layer.kernel.width - layer.padding.width;
      if (y >= from.height || x >= from.width) continue;
      HWY_DYNAMIC_DISPATCH(MaxFloats)
      (image + (y * from.width + x) * from.channels, from.channels, to);
    }
    to += from.channels;
  }
}

}  // namespace nibble::nn
#endif
