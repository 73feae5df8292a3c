// A Trainer's step: weights to the shards, gradients back, in order.
#include <algorithm>
#include <cmath>

#include "nibble/core/check.hpp"
#include "nibble/qat/loss.hpp"
#include "nibble/qat/trainer.hpp"

namespace nibble::qat {
namespace {

// Share of a step's statistics in the running ones: PyTorch's momentum.
constexpr float kMomentum = 0.1f;
// Parameters that one task adds up.
constexpr std::size_t kChunk = std::size_t{1} << 15;

constexpr Augmentation kNone = {};

}  // namespace

struct Trainer::Shards {
  std::size_t images = 0;
  std::vector<ShardResult> results;
};

Workspace Trainer::TakeWorkspace() const {
  const std::lock_guard lock(mutex_);
  if (workspaces_.empty()) return graph_.MakeWorkspace();
  Workspace workspace = std::move(workspaces_.back());
  workspaces_.pop_back();
  return workspace;
}

std::span<const std::uint32_t> Trainer::BatchAt(std::uint64_t step) const {
  const std::uint64_t epoch = step / steps_per_epoch_;
  if (order_epoch_ != epoch) {
    order_ = EpochOrder(train_.count, options_.seed, epoch);
    order_epoch_ = epoch;
  }
  const std::size_t first = step % steps_per_epoch_ * options_.batch;
  return std::span(order_).subspan(
      first, std::min(options_.batch, train_.count - first));
}

// What all shards share: quantized and packed weights, grids of inputs.
void Trainer::Prepare(bool quantized, StepInputs& step,
                      std::vector<AlignedVector<float>>& weights) const {
  const std::size_t layers = model().layers.size();
  step.parameters = state_.parameters;
  step.packed.resize(layers);
  step.grids.assign(layers, {});
  weights.resize(layers);
  executor_(layers, [&](std::size_t i) {
    if (!model().layers[i].has_weights()) return;
    const Quantizers& q = quantizers_[i];
    std::span<const float> w = WeightsOf(i);
    if (quantized && q.weights) {
      weights[i].resize(w.size());
      q.weights->Forward(w, Learned(q, true), weights[i]);
      w = weights[i];
    }
    graph_.Pack(i, w.data(), step.packed[i]);
    if (quantized) {
      step.grids[i] = GridOf(i);
    } else {
      step.grids[i].observe = q.input != nullptr;
    }
  });
}

void Trainer::RunShard(const StepInputs& step,
                       std::span<const std::uint32_t> images, std::size_t batch,
                       std::uint64_t epoch, ShardResult& result) const {
  const std::size_t n = images.size(), classes = model().classes;
  Workspace workspace = TakeWorkspace();
  MutableView in = graph_.input_layout().view(workspace.input().data());
  std::vector<std::uint8_t> labels(n);
  std::vector<float> teacher_inputs, teacher;
  for (std::size_t b = 0; b < n; ++b, in.at += in.image) {
    const std::size_t image = images[b];
    const Augmentation augmentation =
        options_.augment
            ? AugmentationOf(options_.seed, epoch, train_.count, image)
            : kNone;
    writer_.Write(image, augmentation, in);
    labels[b] = train_.labels[image];
    if (!teacher_) continue;
    const nn::Shape& shape = model().input;
    teacher_inputs.resize((b + 1) * shape.size());
    MutableView to = Layout{shape}.view(&teacher_inputs[b * shape.size()]);
    writer_.Write(image, augmentation, to);
  }
  if (teacher_) teacher = teacher_->Run(teacher_inputs);
  const auto logits = graph_.Forward(step, n, workspace, result);
  std::vector<float> gradient(n * classes);
  result.loss = CrossEntropy<float>(options_.loss, logits, labels, teacher,
                                    1.0 / static_cast<double>(batch), gradient);
  result.correct = nn::Score(logits, labels).correct;
  if (!std::isfinite(result.loss)) {
    result.bad_layer = graph_.FirstNotFinite(n, workspace);
  } else if (step.backward) {
    graph_.Backward(step, n, gradient, workspace, result);
  }
  const std::lock_guard lock(mutex_);
  workspaces_.push_back(std::move(workspace));
}

Trainer::Shards Trainer::RunShards(const StepInputs& step) const {
  const auto images = BatchAt(state_.step);
  const std::uint64_t epoch = state_.step / steps_per_epoch_;
  const std::size_t n = (images.size() + kShardImages - 1) / kShardImages;
  Shards shards{images.size(), {}};
  for (std::size_t s = 0; s < n; ++s) {
    shards.results.push_back(graph_.MakeResult());
  }
  executor_(n, [&](std::size_t s) {
    const std::size_t begin = images.size() * s / n;
    const std::size_t end = images.size() * (s + 1) / n;
    RunShard(step, images.subspan(begin, end - begin), images.size(), epoch,
             shards.results[s]);
  });
  return shards;
}

// The gradient of the batch's mean loss: the shards' sums, added in order.
std::vector<float> Trainer::Reduce(const Shards& shards) const {
  std::vector<float> gradient(table_.size);
  const std::size_t n = graph_.table().size;
  executor_((n + kChunk - 1) / kChunk, [&](std::size_t chunk) {
    const std::size_t end = std::min(n, (chunk + 1) * kChunk);
    for (const ShardResult& shard : shards.results) {
      for (std::size_t i = chunk * kChunk; i < end; ++i) {
        gradient[i] += shard.gradient[i];
      }
    }
  });
  return gradient;
}

std::vector<InputStep> Trainer::ReduceInputs(const Shards& shards) const {
  std::vector<InputStep> inputs(quantizers_.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!quantizers_[i].input) continue;
    inputs[i].elements = shards.images * model().layers[i].in.size();
    InputSums& all = inputs[i].sums;
    all = shards.results[0].inputs[i];
    for (std::size_t s = 1; s < shards.results.size(); ++s) {
      const InputSums& one = shards.results[s].inputs[i];
      for (std::size_t c = 0; c < all.min.size(); ++c) {
        all.scale[c] += one.scale[c];
        all.above[c] += one.above[c];
        all.magnitude[c] += one.magnitude[c];
        all.min[c] = std::min(all.min[c], one.min[c]);
        all.max[c] = std::max(all.max[c], one.max[c]);
      }
    }
  }
  return inputs;
}

void Trainer::Check(const Shards& shards,
                    std::span<const float> gradient) const {
  const std::string where = "step " + std::to_string(state_.step) + ": ";
  for (const ShardResult& shard : shards.results) {
    if (std::isfinite(shard.loss)) continue;
    const std::string layer =
        shard.bad_layer < 0
            ? "the loss"
            : "layer " +
                  model().layers[static_cast<std::size_t>(shard.bad_layer)].name;
    throw RunFailed(where + "the loss is not finite; first in " + layer);
  }
  for (const Parameter& p : table_.all) {
    const auto part = gradient.subspan(p.offset, p.size);
    if (std::ranges::all_of(part, [](float g) { return std::isfinite(g); })) {
      continue;
    }
    throw RunFailed(where + "the gradient of " + p.name + " is not finite");
  }
}

// Scales that are learned begin with what the first batch shows in float.
void Trainer::InitializeLearned() {
  initialized_ = true;
  bool any = false;
  for (std::size_t i = 0; i < quantizers_.size(); ++i) {
    const Quantizers& q = quantizers_[i];
    if (q.weights && q.weights->learned() > 0) {
      q.weights->Initialize(
          WeightsOf(i), std::span(state_.parameters)
                            .subspan(q.weight_learned, q.weights->learned()));
    }
    any = any || (q.input && q.input->learned() > 0);
  }
  if (!any) return;
  StepInputs step;
  std::vector<AlignedVector<float>> weights;
  Prepare(false, step, weights);
  step.backward = false;
  const auto inputs = ReduceInputs(RunShards(step));
  for (std::size_t i = 0; i < quantizers_.size(); ++i) {
    const Quantizers& q = quantizers_[i];
    if (!q.input || q.input->learned() == 0) continue;
    q.input->Initialize(inputs[i],
                        std::span(state_.parameters)
                            .subspan(q.input_learned, q.input->learned()));
  }
}

StepReport Trainer::Step() {
  NIBBLE_CHECK("Trainer::Step", !done());
  NIBBLE_CHECK("Trainer::Step",
               options_.loss.distillation == 0 || teacher_.has_value());
  if (!initialized_) InitializeLearned();
  StepInputs step;
  std::vector<AlignedVector<float>> weights;
  Prepare(true, step, weights);
  const Shards shards = RunShards(step);
  std::vector<float> gradient = Reduce(shards);
  Check(shards, gradient);
  const auto inputs = ReduceInputs(shards);
  executor_(quantizers_.size(), [&](std::size_t i) {
    const Quantizers& q = quantizers_[i];
    const auto all = std::span(gradient);
    if (q.weights) {
      const auto w = WeightsOf(i);
      q.weights->Backward(
          w, Learned(q, true), all.subspan(table_.layers[i].weight, w.size()),
          all.subspan(q.weight_learned, q.weights->learned()));
    }
    if (!q.input) return;
    q.input->Gradient(inputs[i], Learned(q, false),
                      all.subspan(q.input_learned, q.input->learned()));
    q.input->Observe(state_.step, inputs[i],
                     std::span(state_.quantizer)
                         .subspan(q.input_state, q.input->state()));
  });
  const double rate = LearningRate(schedule_, state_.step);
  OptimizerStep(options_.optimizer, table_, rate, state_.step, gradient,
                state_.optimizer, state_.parameters);
  StepReport report{0, 0, shards.images, rate};
  for (const ShardResult& shard : shards.results) {
    report.loss += shard.loss;
    report.correct += shard.correct;
  }
  report.loss /= static_cast<double>(shards.images);
  const auto count = static_cast<double>(shards.results.size());
  for (std::size_t i = 0; i < state_.moments.size(); ++i) {
    double mean = 0;
    for (const ShardResult& shard : shards.results) mean += shard.moments[i];
    state_.moments[i] +=
        kMomentum * (static_cast<float>(mean / count) - state_.moments[i]);
  }
  ++state_.step;
  return report;
}

std::size_t Trainer::CountCorrect(const io::Images& images) const {
  StepInputs step;
  std::vector<AlignedVector<float>> weights;
  Prepare(true, step, weights);
  step.moments = state_.moments;
  const InputWriter writer(model(), images);
  const std::size_t tasks = (images.count + kShardImages - 1) / kShardImages;
  std::vector<std::size_t> correct(tasks);
  executor_(tasks, [&](std::size_t task) {
    const std::size_t first = task * kShardImages;
    const std::size_t n = std::min(kShardImages, images.count - first);
    Workspace workspace = TakeWorkspace();
    MutableView in = graph_.input_layout().view(workspace.input().data());
    for (std::size_t b = 0; b < n; ++b, in.at += in.image) {
      writer.Write(first + b, kNone, in);
    }
    ShardResult result = graph_.MakeResult();
    const auto logits = graph_.Forward(step, n, workspace, result);
    correct[task] =
        nn::Score(logits, std::span(images.labels).subspan(first, n)).correct;
    const std::lock_guard lock(mutex_);
    workspaces_.push_back(std::move(workspace));
  });
  std::size_t total = 0;
  for (const std::size_t n : correct) total += n;
  return total;
}

}  // namespace nibble::qat
