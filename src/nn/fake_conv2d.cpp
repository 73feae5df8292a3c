// Loops and run-time dispatch of nibble/nn/fake_conv2d.hpp.
#include "nibble/nn/fake_conv2d.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/nn/fake_conv2d.cpp"  // from the root
#include <hwy/foreach_target.h>

#include "nibble/core/highway.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble::nn {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kPixels = 4;

// Four pixels of a row by two vectors of outputs. p0 to p3 point at the upper
// left tap of each; `row` is the distance of two rows, `tap` of two columns.
HWY_INLINE void FourPixels(const Extent& kernel, size_t channels, size_t row,
                           size_t tap, const double* HWY_RESTRICT p0,
                           const double* HWY_RESTRICT p1,
                           const double* HWY_RESTRICT p2,
                           const double* HWY_RESTRICT p3,
                           const double* HWY_RESTRICT w, double* sums) {
  const hn::CappedTag<double, kFakeColumns / 2> d;
  const size_t N = hn::Lanes(d);
  auto s00 = hn::Zero(d), s01 = s00, s10 = s00, s11 = s00;
  auto s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  for (size_t ky = 0; ky < kernel.height; ++ky) {
    for (size_t kx = 0; kx < kernel.width; ++kx) {
      const size_t at = ky * row + kx * tap;
      for (size_t c = at; c < at + channels; ++c, w += kFakeColumns) {
        const auto w0 = hn::Load(d, w);
        const auto w1 = hn::Load(d, w + N);
        s00 = hn::MulAdd(hn::Set(d, p0[c]), w0, s00);
        s01 = hn::MulAdd(hn::Set(d, p0[c]), w1, s01);
        s10 = hn::MulAdd(hn::Set(d, p1[c]), w0, s10);
        s11 = hn::MulAdd(hn::Set(d, p1[c]), w1, s11);
        s20 = hn::MulAdd(hn::Set(d, p2[c]), w0, s20);
        s21 = hn::MulAdd(hn::Set(d, p2[c]), w1, s21);
        s30 = hn::MulAdd(hn::Set(d, p3[c]), w0, s30);
        s31 = hn::MulAdd(hn::Set(d, p3[c]), w1, s31);
      }
    }
  }
  hn::Store(s00, d, sums), hn::Store(s01, d, sums + N);
  sums += kFakeColumns;
  hn::Store(s10, d, sums), hn::Store(s11, d, sums + N);
  sums += kFakeColumns;
  hn::Store(s20, d, sums), hn::Store(s21, d, sums + N);
  sums += kFakeColumns;
  hn::Store(s30, d, sums), hn::Store(s31, d, sums + N);
}

// One group's outputs o0, ..., o0 + columns - 1 of the whole image.
// padded: the zero-padded image, from the group's first channel on.
void FakeBlock(const Conv2dShape& shape, const double* padded,
               size_t padded_width, const double* weights, size_t columns,
               double* out) {
  const hn::CappedTag<double, kFakeColumns / 2> d;
  const size_t tap = shape.in.channels;
  const size_t row = padded_width * tap;
  HWY_ALIGN double sums[kPixels * kFakeColumns];
  for (size_t y = 0; y < shape.out.height; ++y) {
    const double* line = padded + y * shape.stride.height * row;
    for (size_t x = 0; x < shape.out.width; x += kPixels) {
      const size_t last = HWY_MIN(kPixels, shape.out.width - x) - 1;
      const auto pixel = [&](size_t i) {  // beyond the row: the last one again
        return line + (x + HWY_MIN(i, last)) * shape.stride.width * tap;
      };
      for (size_t half = 0; half < kFakeColumns; half += 2 * hn::Lanes(d)) {
        FourPixels(shape.kernel, shape.in_channels(), row, tap, pixel(0),
                   pixel(1), pixel(2), pixel(3), weights + half, sums + half);
      }
      for (size_t i = 0; i <= last; ++i) {
        double* to = out + (y * shape.out.width + x + i) * shape.out.channels;
        for (size_t c = 0; c < columns; ++c) to[c] = sums[i * kFakeColumns + c];
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

#include "nibble/core/check.hpp"

namespace nibble::nn {
HWY_EXPORT(FakeBlock);

FakeConv2d::FakeConv2d(const Conv2dShape& shape, std::span<const float> values)
    : shape_(shape) {
  const std::size_t n = shape.out_channels();
  const std::size_t reduction = shape.reduction();
  NIBBLE_CHECK("FakeConv2d", values.size() == shape.out.channels * reduction);
  const std::size_t padded =
      (n + kFakeColumns - 1) / kFakeColumns * kFakeColumns;
  packed_.resize(shape.groups * padded * reduction);
  for (std::size_t o = 0; o < shape.out.channels; ++o) {
    const std::size_t row = o / n * padded + o % n;
    double* block = packed_.data() +
                    row / kFakeColumns * kFakeColumns * reduction +
                    row % kFakeColumns;
    for (std::size_t k = 0; k < reduction; ++k) {
      block[k * kFakeColumns] = values[o * reduction + k];
    }
  }
}

void FakeConv2d::Run(std::span<const float> image,
                     std::span<double> sums) const {
  NIBBLE_CHECK("FakeConv2d::Run", image.size() == shape_.in.size());
  NIBBLE_CHECK("FakeConv2d::Run", sums.size() == shape_.out.size());
  const Shape& in = shape_.in;
  const auto covered = [](std::size_t out, std::size_t stride,
                          std::size_t kernel) {
    return (out - 1) * stride + kernel;
  };
  const std::size_t height =
      covered(shape_.out.height, shape_.stride.height, shape_.kernel.height);
  const std::size_t width =
      covered(shape_.out.width, shape_.stride.width, shape_.kernel.width);
  const auto [top, left] = shape_.padding;
  std::vector<double> padded(height * width * in.channels);
  for (std::size_t y = top; y < std::min(height, top + in.height); ++y) {
    const float* from = image.data() + (y - top) * in.width * in.channels;
    const std::size_t columns =
        std::min(width - std::min(width, left), in.width);
    std::copy_n(from, columns * in.channels,
                padded.data() + (y * width + left) * in.channels);
  }
  const std::size_t n = shape_.out_channels();
  const double* weights = packed_.data();
  for (std::size_t g = 0; g < shape_.groups; ++g) {
    for (std::size_t o = 0; o < n; o += kFakeColumns) {
      HWY_DYNAMIC_DISPATCH(FakeBlock)
      (shape_, padded.data() + g * shape_.in_channels(), width, weights,
       std::min(kFakeColumns, n - o), sums.data() + g * n + o);
      weights += kFakeColumns * shape_.reduction();
    }
  }
}

}  // namespace nibble::nn
#endif
