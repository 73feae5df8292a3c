// What a layer's input is quantized to in training, and what comes back.
#pragma once

#include <cstddef>
#include <vector>

#include "nibble/qat/layout.hpp"
#include "nibble/quant/integer_grid.hpp"
#include "nibble/quant/params.hpp"
#include "nibble/quant/scheme.hpp"

namespace nibble::qat {

// One step's quantization of one layer's input: the same for all shards.
struct InputGrid {
  enum class Kind {
    kOff,      // float
    kInteger,  // a grid of integers with a scale per channel
    kFormat,   // any scheme, by the quantizers of quant/
  };
  Kind kind = Kind::kOff;
  bool observe = false;  // collect extremes

  // kInteger. Arrays of one entry per channel.
  IntegerGrid grid;
  std::vector<float> inverse, scale;
  // The gradient passes where the code, before it was clamped, is in range
  // (PyTorch), instead of where x / scale is.
  bool inside_by_code = false;

  // kFormat. Empty params: the scheme finds its scales in the data.
  Scheme scheme;
  std::vector<QuantParams> params;  // 1 or one per channel
  std::vector<float> low, high;     // where the gradient passes, per channel
};

// What a shard says of one layer's input: per channel.
struct InputSums {
  std::vector<double> scale;  // gradient by the scale, see QuantizeBackward
  std::vector<double> above;  // sum of the gradients where x is clipped above
  // Under `observe`: of the values that are not zero, and of all magnitudes.
  std::vector<float> min, max;
  std::vector<double> magnitude;
};

// xq = clamp(round(x * inverse)) * scale, as QuantizeInteger has it.
void QuantizeForward(const Span4& size, View x, const InputGrid& grid,
                     MutableView xq);

// dx (+)= g where x is inside the grid's range, with g = dxq, and
//
//     scale[c] += sum of g * ( k - x * inverse   inside
//                              low or high       where x is clipped )
//     above[c] += sum of g where x is clipped above
//
// k is the integer of x (k + 1/2 if half-shifted). That is the gradient of the
// straight-through estimator by the scale (Esser et al., arXiv:1902.08153), and
// by PACT's bound (Choi et al., arXiv:1805.06085).
void QuantizeBackward(const Span4& size, View dxq, View x,
                      const InputGrid& grid, bool add, MutableView dx,
                      double* scale, double* above);

// Widens min[c] and max[c] by the values that are not zero (NaN is not seen);
// magnitude[c] += sum of |x|.
void Observe(const Span4& size, View x, float* min, float* max,
             double* magnitude);

}  // namespace nibble::qat
