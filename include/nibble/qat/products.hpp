// The products of training, for pixels that lie at a constant distance: a
// convolution's forward pass, its backward passes to data and to weights, and
// dense layers, whose "pixels" are the images.
//
// Nothing like im2col is written. Activations carry a border of zeros (see
// layout.hpp), so that every tap of a window is memory to be read, and all
// channels of a window's row are contiguous: a kernel of 3x3 over C channels is
// 3 taps of 3C elements.
//
// This is a driver of its own beside core/gemm-inl.hpp for two reasons. Pixels
// at a constant distance need one pointer for four of them, where that driver
// reads a pointer for each and tap; with 16 output channels (one vector) a tile
// must be 16 rows high to hide latency, and has no registers for 16 pointers.
// And the gradient of weights sums over pixels: operands lie the other way
// round, and would have to be transposed in memory to become its rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace nibble::qat {

// Up to four pixels at a constant distance.
struct Quad {
  std::uint32_t in = 0, out = 0;  // offsets in elements of the first of them
  std::uint32_t count = 4;        // 1 to 4; memory of all four is read
};

struct DataProduct {
  std::span<const Quad> quads;
  std::size_t in_pitch = 0;   // elements from one pixel of a quad to the next
  std::size_t out_pitch = 0;
  std::span<const std::ptrdiff_t> taps;  // offset of each from its pixel
  std::size_t k = 0;                     // contiguous elements of a tap
  std::size_t n = 0;                     // outputs of a pixel
};

// Elements of the packed weights, which begin on a cache line.
std::size_t PackedSize(std::size_t taps, std::size_t k, std::size_t n);

// Packs w(t, i, j) = w[taps[t] + i * k_stride + j * n_stride], for t, i < k and
// j < n.
void PackForData(const float* w, std::span<const std::size_t> taps,
                 std::size_t k, std::size_t n, std::size_t k_stride,
                 std::size_t n_stride, float* packed);

// out[p, j] = (add ? out[p, j] : 0) + sum over t, i of in[p + taps[t] + i] *
// w(t, i, j)
//
// Shapes   see DataProduct; packed: PackedSize(taps, k, n) by PackForData.
// Error    taps * k * 2^-24 * sum |in * w| to first order; the order of sums
//          depends on the shapes and on the instruction set only.
void RunDataProduct(const DataProduct& product, const float* in,
                    const float* packed, bool add, float* out);

struct WeightProduct {
  std::size_t images = 1, rows = 1, pixels = 1;
  std::size_t d_image = 0, d_row = 0, d_pixel = 0;     // distances, elements
  std::size_t in_image = 0, in_row = 0, in_pixel = 0;  // distances, elements
  std::span<const std::ptrdiff_t> taps;
  std::size_t k = 0, n = 0;
};

// dw[j, t, i] += sum over images, rows, pixels p of d[p, j] * in[p + taps[t] +
// i]
//
// Shapes   dw: [n, taps, k]. Up to a vector of elements beyond each operand's
//          last one is read, and must be memory.
void RunWeightProduct(const WeightProduct& product, const float* d,
                      const float* in, float* dw);

// Elements that may be read beyond the end of an operand.
inline constexpr std::size_t kSlack = 64;

}  // namespace nibble::qat
