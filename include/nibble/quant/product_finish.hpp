// From the arguments of a product to what its kernels want: everything checked,
// and a value per output wherever a vector may look. Not for users.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "nibble/quant/product.hpp"

namespace nibble::product {

// Outputs are padded to a multiple of this, in scales as in packed weights.
inline constexpr std::size_t kPadding = 32;
constexpr std::size_t Padded(std::size_t n) {
  return (n + kPadding - 1) / kPadding * kPadding;
}

// As NIBBLE_CHECK, for checks that several operations share.
inline void Require(const char* op, bool holds, const char* condition) {
  if (!holds) {
    throw std::invalid_argument(std::string(op) + ": requires " + condition);
  }
}

enum class Kind : std::uint8_t { kInt32, kFloat, kNearest, kFixedPoint };

// One value for all outputs, or one for each. Kernels read whole vectors from
// at(n), n a multiple of a vector, so that single values and arrays that end
// within a tile are copied; others stay where they are.
template <class T>
class PerOutput {
 public:
  void Set(std::span<const T> values, std::size_t n) {
    if (values.size() == 1) {
      own_.assign(kPadding, values[0]);
      step_ = 0;
    } else if (n % kPadding != 0) {
      own_.assign(values.begin(), values.end());
      own_.resize(Padded(n));
    } else {
      data_ = values.data();
    }
  }
  // As Set, for values that end with the call.
  void Own(std::span<const T> values, std::size_t n) {
    Set(values, n);
    if (data_ == nullptr) return;
    own_.assign(values.begin(), values.end());
  }
  const T* data() const { return own_.empty() ? data_ : own_.data(); }
  std::size_t step() const { return step_; }
  T operator[](std::size_t n) const { return data()[n * step_]; }

 private:
  std::vector<T> own_;
  const T* data_ = nullptr;
  std::size_t step_ = 1;
};

// What a kernel makes of its sums.
struct Finish {
  Kind kind = Kind::kInt32;
  bool relu = false;
  bool is_unsigned = false;  // codes of the output: uint8 or int8
  // Read at m * x_scale_step.
  const float* x_scales = nullptr;
  std::size_t x_scale_step = 0;
  std::int64_t largest_bias = 0;  // magnitude
  PerOutput<std::int32_t> bias;
  PerOutput<float> scale;
  PerOutput<std::int32_t> multiplier, shift;
  CodeRange range;
};

// What is taken off a sum for the zero point of the codes as the kernel sees
// them: zero * weight_sums[n], modulo 2^32.
struct Correction {
  std::int32_t zero;
  const std::int32_t* weight_sums;  // [N] up to a whole tile
};

template <class T>
void RequireSpan(const char* op, std::span<T> span, const char* condition) {
  Require(op, span.empty() || span.data() != nullptr, condition);
}

// Sizes of the operands of one product; returns M.
template <class Code, class Out>
std::size_t CheckShapes(const char* op, const Activations<Code>& x,
                        std::size_t n, std::size_t k, std::span<Out> out) {
  Require(op, n > 0 && k > 0, "weights that are not empty");
  Require(op, out.size() % n == 0, "out.size() == M * N");
  const std::size_t m = out.size() / n;
  Require(op, x.codes.size() % k == 0 && x.codes.size() / k == m,
          "x.codes.size() == M * K");
  RequireSpan(op, x.codes, "x.codes.data() != nullptr");
  RequireSpan(op, out, "out.data() != nullptr");
  Require(op,
          std::same_as<Code, std::int8_t>
              ? x.zero_point == 0
              : x.zero_point >= 0 && x.zero_point <= 255,
          "x.zero_point == 0 (int8) or in [0, 255] (uint8)");
  return m;
}

// Every scale is finite and above 0.
inline void CheckScales(const char* op, std::span<const float> scales,
                        std::size_t count, const char* condition) {
  constexpr float kMax = std::numeric_limits<float>::max();
  Require(op, scales.size() == 1 || scales.size() == count, condition);
  RequireSpan(op, scales, condition);
  Require(op,
          std::ranges::all_of(scales,
                              [](float s) { return s > 0 && s <= kMax; }),
          "scales that are finite and above 0");
}

// Checks both sets of scales and that their products do not overflow.
inline void SetScales(const char* op, std::span<const float> x_scales,
                      std::size_t m, std::span<const float> scales,
                      std::size_t n, Finish& finish) {
  CheckScales(op, scales, n, "1 or N scales of the output");
  CheckScales(op, x_scales, m, "1 or M scales of the activations");
  double largest = *std::ranges::max_element(scales);
  // Of no rows there may be no scales.
  largest *= x_scales.empty() ? 0.0 : *std::ranges::max_element(x_scales);
  Require(op, largest <= double{std::numeric_limits<float>::max()},
          "products of scales that are finite");
  finish.x_scales = x_scales.data();
  finish.x_scale_step = x_scales.size() == 1 ? 0 : 1;
  finish.scale.Set(scales, n);
}

inline void SetBias(const char* op, std::span<const std::int32_t> bias,
                    std::size_t n, Finish& finish) {
  Require(op, bias.empty() || bias.size() == n, "0 or N biases");
  RequireSpan(op, bias, "bias.data() != nullptr");
  static constexpr std::int32_t kNone = 0;
  finish.bias.Set(bias.empty() ? std::span(&kNone, 1) : bias, n);
  for (const std::int64_t b : bias) {
    finish.largest_bias = std::max(finish.largest_bias, b < 0 ? -b : b);
  }
}

template <ByteCode Code>
void SetRange(const char* op, const CodeRange& range, Finish& finish) {
  using Limits = std::numeric_limits<Code>;
  Require(op,
          range.low <= range.high && range.low >= Limits::min() &&
              range.high <= Limits::max() &&
              range.zero_point >= Limits::min() &&
              range.zero_point <= Limits::max(),
          "low <= high and the zero point within the output's type");
  finish.range = range;
  finish.is_unsigned = std::same_as<Code, std::uint8_t>;
}

// The finish of each kind of output, checked.
inline Finish MakeFinish(const char* op, std::span<const float>, std::size_t,
                         std::size_t n, std::span<std::int32_t>) {
  Finish finish;
  SetBias(op, {}, n, finish);
  return finish;
}

inline Finish MakeFinish(const char* op, std::span<const float> x_scales,
                         std::size_t m, std::size_t n, std::span<float>,
                         const FloatOutput& output) {
  Finish finish;
  finish.kind = Kind::kFloat;
  finish.relu = output.relu;
  SetScales(op, x_scales, m, output.scales, n, finish);
  SetBias(op, output.bias, n, finish);
  return finish;
}

template <ByteCode Code>
Finish MakeFinish(const char* op, std::span<const float> x_scales,
                  std::size_t m, std::size_t n, std::span<Code>,
                  const NearestOutput& output) {
  Finish finish;
  finish.kind = Kind::kNearest;
  SetScales(op, x_scales, m, output.scales, n, finish);
  SetBias(op, output.bias, n, finish);
  SetRange<Code>(op, output.range, finish);
  return finish;
}

template <ByteCode Code>
Finish MakeFinish(const char* op, std::span<const float> x_scales, std::size_t,
                  std::size_t n, std::span<Code>,
                  const FixedPointOutput& output) {
  const auto& by = output.multipliers;
  Require(op, x_scales.empty(), "activations without scales");
  Require(op, by.size() == 1 || by.size() == n, "1 or N multipliers");
  RequireSpan(op, by, "multipliers.data() != nullptr");
  Require(op, std::ranges::all_of(by, &FixedMultiplier::valid),
          "multipliers in [2^30, 2^31) and shifts in [0, 31]");
  Finish finish;
  finish.kind = Kind::kFixedPoint;
  SetBias(op, output.bias, n, finish);
  SetRange<Code>(op, output.range, finish);
  std::vector<std::int32_t> multipliers, shifts;
  for (const FixedMultiplier& one : by) {
    multipliers.push_back(one.multiplier);
    shifts.push_back(one.right_shift);
  }
  finish.multiplier.Own(multipliers, n);
  finish.shift.Own(shifts, n);
  return finish;
}

// The specification of what a kernel does with total m, n.
inline void FinishOne(const Finish& f, std::int64_t total, std::size_t m,
                      std::size_t n, std::size_t at, void* out) {
  const float x_scale =
      f.x_scales == nullptr ? 1.0f : f.x_scales[m * f.x_scale_step];
  const auto store_code = [&](std::int32_t code) {
    static_cast<std::uint8_t*>(out)[at] = static_cast<std::uint8_t>(code);
  };
  switch (f.kind) {
    case Kind::kInt32:
      static_cast<std::int32_t*>(out)[at] = static_cast<std::int32_t>(total);
      break;
    case Kind::kFloat:
      static_cast<float*>(out)[at] =
          ScaleTotal(total, x_scale, f.scale[n], f.relu);
      break;
    case Kind::kNearest:
      store_code(RequantizeNearest(total, x_scale, f.scale[n], f.range));
      break;
    case Kind::kFixedPoint:
      store_code(RequantizeFixedPoint(static_cast<std::int32_t>(total),
                                      {f.multiplier[n], f.shift[n]}, f.range));
      break;
  }
}

}  // namespace nibble::product
