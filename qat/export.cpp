// Export: from a Trainer's state to the file that inference reads.
#include <cmath>

#include "nibble/io/safetensors.hpp"
#include "nibble/qat/checkpoint.hpp"

namespace nibble::qat {
namespace {

// What is written: in order, with notes.
struct Exported {
  struct Tensor {
    std::string name;
    std::vector<std::size_t> shape;
    std::vector<float> values;
  };
  std::vector<Tensor> tensors;
  io::Metadata notes;

  void Add(std::string name, std::vector<std::size_t> shape,
           std::vector<float> values) {
    tensors.push_back({std::move(name), std::move(shape), std::move(values)});
  }
};

// One layer's weights as they are to be written, [out][...][in / groups].
struct LayerOut {
  std::vector<float> weight, bias, scales;
};

// What batch norm multiplies and adds, with the epsilon of nn::Fold.
void FoldNorm(const Trainer& trainer, const LayerParameters& at, std::size_t n,
              LayerOut& out) {
  const auto& parameters = trainer.state().parameters;
  const auto& moments = trainer.state().moments;
  const std::size_t reduction = out.weight.size() / n;
  out.bias.resize(n);
  for (std::size_t o = 0; o < n; ++o) {
    const double gain = parameters[at.gamma + o] /
                        std::sqrt(moments[at.moments + n + o] + 1e-5);
    for (std::size_t i = 0; i < reduction; ++i) {
      float& w = out.weight[o * reduction + i];
      w = static_cast<float>(w * gain);
    }
    out.bias[o] = static_cast<float>(parameters[at.bias + o] -
                                     moments[at.moments + o] * gain);
    if (!out.scales.empty()) {
      out.scales[o] = static_cast<float>(out.scales[o] * gain);
    }
  }
}

// From [out][pixels of the kernel][channels] to [out][channels][pixels].
std::vector<float> FileOrder(const nn::Layer& layer,
                             const std::vector<float>& w) {
  const std::size_t reduction = layer.reduction(), area = layer.kernel.area();
  const std::size_t c = reduction / area;
  std::vector<float> out(w.size());
  for (std::size_t i = 0; i < w.size(); ++i) {
    const std::size_t o = i / reduction, j = i % reduction;
    out[o * reduction + j % c * area + j / c] = w[i];
  }
  return out;
}

void AddInputParams(const Trainer& trainer, std::size_t i, Exported& file) {
  const std::string& name = trainer.model().layers[i].name;
  const InputGrid grid = trainer.GridOf(i);
  if (grid.kind == InputGrid::Kind::kOff || grid.params.empty()) return;
  std::vector<float> scale, inverse, zero;
  for (const QuantParams& p : grid.params) {
    scale.push_back(p.scale);
    inverse.push_back(p.Inverse());
    zero.push_back(static_cast<float>(p.zero_point));
  }
  const std::vector<std::size_t> shape = {scale.size()};
  file.Add(name + ".input_scale", shape, scale);
  file.Add(name + ".input_inverse", shape, inverse);
  file.Add(name + ".input_zero_point", shape, zero);
  file.notes["nibble:" + name + ".input_scale"] =
      ToString(trainer.quantizers()[i].input->scheme());
}

void AddLayer(const Trainer& trainer, const nn::Layer& target, std::size_t i,
              Exported& file) {
  const nn::Layer& layer = trainer.model().layers[i];
  const LayerParameters& at = trainer.table().layers[i];
  const Trainer::Quantizers& q = trainer.quantizers()[i];
  const std::size_t n = layer.out.channels;
  const auto part = [&](const std::vector<float>& all, std::size_t offset) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(offset);
    return std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(n));
  };
  const auto& parameters = trainer.state().parameters;
  const auto& moments = trainer.state().moments;
  const auto w = trainer.WeightsOf(i);
  LayerOut out{{w.begin(), w.end()}, {}, {}};
  if (q.weights) {
    out.weight = q.weights->Export(w);
    out.scales = q.weights->ExportScales(w, trainer.Learned(q, true));
  }
  const bool norm = at.gamma != LayerParameters::kNone;
  if (norm && target.batch_norm.empty()) {
    FoldNorm(trainer, at, n, out);
  } else if (norm) {
    const std::string& bn = target.batch_norm;
    file.Add(bn + ".weight", {n}, part(parameters, at.gamma));
    file.Add(bn + ".bias", {n}, part(parameters, at.bias));
    file.Add(bn + ".running_mean", {n}, part(moments, at.moments));
    file.Add(bn + ".running_var", {n}, part(moments, at.moments + n));
  } else if (at.bias != LayerParameters::kNone) {
    out.bias = part(parameters, at.bias);
  }
  file.Add(target.name + ".weight", target.weight_shape(),
              FileOrder(layer, out.weight));
  if (target.bias) file.Add(target.name + ".bias", {n}, out.bias);
  if (!out.scales.empty()) {
    file.Add(target.name + ".weight_scale", {n}, out.scales);
    file.notes["nibble:" + target.name + ".weight_scale"] =
        ToString(q.weights->scheme());
  }
  AddInputParams(trainer, i, file);
}

Exported Collect(const Trainer& trainer, const nn::Model& model) {
  Exported file;
  file.notes["nibble:model"] = model.name;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const nn::Layer& layer = model.layers[i];
    if (!layer.has_weights()) continue;
    AddLayer(trainer, layer, i, file);
    const Trainer::Quantizers& q = trainer.quantizers()[i];
    const bool end = layer.role != nn::Role::kMiddle;
    if (q.weights) {
      file.notes[end ? "nibble:ends_scheme" : "nibble:weight_scheme"] =
          ToString(q.weights->scheme());
    }
    if (q.input) {
      file.notes[end ? "nibble:ends_input_scheme" : "nibble:act_scheme"] =
          ToString(q.input->scheme());
    }
  }
  return file;
}

}  // namespace

void Export(const Trainer& trainer, const nn::Model& model,
            const std::filesystem::path& path) {
  const Exported file = Collect(trainer, model);
  std::vector<io::TensorView> views;
  for (const Exported::Tensor& t : file.tensors) {
    views.push_back(io::ViewOf<float>(t.name, t.shape, t.values));
  }
  io::Write(path, views, file.notes);
}

void ExportTo(const Trainer& trainer, const nn::Model& model,
              nn::Weights& weights) {
  Exported file = Collect(trainer, model);
  for (Exported::Tensor& t : file.tensors) {
    weights.Set(t.name, std::move(t.shape), std::move(t.values));
  }
  for (const auto& [key, note] : file.notes) {
    weights.SetNote(key, note);
  }
}

}  // namespace nibble::qat
