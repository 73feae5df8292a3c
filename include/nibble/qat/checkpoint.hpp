// A run's state in a safetensors file, and its trained weights in another.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "nibble/qat/trainer.hpp"

namespace nibble::qat {

// One line of a run's log, written when an epoch ends.
struct EpochRecord {
  double epoch = 0;  // 1 for the first
  double step = 0, rate = 0;
  double loss = 0, train_accuracy = 0;  // means over the epoch
  double test_accuracy = 0;
  double images_per_second = 0;
};

// All that a run needs to go on, beside its options and its data.
struct Checkpoint {
  TrainState state;
  // Sums of the epoch that has begun.
  double loss = 0, correct = 0, images = 0;
  std::vector<EpochRecord> history;
};

// Writes `checkpoint` to `file`, atomically: after a crash or on a full disk
// the file is the old one or the new one. `configuration` is a description of
// model, data and options; a run with another one cannot go on from here.
//
// Errors   InputError with the path and the system's reason.
void SaveCheckpoint(const std::filesystem::path& file,
                    const Checkpoint& checkpoint,
                    const std::string& configuration);

// Errors   InputError if the file is no checkpoint, or one of another
//          configuration.
Checkpoint LoadCheckpoint(const std::filesystem::path& file,
                          const std::string& configuration);

// Writes what nn::Weights::Load and `nibble eval` read: the tensors that
// `model` names (batch norm folded where it has none), and for quantized layers
//
//     LAYER.weight_scale                       F32 [out], where it is learned
//     LAYER.input_scale, .input_inverse,       F32 [1] or [in channels], where
//     .input_zero_point                        it is static
//
// Metadata name the schemes: "nibble:weight_scheme" and so on for the whole,
// "nibble:LAYER.weight_scale" and "nibble:LAYER.input_scale" for those tensors.
//
// model: the table that inference uses; trainer.model() is its TrainingModel.
void Export(const Trainer& trainer, const nn::Model& model,
            const std::filesystem::path& path);

// The same without a file.
void ExportTo(const Trainer& trainer, const nn::Model& model,
              nn::Weights& weights);

}  // namespace nibble::qat
