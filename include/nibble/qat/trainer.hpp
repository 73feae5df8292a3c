// Training of a model: float, or quantized by a recipe.
//
//     qat::Trainer trainer(model, images, options, pool.executor());
//     while (!trainer.done()) trainer.Step();
//     qat::Export(trainer, "weights.safetensors");
//
// A batch is cut into shards of about 32 images, each run by one thread, and
// their gradients are added in order: the same bits for every number of
// threads, and in every run with the same seed on the same instruction set.
// Batch norm takes the statistics of a shard ("ghost batch norm", Hoffer et
// al., arXiv:1705.08741), and the mean of the shards' for inference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "nibble/core/executor.hpp"
#include "nibble/io/images.hpp"
#include "nibble/nn/network.hpp"
#include "nibble/qat/batches.hpp"
#include "nibble/qat/graph.hpp"
#include "nibble/qat/loss_options.hpp"
#include "nibble/qat/optimizer.hpp"
#include "nibble/qat/recipe.hpp"

namespace nibble::qat {

inline constexpr std::size_t kShardImages = 32;

// A run that cannot go on: a loss or gradient that is not finite.
class RunFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct TrainOptions {
  std::size_t epochs = 1;
  std::size_t batch = 128;
  std::uint64_t seed = 1;
  double rate = 0.1;
  double warmup_epochs = 0, cooldown_epochs = 0;
  bool cosine = true;
  OptimizerOptions optimizer = {};
  LossOptions loss = {};
  bool augment = false;  // crop and flip

  std::string recipe = "plain";
  nn::QuantSpec spec = {};  // nothing: float
  // When ranges of activations are frozen; below 0: after a fifth of the run.
  double freeze_epoch = -1;
};

struct StepReport {
  double loss = 0;  // mean over the batch
  std::size_t correct = 0, images = 0;
  double rate = 0;
};

// All that a run changes; with the options it determines every later bit.
struct TrainState {
  std::uint64_t step = 0;  // steps done
  std::vector<float> parameters;
  std::vector<float> optimizer;
  std::vector<float> moments;    // running mean and variance of batch norms
  std::vector<float> quantizer;  // averages of activations' extremes
};

class Trainer {
 public:
  // Weights by He et al.'s rule from the seed. Keeps references to `train` and
  // to what the executor runs on.
  //
  // Errors   InputError for images of another size, labels beyond the classes,
  //          a recipe or a scheme that a layer cannot hold, options out of
  //          range.
  Trainer(const nn::Model& model, const io::Images& train,
          const TrainOptions& options, Executor executor = {});

  // Starts from a file's weights. Errors   InputError as nn::Weights::Get.
  void SetWeights(const nn::Weights& weights);

  // The network whose logits the student learns under loss.distillation.
  void SetTeacher(nn::Network teacher);

  // One step. Errors   RunFailed; the state is then that of before the step.
  StepReport Step();

  bool done() const { return state_.step >= schedule_.steps; }
  std::size_t steps_per_epoch() const { return steps_per_epoch_; }
  std::uint64_t steps() const { return schedule_.steps; }

  // Right answers among `images`, quantized as training sees it and batch norm
  // by the running moments.
  std::size_t CountCorrect(const io::Images& images) const;

  const TrainState& state() const { return state_; }
  // Errors   std::invalid_argument if a size is another than state()'s.
  void SetState(TrainState state);

  const nn::Model& model() const { return graph_.model(); }
  const ParameterTable& table() const { return table_; }
  const TrainOptions& options() const { return options_; }

  // A layer's part: nullptr where it is float.
  struct Quantizers {
    std::unique_ptr<WeightQuantizer> weights;
    std::unique_ptr<InputQuantizer> input;
    std::size_t weight_learned = 0, input_learned = 0;  // in the parameters
    std::size_t input_state = 0;  // in TrainState::quantizer
  };
  const std::vector<Quantizers>& quantizers() const { return quantizers_; }
  std::span<const float> Learned(const Quantizers& q, bool weights) const;
  InputGrid GridOf(std::size_t layer) const;
  std::span<const float> WeightsOf(std::size_t layer) const;

 private:
  struct Shards;
  void MakeQuantizers();
  void InitializeWeights();
  void InitializeLearned();
  void Prepare(bool quantized, StepInputs& step,
               std::vector<AlignedVector<float>>& weights) const;
  Shards RunShards(const StepInputs& step) const;
  void RunShard(const StepInputs& step, std::span<const std::uint32_t> images,
                std::size_t batch, std::uint64_t epoch,
                ShardResult& result) const;
  std::span<const std::uint32_t> BatchAt(std::uint64_t step) const;
  std::vector<float> Reduce(const Shards& shards) const;
  std::vector<InputStep> ReduceInputs(const Shards& shards) const;
  void Check(const Shards& shards, std::span<const float> gradient) const;
  Workspace TakeWorkspace() const;

  TrainOptions options_;
  const io::Images& train_;
  Executor executor_;
  InputWriter writer_;
  Graph graph_;
  ParameterTable table_;  // the graph's, then what quantizers learn
  std::size_t steps_per_epoch_;
  ScheduleOptions schedule_;
  std::uint64_t freeze_step_ = 0;
  std::vector<Quantizers> quantizers_;
  std::size_t quantizer_state_ = 0;
  TrainState state_;
  bool initialized_ = false;  // the quantizers' learned numbers
  std::optional<nn::Network> teacher_;
  mutable std::vector<std::uint32_t> order_;
  mutable std::uint64_t order_epoch_ = ~std::uint64_t{0};
  mutable std::mutex mutex_;
  mutable std::vector<Workspace> workspaces_;  // free ones
};

// The model as it is trained: with a batch norm, and no bias, after every
// convolution that a residual model's table has without. `plain` leaves the
// table as it is.
nn::Model TrainingModel(const nn::Model& model, bool plain = false);

}  // namespace nibble::qat
