#include "nibble/nn/tflite.hpp"

#include <algorithm>

#include "nibble/core/check.hpp"
#include "nibble/quant/integer_grid.hpp"
#include "src/nn/tflite_impl.hpp"

namespace nibble::nn {

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

std::vector<std::int8_t> TfliteNetwork::Run(
    std::span<const std::int8_t> inputs, const Executor& executor) const {
  const std::size_t size = impl_->model.input.size();
  NIBBLE_CHECK("TfliteNetwork::Run", inputs.size() % size == 0);
  const std::size_t n = inputs.size() / size;
  std::vector<std::int8_t> logits(n * impl_->model.classes);
  executor(n, [&](std::size_t i) {
    const auto outputs = RunReference(inputs.subspan(i * size, size));
    std::ranges::copy(outputs.back(),
                      logits.begin() + static_cast<std::ptrdiff_t>(
                                           i * impl_->model.classes));
  });
  return logits;
}

std::vector<std::int8_t> PixelCodes(const TfliteNetwork& network,
                                    const io::Images& images,
                                    std::size_t first, std::size_t count) {
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
