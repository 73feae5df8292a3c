#include "nibble/nn/integer_layer.hpp"

#include <algorithm>

#include "nibble/core/check.hpp"
#include "nibble/nn/fake_layer.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble::nn {
namespace {

std::string NameOf(const std::optional<Scheme>& scheme) {
  return scheme ? ToString(*scheme) : "float";
}

// Integers of up to +-255 as one set of int8, or as two that add up to them.
std::vector<std::vector<std::int8_t>> AsBytes(std::span<const float> values) {
  std::vector<std::vector<std::int8_t>> sets(1);
  std::vector<std::int8_t> rest;
  bool fits = true;
  for (const float value : values) {
    const auto v = static_cast<std::int32_t>(value);
    const std::int32_t first = std::clamp(v, -128, 127);
    sets[0].push_back(static_cast<std::int8_t>(first));
    rest.push_back(static_cast<std::int8_t>(v - first));
    fits = fits && v == first;
  }
  if (!fits) sets.push_back(std::move(rest));
  return sets;
}

// Whether all lie in [-8, 7].
bool AreNibbles(std::span<const std::int8_t> w) {
  return std::ranges::all_of(w,
                             [](std::int8_t v) { return v >= -8 && v <= 7; });
}

}  // namespace

// Bytes, and what of them is zero: an unsigned byte, 128 more for signed codes.
struct IntegerLayer::Input {
  bool is_signed = false;
  std::vector<std::uint8_t> bytes;
  std::uint8_t zero = 0;
  float scale = 1;
};

IntegerLayer::IntegerLayer(const Layer& layer, const FoldedWeights& folded,
                           const QuantSpec& spec)
    : relu_(layer.relu), shape_(ConvShapeOf(layer)), bias_(folded.bias) {
  const auto& w = spec.ForWeights(layer);
  const auto& x = spec.ForInput(layer);
  if (!w || !x || !IntegersHold(*w, *x, layer.reduction())) {
    throw InputError(
        "integer engine", "layer " + layer.name,
        "weights " + NameOf(w) + ", input " + NameOf(x),
        "integer or ternary formats, weights with a scale per tensor or "
        "channel, inputs with one per tensor or token");
  }
  input_ = *x;
  const QuantizedTensor codes = QuantizeFolded(layer, folded, *w);
  weight_scales_ = codes.scales;
  weights_ = AsBytes(CodeValues(codes));
  weight_bits_ = std::ranges::all_of(weights_, AreNibbles) ? 4 : 8;
}

bool IntegerLayer::needs_params() const {
  return IsStatic(input_) && params_.empty();
}

void IntegerLayer::SetParams(std::vector<QuantParams> params) {
  NIBBLE_CHECK("IntegerLayer::SetParams", IsStatic(input_));
  NIBBLE_CHECK("IntegerLayer::SetParams", params.size() == 1);
  params_ = std::move(params);
  const std::vector<float> one(shape_.in.size());
  filters_ = Pack(Quantized(1, one).zero);
}

std::vector<ByteFilter> IntegerLayer::Pack(std::uint8_t zero) const {
  const std::vector<std::int32_t> none(shape_.out.channels);
  std::vector<ByteFilter> filters;
  for (const auto& set : weights_) {
    filters.push_back(PackByteFilter(shape_, set, none, zero, weight_bits_));
  }
  return filters;
}

// One image is one token; under a static scheme any number share a scale.
IntegerLayer::Input IntegerLayer::Quantized(std::size_t images,
                                            std::span<const float> in) const {
  QuantizedTensor codes =
      params_.empty()
          ? QuantizeTensor(input_, in, 1, in.size())
          : QuantizeTensor(input_, in, images, shape_.in.size(), params_);
  Input input;
  input.scale = codes.scales[0];
  const Codec codec = CodecOf(codes.scheme);
  const std::int32_t zero =
      codes.zero_points.empty() ? 0 : codes.zero_points[0];
  input.bytes = std::move(codes.codes);
  if (codec.kind == CodecKind::kInteger) {
    const IntegerGrid& grid = codec.integer;
    input.is_signed = grid.low + grid.offset < 0;
    input.zero = static_cast<std::uint8_t>(zero + grid.offset +
                                           (input.is_signed ? 128 : 0));
    return input;
  }
  // Codes that are not the integer itself (int1).
  input.zero = 128;
  for (std::uint8_t& byte : input.bytes) {
    byte = static_cast<std::uint8_t>(
        128 + static_cast<std::int32_t>(ValueOfCode(byte, 0, codec)));
  }
  return input;
}

void IntegerLayer::Multiply(const std::vector<ByteFilter>& filters,
                            std::size_t images, const Input& input,
                            std::span<float> out) const {
  const std::size_t n = bias_.size();
  std::vector<float> scales(n);
  std::vector<std::int32_t> bias(n);
  for (std::size_t o = 0; o < n; ++o) {
    const float weight = weight_scales_[weight_scales_.size() == 1 ? 0 : o];
    scales[o] = weight * input.scale;
    bias[o] = BiasCode(bias_[o], scales[o]);
  }
  const auto run = [&](const ByteFilter& filter, const auto& finish, auto to) {
    if (input.is_signed) {
      const auto* codes =
          reinterpret_cast<const std::int8_t*>(input.bytes.data());
      nibble::Conv2d(shape_, filter, images,
                     std::span(codes, input.bytes.size()), finish, to);
    } else {
      nibble::Conv2d(shape_, filter, images,
                     std::span<const std::uint8_t>(input.bytes), finish, to);
    }
  };
  if (filters.size() == 1) {
    run(filters[0], ScaleSums{scales, relu_, bias}, out);
    return;
  }
  std::vector<std::int32_t> sums(out.size()), more(out.size());
  run(filters[0], KeepSums{}, std::span(sums));
  run(filters[1], KeepSums{}, std::span(more));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = ScaledSum(sums[i] + more[i] + bias[i % n], scales[i % n], relu_);
  }
}

void IntegerLayer::Run(std::size_t images, std::span<const float> in,
                       std::span<float> out) const {
  const std::size_t size = shape_.in.size(), out_size = shape_.out.size();
  NIBBLE_CHECK("IntegerLayer::Run", in.size() == images * size);
  NIBBLE_CHECK("IntegerLayer::Run", out.size() == images * out_size);
  NIBBLE_CHECK("IntegerLayer::Run", !needs_params());
  if (IsStatic(input_)) {
    Multiply(filters_, images, Quantized(images, in), out);
    return;
  }
  std::vector<ByteFilter> filters;
  for (std::size_t i = 0; i < images; ++i) {
    const Input input = Quantized(1, in.subspan(i * size, size));
    if (filters.empty() || filters[0].zero != input.zero) {
      filters = Pack(input.zero);
    }
    Multiply(filters, 1, input, out.subspan(i * out_size, out_size));
  }
}

}  // namespace nibble::nn
