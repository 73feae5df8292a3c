#include "src/nn/chain.hpp"

#include <algorithm>

#include "nibble/core/check.hpp"
#include "nibble/nn/conv2d.hpp"
#include "nibble/nn/fake_layer.hpp"
#include "nibble/quant/tensor.hpp"
#include "src/nn/slots.hpp"
#include "src/nn/tflite_impl.hpp"

namespace nibble::nn {
namespace {

constexpr const char* kWhere = "chained network";

std::string NameOf(const std::optional<Scheme>& scheme) {
  return scheme ? ToString(*scheme) : "float";
}

// in2 of an add in the shape of its output: every stride-th pixel, `zero` for
// the channels that it lacks.
template <class T>
void Expand(const Layer& layer, const Shape& from, const T* in, T zero,
            T* out) {
  const Shape& to = layer.out;
  const std::size_t front = (to.channels - from.channels) / 2;
  std::fill_n(out, to.size(), zero);
  for (std::size_t y = 0; y < to.height; ++y) {
    for (std::size_t x = 0; x < to.width; ++x) {
      const T* pixel =
          in + (y * layer.stride.height * from.width + x * layer.stride.width) *
                   from.channels;
      std::copy_n(pixel, from.channels,
                  out + (y * to.width + x) * to.channels + front);
    }
  }
}

}  // namespace

const Scheme& ChainScheme(const Model& model, const QuantSpec& spec,
                          int layer) {
  const std::optional<Scheme>* scheme = &spec.activations;
  const std::string* reader = nullptr;
  for (const Layer& next : model.layers) {
    if (!next.has_weights() || next.input != layer) continue;
    if (reader != nullptr && *scheme != spec.ForInput(next)) {
      throw InputError(kWhere, "inputs of " + *reader + " and " + next.name,
                       NameOf(*scheme) + " and " + NameOf(spec.ForInput(next)),
                       "one scheme, as they read the same codes");
    }
    scheme = &spec.ForInput(next);
    reader = &next.name;
  }
  if (!*scheme || (*scheme)->granularity != Granularity::kTensor ||
      CodecOf(**scheme).kind != CodecKind::kInteger ||
      CodecOf(**scheme).integer.half_shift) {
    throw InputError(kWhere, "scheme of activations", NameOf(*scheme),
                     "an integer format with one scale per tensor");
  }
  return **scheme;
}

Chain::Chain(const Model& model, const QuantSpec& spec,
             std::span<const FoldedWeights> folded,
             std::span<const QuantParams> params)
    : model_(model) {
  const int n = static_cast<int>(model.layers.size());
  if (!model.layers.back().has_weights()) {
    throw InputError(kWhere, "last layer", model.layers.back().name,
                     "one with weights");
  }
  for (int i = kImage; i < n; ++i) {
    Tensor t{.scheme = ChainScheme(model, spec, i),
             .params = params[static_cast<std::size_t>(i + 1)]};
    const IntegerGrid grid = CodecOf(t.scheme).integer;
    t.center = grid.low + grid.offset < 0 ? 0 : 128;
    const std::int32_t shift = grid.offset - t.center;
    t.zero = t.params.zero_point + shift;
    t.low = grid.low + shift;
    t.high = grid.high + shift;
    tensors_.push_back(std::move(t));
  }
  for (int i = 0; i < n; ++i) {
    const Layer& layer = model.layers[static_cast<std::size_t>(i)];
    const Tensor &in = tensor(layer.input), &out = tensor(i);
    Step step;
    step.zero = out.zero;
    step.low = layer.relu ? std::max(out.low, out.zero) : out.low;
    step.high = out.high;
    if (layer.has_weights()) {
      MakeConv(layer, spec, folded[static_cast<std::size_t>(i)], step);
      if (i != n - 1) {
        for (float& s : step.scale) s /= out.params.scale;
      }
    } else if (layer.kind == LayerKind::kAdd) {
      const Tensor& in2 = tensor(layer.input2);
      step.add = MakeTfliteAdd({in.params.scale, in.zero},
                               {in2.params.scale, in2.zero}, out.params.scale);
      step.add.out = {step.zero, step.low, step.high};
    } else if (layer.kind == LayerKind::kAvgPool) {
      step.scale = {in.params.scale /
                    (out.params.scale * static_cast<float>(layer.in.pixels()))};
    } else {
      throw InputError(kWhere, "layer " + layer.name, "a max pool",
                       "convolutions, sums, average pools and dense layers");
    }
    steps_.push_back(std::move(step));
  }
  buffer_ = AssignSlots(model_, buffers_);
}

void Chain::MakeConv(const Layer& layer, const QuantSpec& spec,
                     const FoldedWeights& folded, Step& step) const {
  const auto& scheme = spec.ForWeights(layer);
  const Tensor& in = tensor(layer.input);
  if (!scheme || !IntegersHold(*scheme, in.scheme, layer.reduction())) {
    throw InputError(kWhere, "layer " + layer.name, "weights " + NameOf(scheme),
                     "an integer format with a scale per tensor or channel");
  }
  const QuantizedTensor w = QuantizeFolded(layer, folded, *scheme);
  if (!w.zero_points.empty()) {
    throw InputError(kWhere, "layer " + layer.name,
                     "weights " + NameOf(scheme) + " with zero points",
                     "weights without");
  }
  step.values = CodeValues(w);
  const std::vector<std::int8_t> codes(step.values.begin(), step.values.end());
  for (std::size_t o = 0; o < layer.out.channels; ++o) {
    const float s = w.scales[w.scales.size() == 1 ? 0 : o] * in.params.scale;
    step.scale.push_back(s);
    step.bias.push_back(BiasCode(folded.bias[o], s));
  }
  const bool nibbles = std::ranges::all_of(
      codes, [](std::int8_t v) { return v >= -8 && v <= 7; });
  step.filter =
      PackByteFilter(ConvShapeOf(layer), codes, step.bias,
                     static_cast<std::uint8_t>(in.zero + 128), nibbles ? 4 : 8);
}

Chain::Bytes Chain::Quantized(std::size_t images,
                              std::span<const float> in) const {
  const Tensor& image = tensor(kImage);
  QuantizedTensor codes =
      QuantizeTensor(image.scheme, in, images, model_.input.size(),
                     std::span(&image.params, 1));
  if (image.center == 0) {
    for (std::uint8_t& byte : codes.codes) byte ^= 128;
  }
  return std::move(codes.codes);
}

std::vector<float> Chain::Run(std::size_t images,
                              std::span<const float> in) const {
  std::vector<Bytes> work(buffers_);
  const Bytes input = Quantized(images, in);
  const auto from = [&](int layer) -> std::span<const std::uint8_t> {
    if (layer == kImage) return input;
    const auto at = static_cast<std::size_t>(layer);
    return std::span(work[buffer_[at]])
        .first(images * model_.layers[at].out.size());
  };
  Bytes expanded;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Layer& layer = model_.layers[i];
    const Step& step = steps_[i];
    const auto x = from(layer.input);
    if (i + 1 == steps_.size()) {
      std::vector<float> logits(images * layer.out.size());
      nibble::Conv2d(ConvShapeOf(layer), step.filter, images, x,
                     ScaleSums{step.scale, layer.relu}, std::span(logits));
      return logits;
    }
    auto& slot = work[buffer_[i]];
    slot.resize(std::max(slot.size(), images * layer.out.size()));
    const auto out = std::span(slot).first(images * layer.out.size());
    const RoundSums finish{step.scale, step.zero + 128, step.low + 128,
                           step.high + 128};
    if (layer.has_weights()) {
      nibble::Conv2d(ConvShapeOf(layer), step.filter, images, x, finish, out);
    } else if (layer.kind == LayerKind::kAdd) {
      auto y = from(layer.input2);
      const Shape& shape = model_.shape(layer.input2);
      if (shape != layer.out) {
        expanded.resize(out.size());
        const auto zero = static_cast<std::uint8_t>(step.add.zero_b + 128);
        for (std::size_t b = 0; b < images; ++b) {
          Expand(layer, shape, y.data() + b * shape.size(), zero,
                 expanded.data() + b * layer.out.size());
        }
        y = expanded;
      }
      AddBytes(step.add, x, y, out);
    } else {
      const std::size_t n = layer.out.size();
      std::vector<std::int32_t> sums(n);
      const std::int32_t zeros = static_cast<std::int32_t>(layer.in.pixels()) *
                                 (tensor(layer.input).zero + 128);
      for (std::size_t b = 0; b < images; ++b) {
        SumBytes(x.subspan(b * layer.in.size(), layer.in.size()), sums);
        for (std::size_t c = 0; c < n; ++c) {
          out[b * n + c] = RoundedSum(sums[c] - zeros, step.scale[0], finish);
        }
      }
    }
  }
  return {};
}

std::int8_t Chain::Rounded(const Step& step, std::int32_t sum,
                           std::size_t o) const {
  return static_cast<std::int8_t>(
      RoundedSum(sum, step.scale[o], {{}, step.zero, step.low, step.high}));
}

std::vector<float> Chain::RunFake(std::span<const float> in) const {
  std::vector<Codes> outputs(steps_.size());
  Codes image;
  for (const std::uint8_t byte : Quantized(1, in)) {
    image.push_back(static_cast<std::int8_t>(byte - 128));
  }
  const auto from = [&](int layer) -> const Codes& {
    return layer == kImage ? image : outputs[static_cast<std::size_t>(layer)];
  };
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Layer& layer = model_.layers[i];
    const Step& step = steps_[i];
    const Codes& x = from(layer.input);
    const std::int32_t zero = tensor(layer.input).zero;
    Codes& out = outputs[i];
    if (layer.has_weights()) {
      std::vector<float> values;
      for (const std::int8_t code : x) {
        values.push_back(static_cast<float>(code - zero));
      }
      std::vector<double> sums(layer.out.size());
      FakeConv2d(ConvShapeOf(layer), step.values).Run(values, sums);
      std::vector<float> logits;
      for (std::size_t j = 0; j < sums.size(); ++j) {
        const std::size_t o = j % layer.out.channels;
        const auto sum = static_cast<std::int32_t>(sums[j]) + step.bias[o];
        if (i + 1 == steps_.size()) {
          logits.push_back(Requantized(sum, step.scale[o], layer.relu));
        } else {
          out.push_back(Rounded(step, sum, o));
        }
      }
      if (i + 1 == steps_.size()) return logits;
    } else if (layer.kind == LayerKind::kAdd) {
      const Shape& shape = model_.shape(layer.input2);
      Codes y = from(layer.input2);
      if (shape != layer.out) {
        Codes expanded(layer.out.size());
        Expand(layer, shape, y.data(),
               static_cast<std::int8_t>(step.add.zero_b), expanded.data());
        y = std::move(expanded);
      }
      for (std::size_t j = 0; j < x.size(); ++j) {
        out.push_back(TfliteSum(x[j], y[j], step.add));
      }
    } else {
      for (std::size_t c = 0; c < layer.out.size(); ++c) {
        std::int32_t sum = 0;
        for (std::size_t p = c; p < x.size(); p += layer.out.size()) {
          sum += x[p] - zero;
        }
        out.push_back(Rounded(step, sum, 0));
      }
    }
  }
  return {};
}

}  // namespace nibble::nn
