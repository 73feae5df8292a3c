// Optimizers and schedules of the learning rate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nibble/qat/parameters.hpp"

namespace nibble::qat {

enum class OptimizerKind : std::uint8_t {
  kSgd,    // Nesterov momentum
  kAdamW,  // decoupled weight decay
};

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kSgd;
  float momentum = 0.9f;       // SGD
  float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;  // AdamW
  float weight_decay = 1e-4f;  // of parameters of more than one dimension
};

// Arrays beside the parameters that the optimizer keeps: velocities, or first
// and second moments.
std::size_t OptimizerSlots(OptimizerKind kind);

// One step, in float, element by element:
//
//     SGD     g += decay * w;  v = momentum * v + g;  w -= rate * (g + momentum
//             * v)
//     AdamW   m += (1 - beta1) (g - m);  v += (1 - beta2) (g^2 - v)
//             w -= rate * (m' / (sqrt(v') + epsilon) + decay * w)
//             m' = m / (1 - beta1^t),  v' = v / (1 - beta2^t),  t = step + 1
//
// Shapes   parameters, gradient: [n]; slots: [OptimizerSlots, n].
// Source   Nesterov as in Sutskever et al., ICML 2013, in PyTorch's form;
//          Loshchilov and Hutter, arXiv:1711.05101.
void OptimizerStep(const OptimizerOptions& options, const ParameterTable& table,
                   double rate, std::uint64_t step,
                   std::span<const float> gradient, std::span<float> slots,
                   std::span<float> parameters);

struct ScheduleOptions {
  double rate = 0.1;
  std::uint64_t steps = 1;     // of the whole run
  std::uint64_t warmup = 0;    // of these, growing linearly from 0
  std::uint64_t cooldown = 0;  // of these, falling linearly to 0
  bool cosine = true;          // else constant between
};

// rate * ((1 - a) (1 + cos(pi * min(step, n) / n)) / 2 + a)
//      * min(1, step / warmup) * min(1, (steps - step) / cooldown)
//
// with n = steps - warmup - cooldown, a = 0.001: the schedule of AQT's paper.
double LearningRate(const ScheduleOptions& options, std::uint64_t step);

}  // namespace nibble::qat
