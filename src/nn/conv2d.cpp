// Kernels and run-time dispatch of nibble/nn/conv2d.hpp.
#include "nibble/nn/conv2d.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/nn/conv2d.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/core/highway.hpp"
#include "nibble/core/gemm-inl.hpp"
#include "nibble/nn/gemm_f32-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble::nn {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace target = nibble::HWY_NAMESPACE;

using Wide = hn::ScalableTag<float>;
using Narrow = hn::CappedTag<float, 8>;  // where Wide's tile were half empty

// Rows of the product are the output's pixels, image by image. Stands at one of
// them and writes where each tap of its window lies.
class WindowCursor {
 public:
  WindowCursor(const Conv2dShape& shape, const float* in, const float* zeros,
               size_t m)
      : shape_(shape),
        image_(in + m / shape.out.pixels() * shape.in.size()),
        zeros_(zeros),
        y_(m % shape.out.pixels() / shape.out.width),
        x_(m % shape.out.width),
        row_(shape.in.width * shape.in.channels),
        rows_inside_(shape.in.height + 1 -
                     HWY_MIN(shape.in.height + 1, shape.kernel.height)),
        columns_inside_(shape.in.width + 1 -
                        HWY_MIN(shape.in.width + 1, shape.kernel.width)) {}

  HWY_INLINE void operator()(const float** out, size_t step) {
    // Above or left of the image wraps to a huge number, so that one comparison
    // finds both ends.
    const size_t top = y_ * shape_.stride.height - shape_.padding.height;
    const size_t left = x_ * shape_.stride.width - shape_.padding.width;
    size_t at = top * row_ + left * shape_.in.channels;
    if (top < rows_inside_ && left < columns_inside_) {
      for (size_t ky = 0; ky < shape_.kernel.height; ++ky, at += row_) {
        const float* tap = image_ + at;
        for (size_t kx = 0; kx < shape_.kernel.width; ++kx, out += step) {
          *out = tap;
          tap += shape_.in.channels;
        }
      }
    } else {
      for (size_t ky = 0; ky < shape_.kernel.height; ++ky, at += row_) {
        for (size_t kx = 0; kx < shape_.kernel.width; ++kx, out += step) {
          const bool inside =
              top + ky < shape_.in.height && left + kx < shape_.in.width;
          *out = inside ? image_ + (at + kx * shape_.in.channels) : zeros_;
        }
      }
    }
    if (++x_ < shape_.out.width) return;
    x_ = 0;
    if (++y_ < shape_.out.height) return;
    y_ = 0;
    image_ += shape_.in.size();
  }

 private:
  const Conv2dShape shape_;
  const float* image_;
  const float* zeros_;
  size_t y_, x_;
  size_t row_;                           // elements
  size_t rows_inside_, columns_inside_;  // windows that need no zeros
};

struct ConvRows {
  const Conv2dShape& shape;
  const float* in;  // first channel of the group
  const float* zeros;

  WindowCursor operator()(size_t m) const { return {shape, in, zeros, m}; }
};

struct BiasRelu {
  const float* bias;  // [whole tiles]
  float floor;        // 0, or -inf for no ReLU
  float* out;         // first channel of the group
  size_t stride;      // channels of an output pixel

  template <class D, class V>
  HWY_INLINE void operator()(D d, V v, size_t m, size_t n, size_t valid) const {
    const V sum = hn::Add(v, hn::Load(d, bias + n));
    const V low = hn::Set(d, floor);
    const V y = hn::IfThenElse(hn::Lt(sum, low), low, sum);  // keeps NaN
    float* HWY_RESTRICT to = out + m * stride + n;
    if (HWY_LIKELY(valid == hn::Lanes(d))) {
      hn::StoreU(y, d, to);
    } else {
      HWY_ALIGN float lanes[hn::MaxLanes(D())];
      hn::Store(y, d, lanes);
      for (size_t i = 0; i < valid; ++i) to[i] = lanes[i];
    }
  }
};

size_t FilterColumns(size_t outputs) {
  const size_t wide = target::GemmF32<Wide>().columns();
  const size_t narrow = target::GemmF32<Narrow>().columns();
  return outputs <= narrow ? narrow : wide;
}

template <class Kernel>
void PackWith(const Kernel& kernel, const Conv2dShape& shape,
              const float* weight, float* out) {
  const size_t taps = shape.kernel.area();
  const size_t n = shape.out_channels();
  for (size_t g = 0; g < shape.groups; ++g) {
    target::PackWeights(kernel, weight + g * n * shape.reduction(), n, taps,
                        shape.in_channels(), out);
    out += target::PackedSize(kernel, n, taps, shape.in_channels());
  }
}

template <class Kernel>
void RunWith(const Kernel& kernel, const Conv2dShape& shape,
             const Filter& filter, size_t images, const float* in, float* out,
             float floor, const Executor& executor) {
  const target::GemmShape gemm{images * shape.out.pixels(),
                               shape.out_channels(), shape.kernel.area(),
                               shape.in_channels()};
  const float* packed = filter.packed.data();
  for (size_t g = 0; g < shape.groups; ++g) {
    const ConvRows rows{shape, in + g * gemm.k, filter.zeros.data()};
    const BiasRelu finish{
        filter.bias.data() + g * (filter.bias.size() / shape.groups), floor,
        out + g * gemm.n, shape.out.channels};
    target::Gemm(kernel, gemm, rows, packed, finish, executor);
    packed += target::PackedSize(kernel, gemm.n, gemm.taps, gemm.k);
  }
}

void PackFilterFor(const Conv2dShape& shape, size_t columns,
                   const float* weight, float* out) {
  if (columns == target::GemmF32<Wide>().columns()) {
    PackWith(target::GemmF32<Wide>(), shape, weight, out);
  } else {
    PackWith(target::GemmF32<Narrow>(), shape, weight, out);
  }
}

void Conv2dFor(const Conv2dShape& shape, const Filter& filter, size_t images,
               const float* in, float* out, float floor,
               const Executor& executor) {
  if (filter.columns == target::GemmF32<Wide>().columns()) {
    RunWith(target::GemmF32<Wide>(), shape, filter, images, in, out, floor,
            executor);
  } else {
    RunWith(target::GemmF32<Narrow>(), shape, filter, images, in, out, floor,
            executor);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <limits>

#include "nibble/core/check.hpp"

namespace nibble::nn {
HWY_EXPORT(FilterColumns);
HWY_EXPORT(PackFilterFor);
HWY_EXPORT(Conv2dFor);

Conv2dShape ConvShapeOf(const Layer& layer) {
  if (layer.kind == LayerKind::kLinear) {
    return {.in = {1, 1, layer.in.size()}, .out = layer.out};
  }
  return {layer.in,     layer.out,     layer.kernel,
          layer.stride, layer.padding, layer.groups};
}

Filter PackFilter(const Conv2dShape& shape, std::span<const float> weight,
                  std::span<const float> bias) {
  NIBBLE_CHECK("PackFilter", shape.groups > 0 &&
                                 shape.in.channels % shape.groups == 0 &&
                                 shape.out.channels % shape.groups == 0);
  NIBBLE_CHECK("PackFilter",
               weight.size() == shape.out.channels * shape.reduction());
  NIBBLE_CHECK("PackFilter", bias.size() == shape.out.channels);
  const std::size_t n = shape.out_channels();
  Filter filter;
  filter.columns = HWY_DYNAMIC_DISPATCH(FilterColumns)(n);
  const std::size_t padded =
      (n + filter.columns - 1) / filter.columns * filter.columns;
  filter.packed.resize(shape.groups * padded * shape.reduction());
  filter.bias.resize(shape.groups * padded);
  filter.zeros.resize(shape.in_channels());
  for (std::size_t i = 0; i < bias.size(); ++i) {
    filter.bias[i / n * padded + i % n] = bias[i];
  }
  HWY_DYNAMIC_DISPATCH(PackFilterFor)
  (shape, filter.columns, weight.data(), filter.packed.data());
  return filter;
}

void Conv2d(const Conv2dShape& shape, const Filter& filter, std::size_t images,
            std::span<const float> in, std::span<float> out, bool relu,
            const Executor& executor) {
  NIBBLE_CHECK("Conv2d", in.size() == images * shape.in.size());
  NIBBLE_CHECK("Conv2d", out.size() == images * shape.out.size());
  const std::size_t n = shape.out_channels();
  NIBBLE_CHECK("Conv2d",
               filter.columns == HWY_DYNAMIC_DISPATCH(FilterColumns)(n));
  NIBBLE_CHECK("Conv2d",
               filter.packed.size() == filter.bias.size() * shape.reduction());
  NIBBLE_CHECK("Conv2d", filter.bias.size() ==
                             shape.groups * ((n + filter.columns - 1) /
                                             filter.columns * filter.columns));
  constexpr float kNoFloor = -std::numeric_limits<float>::infinity();
  HWY_DYNAMIC_DISPATCH(Conv2dFor)
  (shape, filter, images, in.data(), out.data(), relu ? 0.0f : kNoFloor,
   executor);
}

}  // namespace nibble::nn
#endif
