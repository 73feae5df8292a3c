// Sums of products in double, by plain loops over a padded copy of the image:
// the definition that integer kernels are compared with. Nothing here is shared
// with them or with core/gemm-inl.hpp.
#pragma once

#include <cstddef>
#include <span>

#include "nibble/core/aligned.hpp"
#include "nibble/nn/conv2d.hpp"

namespace nibble::nn {

// sums[y, x, o] = sum over ky, kx, c of image[y', x', c] * values[o, ky, kx, c]
//
// Domain   products of which any partial sum is exact or nearly so: integers
//          below 2^53 in sum are exact; two factors of 24 significant bits
//          make an exact product, and each sum is rounded once, in the order
//          ky, kx, c. So the bits are the same on every instruction set, fused
//          multiply-add or not.
class FakeConv2d {
 public:
  // values: [out][kernel height][kernel width][in / groups].
  // Errors   std::invalid_argument if the size disagrees.
  FakeConv2d(const Conv2dShape& shape, std::span<const float> values);

  const Conv2dShape& shape() const { return shape_; }

  // image: [shape.in], sums: [shape.out], both NHWC.
  // Errors   std::invalid_argument if a size disagrees.
  void Run(std::span<const float> image, std::span<double> sums) const;

 private:
  Conv2dShape shape_;
  // [groups][blocks of kFakeColumns outputs][taps][in / groups][kFakeColumns],
  // with zeros for outputs beyond the end.
  AlignedVector<double> packed_;
};

inline constexpr std::size_t kFakeColumns = 8;

}  // namespace nibble::nn
