#include "nibble/qat/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "nibble/core/check.hpp"

namespace nibble::qat {
namespace {

void Sgd(const OptimizerOptions& o, float decay, float rate, std::size_t n,
         const float* gradient, float* velocity, float* w) {
  for (std::size_t i = 0; i < n; ++i) {
    const float g = gradient[i] + decay * w[i];
    velocity[i] = o.momentum * velocity[i] + g;
    w[i] -= rate * (g + o.momentum * velocity[i]);
  }
}

void AdamW(const OptimizerOptions& o, float decay, float rate,
           std::uint64_t step, std::size_t n, const float* gradient, float* m,
           float* v, float* w) {
  const auto t = static_cast<double>(step + 1);
  const auto scale1 = static_cast<float>(1 / (1 - std::pow(o.beta1, t)));
  const auto scale2 = static_cast<float>(1 / (1 - std::pow(o.beta2, t)));
  for (std::size_t i = 0; i < n; ++i) {
    const float g = gradient[i];
    m[i] += (1 - o.beta1) * (g - m[i]);
    v[i] += (1 - o.beta2) * (g * g - v[i]);
    const float move =
        m[i] * scale1 / (std::sqrt(v[i] * scale2) + o.epsilon);
    w[i] -= rate * (move + decay * w[i]);
  }
}

}  // namespace

std::size_t OptimizerSlots(OptimizerKind kind) {
  return kind == OptimizerKind::kSgd ? 1 : 2;
}

void OptimizerStep(const OptimizerOptions& options, const ParameterTable& table,
                   double rate, std::uint64_t step,
                   std::span<const float> gradient, std::span<float> slots,
                   std::span<float> parameters) {
  const std::size_t n = table.size;
  NIBBLE_CHECK("OptimizerStep", gradient.size() == n);
  NIBBLE_CHECK("OptimizerStep", parameters.size() == n);
  NIBBLE_CHECK("OptimizerStep",
               slots.size() == n * OptimizerSlots(options.kind));
  for (const Parameter& p : table.all) {
    const float decay = p.decay ? options.weight_decay : 0.0f;
    const auto r = static_cast<float>(rate);
    const float* g = gradient.data() + p.offset;
    float* w = parameters.data() + p.offset;
    float* first = slots.data() + p.offset;
    if (options.kind == OptimizerKind::kSgd) {
      Sgd(options, decay, r, p.size, g, first, w);
    } else {
      AdamW(options, decay, r, step, p.size, g, first, first + n, w);
    }
  }
}

double LearningRate(const ScheduleOptions& o, std::uint64_t step) {
  constexpr double kFloor = 0.001;
  const auto at = static_cast<double>(step);
  double rate = o.rate;
  const std::uint64_t ends = o.warmup + o.cooldown;
  if (o.cosine && o.steps > ends) {
    const auto n = static_cast<double>(o.steps - ends);
    const double share = std::min(at, n) / n;
    rate *= (1 - kFloor) * 0.5 * (1 + std::cos(std::numbers::pi * share)) +
            kFloor;
  }
  if (o.warmup > 0) {
    rate *= std::min(1.0, at / static_cast<double>(o.warmup));
  }
  if (o.cooldown > 0) {
    const double left = static_cast<double>(o.steps) - at;
    rate *= std::clamp(left / static_cast<double>(o.cooldown), 0.0, 1.0);
  }
  return rate;
}

}  // namespace nibble::qat
