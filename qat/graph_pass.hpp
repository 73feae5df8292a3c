// What the files that run a Graph share.
#pragma once

#include "nibble/qat/graph.hpp"

namespace nibble::qat {

// One run of a shard.
struct Graph::Pass {
  const StepInputs& step;
  std::size_t images;
  float* memory;
  std::vector<std::vector<float>>& affine;
  ShardResult& result;
  std::span<const float> logits_gradient;

  const float* parameter(std::size_t offset) const {
    return step.parameters.data() + offset;
  }
  float* gradient(std::size_t offset) const {
    return result.gradient.data() + offset;
  }
};

// Batch norm as one multiply-add per element, forward and backward: rows of
// [channels] in a layer's `affine`.
enum AffineRow : std::size_t {
  kScale,  // y = z * scale + shift
  kShift,
  kMean,
  kRstd,
  kGradGain,   // dz = gain * g + slope * z + offset
  kGradSlope,
  kGradOffset,
  kAffineRows,
};

inline constexpr double kNormEpsilon = 1e-5;

template <class T>
ViewOf4<T> Skip(ViewOf4<T> view, std::size_t images) {
  view.at += images * view.image;
  return view;
}

}  // namespace nibble::qat
