// Cross-entropy with label smoothing and distillation.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/check.hpp"
#include "nibble/qat/loss_options.hpp"

namespace nibble::qat {

// Returns the sum over the images of
//
//     loss = (1 - D) * -sum q log p  +  D * T^2 * sum r (log r - log p_T)
//     p = softmax(z),  p_T = softmax(z / T),  r = softmax(teacher / T)
//     q = (1 - S) * [class is the label] + S / classes
//
// and writes `scale` times its gradient by the logits z:
//
//     dz = scale * ((1 - D) (p - q) + D T (p_T - r))
//
// Shapes   logits, gradient: [B, classes]; labels: [B]; teacher: [B, classes]
//          if D > 0, else empty. T_ is float or double.
// Source   S: Szegedy et al., arXiv:1512.00567; D: Hinton et al.,
//          arXiv:1503.02531.
template <class T_>
double CrossEntropy(const LossOptions& options, std::span<const T_> logits,
                    std::span<const std::uint8_t> labels,
                    std::span<const T_> teacher, double scale,
                    std::span<T_> gradient) {
  using Eigen::ArrayXd, Eigen::Index;
  using Row = Eigen::Map<const Eigen::Array<T_, Eigen::Dynamic, 1>>;
  const std::size_t classes = labels.empty() ? 1 : logits.size() / labels.size();
  NIBBLE_CHECK("CrossEntropy", logits.size() == labels.size() * classes);
  NIBBLE_CHECK("CrossEntropy", gradient.size() == logits.size());
  NIBBLE_CHECK("CrossEntropy", options.distillation == 0 ||
                                   teacher.size() == logits.size());
  const double d = options.distillation, t = options.temperature;
  const auto log_softmax = [](ArrayXd z) -> ArrayXd {
    z -= z.maxCoeff();
    return z - std::log(z.exp().sum());
  };
  double total = 0;
  for (std::size_t b = 0; b < labels.size(); ++b) {
    const auto n = static_cast<Index>(classes);
    const ArrayXd z = Row(&logits[b * classes], n).template cast<double>();
    const ArrayXd log_p = log_softmax(z);
    ArrayXd q = ArrayXd::Constant(
        n, options.smoothing / static_cast<double>(classes));
    q(labels[b]) += 1 - options.smoothing;
    double loss = -(1 - d) * (q * log_p).sum();
    ArrayXd dz = (1 - d) * (log_p.exp() - q);
    if (d > 0) {
      const ArrayXd log_pt = log_softmax(z / t);
      const ArrayXd log_r = log_softmax(
          Row(&teacher[b * classes], n).template cast<double>() / t);
      const ArrayXd r = log_r.exp();
      loss += d * t * t * (r * (log_r - log_pt)).sum();
      dz += d * t * (log_pt.exp() - r);
    }
    total += loss;
    for (std::size_t c = 0; c < classes; ++c) {
      gradient[b * classes + c] =
          static_cast<T_>(scale * dz(static_cast<Index>(c)));
    }
  }
  return total;
}

}  // namespace nibble::qat
