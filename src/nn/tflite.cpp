#include "nibble/nn/tflite.hpp"

#include <algorithm>

#include "nibble/core/check.hpp"
#include "nibble/quant/integer_grid.hpp"
#include "src/nn/tflite_impl.hpp"

namespace nibble::nn {
namespace {

std::uint8_t Flipped(std::int8_t x) {
  return static_cast<std::uint8_t>(x + 128);
}

}  // namespace

TfliteNetwork::~TfliteNetwork() = default;
TfliteNetwork::TfliteNetwork(TfliteNetwork&&) noexcept = default;
TfliteNetwork& TfliteNetwork::operator=(TfliteNetwork&&) noexcept = default;

const Model& TfliteNetwork::model() const { return impl_->model; }
QuantParams TfliteNetwork::input() const { return impl_->input; }
QuantParams TfliteNetwork::output() const { return impl_->output; }

QuantSpec TfliteNetwork::spec() const {
  return {.weights = ParseScheme("int8/channel"),
          .activations = ParseScheme("asym:int8")};
}

std::vector<std::vector<std::int8_t>> TfliteNetwork::RunReference(
    std::span<const std::int8_t> input) const {
  NIBBLE_CHECK("TfliteNetwork", input.size() == impl_->model.input.size());
  std::vector<std::vector<std::int8_t>> outputs;
  const auto from = [&](int layer) -> std::span<const std::int8_t> {
    if (layer == kImage) return input;
    return outputs[static_cast<std::size_t>(layer)];
  };
  for (std::size_t i = 0; i < impl_->layers.size(); ++i) {
    const Layer& layer = impl_->model.layers[i];
    const TfliteLayer& arithmetic = impl_->layers[i];
    const auto in = from(layer.input);
    std::vector<std::int8_t> out(layer.out.size());
    if (layer.has_weights()) {
      nn::RunReference(arithmetic.conv, in, out);
    } else if (layer.kind == LayerKind::kAdd) {
      const auto in2 = from(layer.input2);
      for (std::size_t j = 0; j < out.size(); ++j) {
        out[j] = TfliteSum(in[j], in2[j], arithmetic.add);
      }
    } else {
      for (std::size_t c = 0; c < out.size(); ++c) {
        std::int32_t sum = 0;
        for (std::size_t p = 0; p < layer.in.pixels(); ++p) {
          sum += in[p * out.size() + c];
        }
        out[c] = TfliteMean(sum, static_cast<std::int32_t>(layer.in.pixels()),
                            arithmetic.out);
      }
    }
    outputs.push_back(std::move(out));
  }
  return outputs;
}

std::span<const std::uint8_t> TfliteNetwork::Impl::Run(
    std::span<const std::int8_t> inputs, std::size_t images,
    std::vector<std::vector<std::uint8_t>>& work) const {
  // One more than the layers' buffers: the input, as unsigned bytes.
  work.resize(buffers + 1);
  work[buffers].resize(inputs.size());
  std::ranges::transform(inputs, work[buffers].begin(), Flipped);
  const auto from = [&](int layer) -> std::span<const std::uint8_t> {
    if (layer == kImage) return work[buffers];
    const auto at = static_cast<std::size_t>(layer);
    return std::span(work[buffer[at]])
        .first(images * model.layers[at].out.size());
  };
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = model.layers[i];
    const std::size_t size = images * layer.out.size();
    auto& slot = work[buffer[i]];
    slot.resize(std::max(slot.size(), size));
    const auto out = std::span(slot).first(size);
    const auto in = from(layer.input);
    if (layer.has_weights()) {
      const TfliteConv& conv = layers[i].conv;
      const Requantize finish{conv.factor, conv.out.zero + 128,
                              conv.out.low + 128, conv.out.high + 128};
      Conv2d(conv.shape, layers[i].filter, images, in, finish, out);
    } else if (layer.kind == LayerKind::kAdd) {
      AddBytes(layers[i].add, in, from(layer.input2), out);
    } else {
      for (std::size_t b = 0; b < images; ++b) {
        MeanBytes(layers[i].out,
                  in.subspan(b * layer.in.size(), layer.in.size()),
                  out.subspan(b * layer.out.size(), layer.out.size()));
      }
    }
  }
  return from(static_cast<int>(layers.size()) - 1);
}

std::vector<std::int8_t> TfliteNetwork::Run(std::span<const std::int8_t> inputs,
                                            const Executor& executor) const {
  const std::size_t size = impl_->model.input.size();
  NIBBLE_CHECK("TfliteNetwork::Run", inputs.size() % size == 0);
  const std::size_t images = inputs.size() / size;
  const std::size_t classes = impl_->model.classes;
  std::vector<std::int8_t> logits(images * classes);
  // Few enough images that their activations stay in a near cache.
  constexpr std::size_t kBatch = 4;
  executor((images + kBatch - 1) / kBatch, [&](std::size_t task) {
    const std::size_t first = task * kBatch;
    const std::size_t count = std::min(kBatch, images - first);
    std::vector<std::vector<std::uint8_t>> work;
    const auto last =
        impl_->Run(inputs.subspan(first * size, count * size), count, work);
    std::ranges::transform(
        last, logits.begin() + static_cast<std::ptrdiff_t>(first * classes),
        [](std::uint8_t x) { return static_cast<std::int8_t>(x - 128); });
  });
  return logits;
}

std::vector<std::int8_t> PixelCodes(const TfliteNetwork& network,
                                    const io::Images& images, std::size_t first,
                                    std::size_t count) {
  const auto pixels = Preprocess(network.model(), images, first, count);
  std::vector<std::int8_t> codes(pixels.size());
  const IntegerGrid grid{.low = -128};
  std::ranges::transform(pixels, codes.begin(), [&](float x) {
    return static_cast<std::int8_t>(QuantizeInteger(x, network.input(), grid));
  });
  return codes;
}

Evaluation Evaluate(const TfliteNetwork& network,
                    std::span<const std::int8_t> inputs,
                    std::span<const std::uint8_t> labels,
                    const Executor& executor, const Progress& progress) {
  constexpr std::size_t kAtOnce = 500;
  const std::size_t size = network.model().input.size();
  NIBBLE_CHECK("Evaluate", inputs.size() == labels.size() * size);
  std::vector<float> logits;
  for (std::size_t done = 0; done < labels.size();) {
    const std::size_t count = std::min(kAtOnce, labels.size() - done);
    const auto some =
        network.Run(inputs.subspan(done * size, count * size), executor);
    logits.insert(logits.end(), some.begin(), some.end());
    done += count;
    if (progress) progress(done);
  }
  return Score(logits, labels);
}

}  // namespace nibble::nn
