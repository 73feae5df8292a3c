// The passes over activations between the products of training: batch norm,
// bias, ReLU, residual add, forward and backward.
//
// All read and write through views, as images with borders of zeros lie beside
// tight ones. Sums of a channel are taken in float over one image and in double
// over the images, in order.
#pragma once

#include <cstddef>

namespace nibble::qat {

// What a pass runs over.
struct Span4 {
  std::size_t images = 0, rows = 0, pixels = 0, channels = 0;
};

// Where element [image, row, pixel, channel] lies: distances in elements, and
// channels side by side.
template <class T>
struct ViewOf4 {
  T* at = nullptr;
  std::size_t image = 0, row = 0, pixel = 0;

  operator ViewOf4<const T>() const { return {at, image, row, pixel}; }
};
using View = ViewOf4<const float>;
using MutableView = ViewOf4<float>;

// sum[c] += sum of z, sum_sq[c] += sum of z^2.
void ChannelMoments(const Span4& size, View z, double* sum, double* sum_sq);

// y = z * scale[c] + shift[c], then max(0, y) if `relu`. y may be z.
void ScaleShift(const Span4& size, View z, const float* scale,
                const float* shift, bool relu, MutableView y);

// With g = dy, or 0 where `relu` and y = z * scale[c] + shift[c] is not above
// 0:
//
//     sum_g[c] += sum of g,   sum_gz[c] += sum of g * (z - mean[c])
void NormSums(const Span4& size, View dy, View z, const float* scale,
              const float* shift, const float* mean, bool relu, double* sum_g,
              double* sum_gz);

// dz = a[c] * g + b[c] * z + e[c], g as above.
void NormBackward(const Span4& size, View dy, View z, const float* scale,
                  const float* shift, bool relu, const float* a, const float* b,
                  const float* e, MutableView dz);

// dz = dy, or 0 where `relu` and y is not above 0; sum[c] += sum of dz.
void BiasBackward(const Span4& size, View dy, View y, bool relu,
                  MutableView dz, double* sum);

// y = a + b (a alone if b.at is null), then max(0, y) if `relu`.
void AddForward(const Span4& size, View a, View b, bool relu, MutableView y);

// d (+)= dy, or 0 where `relu` and y is not above 0.
void AddBackward(const Span4& size, View dy, View y, bool relu, bool add,
                 MutableView d);

}  // namespace nibble::qat
