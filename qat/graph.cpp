// The plan of a Graph: layouts and memory.
#include "nibble/qat/graph.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph_pass.hpp"
#include "nibble/core/check.hpp"

namespace nibble::qat {
namespace {

// Input and gradient of the images that run together: a part of a second-level
// cache.
constexpr std::size_t kGroupBytes = 256 << 10;

Layout Wider(const Layout& a, const Layout& b) {
  return {a.shape, std::max(a.top, b.top), std::max(a.bottom, b.bottom),
          std::max(a.left, b.left), std::max(a.right, b.right)};
}

}  // namespace

Graph::Graph(const nn::Model& model, std::size_t images, bool quantized)
    : model_(model), table_(TableOf(model)), units_(model.layers.size()) {
  NIBBLE_CHECK("Graph", images > 0);
  layouts_.push_back({model.input});
  for (const nn::Layer& layer : model.layers) {
    // Those of language models have no backward pass here.
    NIBBLE_CHECK("Graph", layer.kind <= nn::LayerKind::kMaxPool);
    layouts_.push_back({layer.out});
  }
  for (const nn::Layer& layer : model.layers) {
    if (layer.kind != nn::LayerKind::kConv2d) continue;
    Layout& in = layouts_[static_cast<std::size_t>(layer.input + 1)];
    in = Wider(in, Conv::Border(nn::ConvShapeOf(layer)));
  }
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const nn::Layer& layer = model.layers[i];
    if (!layer.has_weights()) continue;
    const bool dense = layer.kind == nn::LayerKind::kLinear;
    NIBBLE_CHECK("Graph", !dense || LayoutOf(layer.input).tight());
    const Layout in = InputOf(i);
    units_[i].conv.emplace(nn::ConvShapeOf(layer), in, dense, images);
    const std::size_t image = in.image() + units_[i].conv->gradient().image();
    units_[i].group =
        dense ? images
              : std::clamp<std::size_t>(kGroupBytes / sizeof(float) / image, 1,
                                        images);
  }
  PlanMemory(images, quantized);
  PlanGradients(images);
}

std::size_t Graph::Take(std::size_t elements) {
  const std::size_t at = memory_;
  memory_ += (elements + kSlack + 15) / 16 * 16;  // whole cache lines
  return at;
}

void Graph::PlanMemory(std::size_t images, bool quantized) {
  Take(images * layouts_[0].image());  // first: Workspace::input
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const nn::Layer& layer = model_.layers[i];
    Unit& unit = units_[i];
    unit.y = Take(images * LayoutOf(static_cast<int>(i)).image());
    if (!unit.conv) continue;
    if (!layer.batch_norm.empty() || !LayoutOf(static_cast<int>(i)).tight()) {
      unit.z = Take(images * layer.out.size());
    }
    if (quantized) {
      unit.xq = Take(images * LayoutOf(layer.input).image());
      unit.dxq = Take(unit.group * layer.in.size());
    }
    // Layers of equal layout share the gradient before batch norm.
    const Layout& d = unit.conv->gradient();
    const auto same = std::find_if(
        units_.begin(), units_.begin() + static_cast<std::ptrdiff_t>(i),
        [&](const Unit& other) {
          const auto* g = other.conv ? &other.conv->gradient() : nullptr;
          return g != nullptr && g->shape == d.shape && g->top == d.top &&
                 g->left == d.left && g->image() == d.image() &&
                 other.group >= unit.group;
        });
    unit.d = &*same != &unit && same->conv ? same->d
                                           : Take(unit.group * d.image());
  }
}

// Walks back as Backward does: the gradient by an output gets memory when the
// first reader writes it, and gives it back when the layer has read it.
void Graph::PlanGradients(std::size_t images) {
  const std::size_t n = units_.size();
  gradients_.assign(n + 1, 0);
  for (auto& writer : first_writer_) writer.assign(n, false);
  std::size_t largest = 0;
  for (const nn::Layer& layer : model_.layers) {
    largest = std::max(largest, layer.out.size());
  }
  std::vector<std::size_t> free;
  std::vector<bool> has(n + 1, false);
  const auto need = [&](int layer) {
    const auto at = static_cast<std::size_t>(layer + 1);
    if (layer == nn::kNoLayer || layer == nn::kImage || has[at]) return false;
    has[at] = true;
    if (free.empty()) {
      gradients_[at] = Take(images * largest);
    } else {
      gradients_[at] = free.back();
      free.pop_back();
    }
    return true;
  };
  need(static_cast<int>(n) - 1);
  for (std::size_t i = n; i-- > 0;) {
    first_writer_[0][i] = need(model_.layers[i].input);
    first_writer_[1][i] = need(model_.layers[i].input2);
    if (has[i + 1]) free.push_back(gradients_[i + 1]);
  }
}

Workspace Graph::MakeWorkspace() const {
  Workspace workspace;
  workspace.memory_.resize(memory_);
  for (const nn::Layer& layer : model_.layers) {
    workspace.affine_.emplace_back(
        layer.batch_norm.empty() ? 0 : kAffineRows * layer.out.channels);
  }
  return workspace;
}

ShardResult Graph::MakeResult() const {
  ShardResult result;
  result.gradient.resize(table_.size);
  result.moments.resize(table_.moments);
  for (const nn::Layer& layer : model_.layers) {
    InputSums& sums = result.inputs.emplace_back();
    if (!layer.has_weights()) continue;
    const std::size_t c = nn::ConvShapeOf(layer).in.channels;
    sums.scale.resize(c), sums.above.resize(c), sums.magnitude.resize(c);
    sums.min.assign(c, std::numeric_limits<float>::max());
    sums.max.assign(c, std::numeric_limits<float>::lowest());
  }
  return result;
}

int Graph::FirstNotFinite(std::size_t images,
                          const Workspace& workspace) const {
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const auto layer = static_cast<int>(i);
    const float* y = workspace.memory_.data() + units_[i].y;
    const std::size_t size = images * LayoutOf(layer).image();
    if (!std::all_of(y, y + size, [](float v) { return std::isfinite(v); })) {
      return layer;
    }
  }
  return nn::kNoLayer;
}

void Graph::Pack(std::size_t layer, const float* weights,
                 AlignedVector<float>& packed) const {
  const Conv& conv = units_[layer].conv.value();
  packed.resize(conv.packed_size());
  conv.Pack(weights, packed.data());
}

}  // namespace nibble::qat
