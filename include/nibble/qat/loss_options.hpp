// What loss.hpp computes, without Eigen.
#pragma once

namespace nibble::qat {

struct LossOptions {
  double smoothing = 0;     // share of the target spread over all classes
  double distillation = 0;  // share of the teacher's loss
  double temperature = 1;   // of teacher and student in that loss
};

}  // namespace nibble::qat
