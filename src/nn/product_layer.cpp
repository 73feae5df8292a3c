#include "nibble/nn/product_layer.hpp"

#include <algorithm>

#include "nibble/core/check.hpp"
#include "nibble/nn/fake_layer.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble::nn {
namespace {

// Rows of a product that are worked on together, so that the windows of a
// convolution do not fill the memory.
constexpr std::size_t kRowsAtOnce = 1024;

// The window of output (y, x), as a row [kernel height, kernel width, channels
// of a group], zeros outside the image.
void CopyWindow(const Conv2dShape& shape, const float* image, std::size_t group,
                std::size_t y, std::size_t x, float* row) {
  const std::size_t channels = shape.in_channels();
  for (std::size_t ky = 0; ky < shape.kernel.height; ++ky) {
    for (std::size_t kx = 0; kx < shape.kernel.width; ++kx, row += channels) {
      // Above or left of the image wraps to a huge number.
      const std::size_t at_y =
          y * shape.stride.height + ky - shape.padding.height;
      const std::size_t at_x =
          x * shape.stride.width + kx - shape.padding.width;
      if (at_y < shape.in.height && at_x < shape.in.width) {
        const float* from = image +
                            (at_y * shape.in.width + at_x) * shape.in.channels +
                            group * channels;
        std::copy_n(from, channels, row);
      } else {
        std::fill_n(row, channels, 0.0f);
      }
    }
  }
}

}  // namespace

ProductLayer::ProductLayer(const Layer& layer, const FoldedWeights& folded,
                           const QuantSpec& spec, const MatrixProduct& product)
    : shape_(ConvShapeOf(layer)),
      input_(spec.ForInput(layer)),
      relu_(layer.relu),
      bias_(folded.bias) {
  std::vector<float> weight = folded.weight;
  if (const auto& scheme = spec.ForWeights(layer)) {
    DequantizeTensor(QuantizeFolded(layer, folded, *scheme), weight);
  }
  const std::size_t n = shape_.out_channels(), k = shape_.reduction();
  for (std::size_t g = 0; g < shape_.groups; ++g) {
    products_.push_back(
        product.bind(n, k, std::span(weight).subspan(g * n * k, n * k)));
  }
}

bool ProductLayer::needs_params() const {
  return input_ && IsStatic(*input_) && params_.empty();
}

void ProductLayer::SetParams(std::vector<QuantParams> params) {
  NIBBLE_CHECK("ProductLayer::SetParams", input_ && IsStatic(*input_));
  NIBBLE_CHECK("ProductLayer::SetParams",
               params.size() == (input_->granularity == Granularity::kTensor
                                     ? 1
                                     : shape_.in.channels));
  params_ = std::move(params);
}

std::vector<float> ProductLayer::Quantized(std::span<const float> image) const {
  std::vector<float> values(image.begin(), image.end());
  if (!input_) return values;
  const std::size_t rows =
      input_->granularity == Granularity::kToken ? 1 : shape_.in.pixels();
  if (params_.empty()) {
    QuantizeDequantize(*input_, image, rows, image.size() / rows, values);
  } else {
    QuantizeDequantize(*input_, image, rows, image.size() / rows, params_,
                       values);
  }
  return values;
}

void ProductLayer::RunSome(std::size_t images, const float* in,
                           float* out) const {
  const std::size_t n = shape_.out_channels(), k = shape_.reduction();
  const std::size_t pixels = shape_.out.pixels();
  std::vector<float> rows(images * pixels * k), sums(images * pixels * n);
  std::vector<std::vector<float>> values;
  for (std::size_t i = 0; i < images; ++i) {
    values.push_back(Quantized({in + i * shape_.in.size(), shape_.in.size()}));
  }
  for (std::size_t g = 0; g < shape_.groups; ++g) {
    float* row = rows.data();
    for (std::size_t i = 0; i < images; ++i) {
      for (std::size_t p = 0; p < pixels; ++p, row += k) {
        CopyWindow(shape_, values[i].data(), g, p / shape_.out.width,
                   p % shape_.out.width, row);
      }
    }
    products_[g](images * pixels, rows, sums);
    for (std::size_t m = 0; m < images * pixels; ++m) {
      for (std::size_t o = 0; o < n; ++o) {
        const float y = sums[m * n + o] + bias_[g * n + o];
        out[m * shape_.out.channels + g * n + o] = relu_ && y < 0 ? 0 : y;
      }
    }
  }
}

void ProductLayer::Run(std::size_t images, std::span<const float> in,
                       std::span<float> out, const Executor& executor) const {
  NIBBLE_CHECK("ProductLayer::Run", in.size() == images * shape_.in.size());
  NIBBLE_CHECK("ProductLayer::Run", out.size() == images * shape_.out.size());
  NIBBLE_CHECK("ProductLayer::Run", !needs_params());
  const std::size_t some =
      std::max<std::size_t>(1, kRowsAtOnce / shape_.out.pixels());
  executor((images + some - 1) / some, [&](std::size_t task) {
    const std::size_t first = task * some;
    RunSome(std::min(some, images - first),
            in.data() + first * shape_.in.size(),
            out.data() + first * shape_.out.size());
  });
}

}  // namespace nibble::nn
