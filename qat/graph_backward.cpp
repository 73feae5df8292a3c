// The backward pass of a Graph.
#include <algorithm>

#include "graph_pass.hpp"
#include "nibble/core/check.hpp"
#include "nibble/qat/pool.hpp"

namespace nibble::qat {

void Graph::Backward(const StepInputs& step, std::size_t images,
                     std::span<const float> logits_gradient,
                     Workspace& workspace, ShardResult& result) const {
  NIBBLE_CHECK("Graph::Backward",
               logits_gradient.size() == images * model_.classes);
  const Pass pass{step, images, workspace.memory_.data(), workspace.affine_,
                  result, logits_gradient};
  std::ranges::copy(logits_gradient, pass.memory + gradients_.back());
  for (std::size_t i = units_.size(); i-- > 0;) {
    switch (model_.layers[i].kind) {
      case nn::LayerKind::kConv2d:
      case nn::LayerKind::kLinear:
        BackwardConv(pass, i);
        break;
      case nn::LayerKind::kAdd:
        BackwardAdd(pass, i);
        break;
      case nn::LayerKind::kAvgPool:
      case nn::LayerKind::kMaxPool:
        BackwardPool(pass, i);
        break;
      default:  // refused by the constructor
        break;
    }
  }
}

// Sums over the shard, and from them what each element of dz needs:
//
//     g     = dy where the ReLU passed
//     dbeta = sum g,  dgamma = sum g * xhat,  xhat = (z - mean) * rstd
//     dz    = gamma * rstd * (g - dbeta / n - xhat * dgamma / n)
void Graph::PrepareNorm(const Pass& pass, std::size_t i) const {
  const nn::Layer& layer = model_.layers[i];
  const LayerParameters& at = table_.layers[i];
  const std::size_t n = layer.out.channels;
  float* affine = pass.affine[i].data();
  std::vector<double> sums(2 * n);
  const Layout tight{layer.out};
  NormSums(SpanOf(layer.out, pass.images),
           tight.view<const float>(pass.memory + gradients_[i + 1]),
           tight.view<const float>(pass.memory + units_[i].z),
           affine + kScale * n, affine + kShift * n, affine + kMean * n,
           layer.relu, sums.data(), sums.data() + n);
  const auto pixels = static_cast<double>(pass.images * layer.out.pixels());
  for (std::size_t c = 0; c < n; ++c) {
    const double rstd = affine[kRstd * n + c], mean = affine[kMean * n + c];
    const double dbeta = sums[c], dgamma = sums[n + c] * rstd;
    pass.gradient(at.bias)[c] += static_cast<float>(dbeta);
    pass.gradient(at.gamma)[c] += static_cast<float>(dgamma);
    const double gain = pass.parameter(at.gamma)[c] * rstd;
    const double slope = -gain * dgamma * rstd / pixels;
    affine[kGradGain * n + c] = static_cast<float>(gain);
    affine[kGradSlope * n + c] = static_cast<float>(slope);
    affine[kGradOffset * n + c] =
        static_cast<float>(-gain * dbeta / pixels - slope * mean);
  }
}

// dx (+)= what the gradient by xq makes of it.
void Graph::QuantizeBack(const Pass& pass, std::size_t i, std::size_t first,
                         std::size_t count, bool add) const {
  const nn::Layer& layer = model_.layers[i];
  const Layout in = InputOf(i);
  const Layout tight{in.shape};
  InputSums& sums = pass.result.inputs[i];
  QuantizeBackward(
      SpanOf(in.shape, count),
      tight.view<const float>(pass.memory + units_[i].dxq),
      Skip<const float>(in.view(pass.memory + OffsetOf(layer.input)), first),
      pass.step.grids[i], add,
      Skip(tight.view(pass.memory +
                      gradients_[static_cast<std::size_t>(layer.input + 1)]),
           first),
      sums.scale.data(), sums.above.data());
}

void Graph::BackwardConv(const Pass& pass, std::size_t i) const {
  const nn::Layer& layer = model_.layers[i];
  const Unit& unit = units_[i];
  const LayerParameters& at = table_.layers[i];
  const std::size_t n = layer.out.channels;
  const bool norm = !layer.batch_norm.empty();
  const bool quantized = pass.step.grids[i].kind != InputGrid::Kind::kOff;
  if (norm) PrepareNorm(pass, i);
  const Layout tight{layer.out};
  const Layout& out = LayoutOf(static_cast<int>(i));
  const Layout& in = LayoutOf(layer.input);
  const float* affine = pass.affine[i].data();
  const std::size_t x = quantized ? unit.xq : OffsetOf(layer.input);
  float* d = pass.memory + unit.d;
  float* dx = pass.memory + gradients_[static_cast<std::size_t>(layer.input + 1)];
  const bool add = !first_writer_[0][i];
  std::vector<double> sums(n);
  for (std::size_t b = 0; b < pass.images; b += unit.group) {
    const std::size_t count = std::min(unit.group, pass.images - b);
    const Span4 size = SpanOf(layer.out, count);
    const View dy = Skip(
        tight.view<const float>(pass.memory + gradients_[i + 1]), b);
    const MutableView dz = unit.conv->gradient().view(d);
    if (norm) {
      const View z = Skip(tight.view<const float>(pass.memory + unit.z), b);
      NormBackward(size, dy, z, affine + kScale * n, affine + kShift * n,
                   layer.relu, affine + kGradGain * n, affine + kGradSlope * n,
                   affine + kGradOffset * n, dz);
    } else {
      const View y =
          Skip<const float>(out.view(pass.memory + unit.y), b);
      BiasBackward(size, dy, y, layer.relu, dz, sums.data());
    }
    unit.conv->BackwardWeights(d, pass.memory + x + b * in.image(), count,
                               pass.gradient(at.weight));
    if (layer.input == nn::kImage && !quantized) continue;
    const float* packed = pass.step.packed[i].data();
    if (quantized) {
      unit.conv->BackwardData(d, packed, count, false, pass.memory + unit.dxq);
      QuantizeBack(pass, i, b, count, add);
    } else {
      unit.conv->BackwardData(d, packed, count, add,
                              dx + b * layer.in.size());
    }
  }
  if (norm || at.bias == LayerParameters::kNone) return;
  for (std::size_t c = 0; c < n; ++c) {
    pass.gradient(at.bias)[c] += static_cast<float>(sums[c]);
  }
}

void Graph::BackwardAdd(const Pass& pass, std::size_t i) const {
  const nn::Layer& layer = model_.layers[i];
  const Layout tight{layer.out};
  const Layout small{model_.shape(layer.input2)};
  const std::size_t c2 = small.shape.channels;
  View dy = tight.view<const float>(pass.memory + gradients_[i + 1]);
  View y = LayoutOf(static_cast<int>(i)).view<const float>(pass.memory +
                                                           units_[i].y);
  const auto to = [&](int input) {
    return pass.memory + gradients_[static_cast<std::size_t>(input + 1)];
  };
  Span4 size = SpanOf(layer.out, pass.images);
  if (layer.input != nn::kImage) {
    AddBackward(size, dy, y, layer.relu, !first_writer_[0][i],
                tight.view(to(layer.input)));
  }
  if (layer.input2 == nn::kImage) return;
  MutableView d2 = small.view(to(layer.input2));
  const bool strided = layer.stride.area() != 1;
  if (strided && first_writer_[1][i]) {
    std::fill_n(d2.at, pass.images * small.shape.size(), 0.0f);
  }
  const std::size_t before = (layer.out.channels - c2) / 2;
  dy.at += before, y.at += before;
  size.channels = c2;
  d2.row *= layer.stride.height;
  d2.pixel *= layer.stride.width;
  AddBackward(size, dy, y, layer.relu, strided || !first_writer_[1][i], d2);
}

void Graph::BackwardPool(const Pass& pass, std::size_t i) const {
  const nn::Layer& layer = model_.layers[i];
  if (layer.input == nn::kImage) return;
  const bool add = !first_writer_[0][i];
  const View dy = Layout{layer.out}.view<const float>(pass.memory +
                                                      gradients_[i + 1]);
  const MutableView dx = Layout{layer.in}.view(
      pass.memory + gradients_[static_cast<std::size_t>(layer.input + 1)]);
  if (layer.kind == nn::LayerKind::kAvgPool) {
    AvgPoolBackward(layer, pass.images, dy, add, dx);
    return;
  }
  const View x = LayoutOf(layer.input).view<const float>(
      pass.memory + OffsetOf(layer.input));
  MaxPoolBackward(layer, pass.images, x, dy, add, dx);
}

}  // namespace nibble::qat
