// A model with its weights and its images: what `eval` and `sweep` run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nibble/core/executor.hpp"
#include "nibble/cost/cost.hpp"
#include "nibble/io/images.hpp"
#include "nibble/nn/network.hpp"
#include "tools/configuration.hpp"

namespace nibble::tools {

struct WorkloadOptions {
  std::string model = "resnet20";
  double width = 1;
  std::string weights;  // safetensors; "" trains the mlp on the digits
  std::string data;     // folder of the images; "" is the embedded digits
  std::string root;     // where relative names that do not exist are looked up
  std::size_t limit = 0;  // test images; 0 for all
  std::size_t calibration_images = 1024;
  std::uint64_t seed = 1;  // of the training of the mlp
};

struct Workload {
  nn::Model model;
  nn::Weights weights;
  io::Images calibration;  // the first training images
  io::Images test;
  std::vector<float> reference;  // float logits of `test`, once they are needed
};

// Errors   InputError naming what is missing or does not fit.
Workload LoadWorkload(const WorkloadOptions& options);

// The images that a model of that name is trained on and tested with: digits
// (mlp), MNIST (tfc, lenet), else CIFAR-10.
struct DataSplit {
  std::string name;
  io::Images train, test;
};
DataSplit LoadData(const WorkloadOptions& options, std::size_t train,
                   std::size_t test);

// Accuracy on the test images, and how far the logits are from the float ones,
// which are computed at the first call that needs them.
nn::Evaluation EvaluateWorkload(Workload& workload,
                                const Configuration& configuration,
                                const Executor& executor,
                                const nn::Progress& progress = {});

}  // namespace nibble::tools
