// A convolution's three products, planned once for its shape: forward, backward
// to data, backward to weights. Any kernel, stride, padding and number of
// groups; a dense layer is a convolution whose pixels are the images.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "nibble/core/aligned.hpp"
#include "nibble/nn/conv2d.hpp"
#include "nibble/qat/layout.hpp"
#include "nibble/qat/products.hpp"

namespace nibble::qat {

class Conv {
 public:
  // in: how the input lies, with at least the border that Border asks for.
  // dense: shape is nn::ConvShapeOf a dense layer.
  Conv(const nn::Conv2dShape& shape, const Layout& in, bool dense,
       std::size_t images);

  // The border that the windows reach into.
  static Layout Border(const nn::Conv2dShape& shape);

  const nn::Conv2dShape& shape() const { return shape_; }
  // How the gradient by the output lies.
  const Layout& gradient() const { return d_; }
  // Elements of the packed weights, forward and backward together.
  std::size_t packed_size() const { return packed_size_; }

  // w: [out][kernel height][kernel width][in / groups].
  void Pack(const float* w, float* packed) const;

  // z = conv(in). in: `images` of the input's layout, z: tight.
  void Forward(const float* in, const float* packed, std::size_t images,
               float* z) const;

  // dx (+)= what dz makes of it. dz: `images` of gradient(), dx: tight. Pixels
  // that no window reads get 0.
  void BackwardData(const float* dz, const float* packed, std::size_t images,
                    bool add, float* dx) const;

  // dw += sum over the images of dz x in; dw as w.
  void BackwardWeights(const float* dz, const float* in, std::size_t images,
                       float* dw) const;

 private:
  // Pixels of dx whose windows meet the same taps: those of equal remainder
  // by the stride, [row][column].
  struct Phase {
    std::vector<Quad> quads;            // of one image
    std::vector<std::ptrdiff_t> taps;   // from the pixel in dz
    std::vector<std::size_t> w_taps;    // from the group's first weight
    std::size_t merged = 1;             // taps side by side in one of `taps`
    std::size_t packed = 0;             // where its weights begin
  };
  void PlanForward();
  void PlanBackward();
  Phase PlanPhase(std::size_t py, std::size_t px) const;
  std::size_t group_weights() const {
    return shape_.out_channels() * shape_.reduction();
  }

  nn::Conv2dShape shape_;
  Layout in_, d_;
  bool dense_;
  std::vector<Quad> quads_;             // forward, of one image; dense: of all
  std::vector<std::ptrdiff_t> taps_;    // forward, from the window's corner
  std::vector<std::size_t> w_taps_;     // the same in w
  std::size_t k_ = 0;                   // elements of a tap
  std::vector<Phase> phases_;
  std::size_t packed_size_ = 0;
};

}  // namespace nibble::qat
