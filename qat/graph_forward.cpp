// The forward pass of a Graph.
#include <algorithm>
#include <cmath>
#include <limits>

#include "graph_pass.hpp"
#include "nibble/qat/pool.hpp"

namespace nibble::qat {

std::span<const float> Graph::Forward(const StepInputs& step,
                                      std::size_t images, Workspace& workspace,
                                      ShardResult& result) const {
  const Pass pass{step, images, workspace.memory_.data(), workspace.affine_,
                  result, {}};
  for (std::size_t i = 0; i < units_.size(); ++i) {
    switch (model_.layers[i].kind) {
      case nn::LayerKind::kConv2d:
      case nn::LayerKind::kLinear:
        ForwardConv(pass, i);
        break;
      case nn::LayerKind::kAdd:
        ForwardAdd(pass, i);
        break;
      case nn::LayerKind::kAvgPool:
      case nn::LayerKind::kMaxPool:
        ForwardPool(pass, i);
        break;
      default:  // refused by the constructor
        break;
    }
  }
  return {pass.memory + units_.back().y, images * model_.classes};
}

// xq = Q(x), for images first, ..., first + count - 1.
void Graph::Quantize(const Pass& pass, std::size_t i, std::size_t first,
                     std::size_t count) const {
  const InputGrid& grid = pass.step.grids[i];
  const nn::Layer& layer = model_.layers[i];
  const Layout in = InputOf(i);
  const Span4 size = SpanOf(in.shape, count);
  const View x = Skip<const float>(
      in.view(pass.memory + OffsetOf(layer.input)), first);
  if (grid.observe) {
    InputSums& sums = pass.result.inputs[i];
    Observe(size, x, sums.min.data(), sums.max.data(), sums.magnitude.data());
  }
  const MutableView xq = Skip(in.view(pass.memory + units_[i].xq), first);
  if (grid.kind != InputGrid::Kind::kOff) QuantizeForward(size, x, grid, xq);
}

// z = conv(x); y = relu(batch norm of z), or relu(z + bias).
void Graph::ForwardConv(const Pass& pass, std::size_t i) const {
  const nn::Layer& layer = model_.layers[i];
  const Unit& unit = units_[i];
  const Layout& in = LayoutOf(layer.input);
  const Layout& out = LayoutOf(static_cast<int>(i));
  const InputGrid& grid = pass.step.grids[i];
  const bool quantized = grid.kind != InputGrid::Kind::kOff;
  const std::size_t x = quantized ? unit.xq : OffsetOf(layer.input);
  const bool norm = !layer.batch_norm.empty();
  const std::size_t n = layer.out.channels;
  const bool fixed = !pass.step.moments.empty();
  std::vector<double> sums(2 * n);
  std::vector<float> ones(n, 1.0f), zeros(n);
  // Where y has no border and is not normalized, z is y.
  float* z = pass.memory + (norm || !out.tight() ? unit.z : unit.y);
  const LayerParameters& at = table_.layers[i];
  for (std::size_t b = 0; b < pass.images; b += unit.group) {
    const std::size_t count = std::min(unit.group, pass.images - b);
    if (quantized || grid.observe) Quantize(pass, i, b, count);
    float* zb = z + b * layer.out.size();
    unit.conv->Forward(pass.memory + x + b * in.image(),
                       pass.step.packed[i].data(), count, zb);
    const View tight = Layout{layer.out}.view<const float>(zb);
    if (norm && !fixed) {
      ChannelMoments(SpanOf(layer.out, count), tight, sums.data(),
                     sums.data() + n);
    } else if (!norm) {
      const bool bias = at.bias != LayerParameters::kNone;
      ScaleShift(SpanOf(layer.out, count), tight, ones.data(),
                 bias ? pass.parameter(at.bias) : zeros.data(), layer.relu,
                 Skip(out.view(pass.memory + unit.y), b));
    }
  }
  if (!norm) return;
  FinishNorm(pass, i, sums);
  const float* affine = pass.affine[i].data();
  ScaleShift(SpanOf(layer.out, pass.images),
             Layout{layer.out}.view<const float>(z), affine + kScale * n,
             affine + kShift * n, layer.relu, out.view(pass.memory + unit.y));
}

// From the sums of z and z^2, or from the running moments, to y = z * scale +
// shift.
void Graph::FinishNorm(const Pass& pass, std::size_t i,
                       std::span<const double> sums) const {
  const nn::Layer& layer = model_.layers[i];
  const LayerParameters& at = table_.layers[i];
  const std::size_t n = layer.out.channels;
  const auto pixels = static_cast<double>(pass.images * layer.out.pixels());
  float* affine = pass.affine[i].data();
  for (std::size_t c = 0; c < n; ++c) {
    double mean, variance;
    if (pass.step.moments.empty()) {
      mean = sums[c] / pixels;
      variance = std::max(sums[n + c] / pixels - mean * mean, 0.0);
      double* moments = pass.result.moments.data() + at.moments;
      moments[c] = mean;
      moments[n + c] = variance * pixels / std::max(pixels - 1, 1.0);
    } else {
      mean = pass.step.moments[at.moments + c];
      variance = pass.step.moments[at.moments + n + c];
    }
    const double rstd = 1 / std::sqrt(variance + kNormEpsilon);
    const double gain = pass.parameter(at.gamma)[c] * rstd;
    affine[kScale * n + c] = static_cast<float>(gain);
    affine[kShift * n + c] =
        static_cast<float>(pass.parameter(at.bias)[c] - mean * gain);
    affine[kMean * n + c] = static_cast<float>(mean);
    affine[kRstd * n + c] = static_cast<float>(rstd);
  }
}

// y = relu(in + in2), in2 perhaps larger in pixels and smaller in channels.
void Graph::ForwardAdd(const Pass& pass, std::size_t i) const {
  const nn::Layer& layer = model_.layers[i];
  const Layout& small = LayoutOf(layer.input2);
  const std::size_t c = layer.out.channels, c2 = small.shape.channels;
  const std::size_t before = (c - c2) / 2;
  View a = LayoutOf(layer.input).view<const float>(pass.memory +
                                                   OffsetOf(layer.input));
  View b = small.view<const float>(pass.memory + OffsetOf(layer.input2));
  b.row *= layer.stride.height;
  b.pixel *= layer.stride.width;
  MutableView y = LayoutOf(static_cast<int>(i)).view(pass.memory + units_[i].y);
  const auto channels = [&](std::size_t first, std::size_t count, View with) {
    if (count == 0) return;
    Span4 size = SpanOf(layer.out, pass.images);
    size.channels = count;
    View from = a;
    MutableView to = y;
    from.at += first, to.at += first;
    AddForward(size, from, with, layer.relu, to);
  };
  channels(0, before, {});
  channels(before, c2, b);
  channels(before + c2, c - c2 - before, {});
}

void Graph::ForwardPool(const Pass& pass, std::size_t i) const {
  const nn::Layer& layer = model_.layers[i];
  const View x = LayoutOf(layer.input).view<const float>(
      pass.memory + OffsetOf(layer.input));
  const MutableView y =
      LayoutOf(static_cast<int>(i)).view(pass.memory + units_[i].y);
  if (layer.kind == nn::LayerKind::kAvgPool) {
    AvgPoolForward(layer, pass.images, x, y);
  } else {
    MaxPoolForward(layer, pass.images, x, y);
  }
}

}  // namespace nibble::qat
