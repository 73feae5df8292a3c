// Scales of consecutive groups, found from their own values.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/config.hpp"
#include "nibble/format/gguf_half.hpp"
#include "nibble/quant/range.hpp"
#include "nibble/quant/recipe.hpp"

namespace nibble {

namespace recipe_internal {

// The largest magnitude of a range that contains 0.
constexpr float Bound(const Range& range) {
  return std::max(range.max, -range.min);  // 0, not -0, of nothing
}

// floor(log2(largest value)) of a block's elements.
inline int MaxExponent(const FormatInfo& info) { return std::ilogb(info.max); }

// MX: scale = step * 2^e by OCP's rule. Where 1 / scale is no float, the
// inverse is 2^127 and FixTinyMxint8 puts the codes right.
inline QuantParams MxParams(const FormatInfo& info, int max_exponent,
                            float bound) {
  const int e = static_cast<int>(SharedScale(bound, max_exponent, 0,
                                             SharedExponent::kFloor)) -
                127;
  const float scale = PowerOfTwo(e) * info.element_step;
  return {.scale = scale,
          .inverse = scale < 0x1p-127f ? 0x1p127f : 1.0f / scale};
}

// NVFP4: as Nvfp4::Encode has it. Where the block's scale is zero, every value
// is far below half an element's step: six times the tensor's scale keeps it
// so.
constexpr QuantParams Nvfp4Params(float tensor_scale, float bound) {
  const std::uint32_t code = Fp8E4m3::Encode(bound / 6.0f / tensor_scale);
  const float step = Fp8E4m3::Decode(code) * tensor_scale;
  const float scale = step != 0 ? step : 6.0f * tensor_scale;
  return {.scale = scale, .inverse = std::min(1.0f / scale, kMaxFloat)};
}

// GGUF: x is divided by d in float32, codes are multiplied by d in fp16. A d
// that fp16 cannot hold is stored as its largest value; one that it takes for
// zero leaves nothing but zeros.
constexpr QuantParams GgufParams(float d) {
  if (d == 0) return {};
  const float half = Fp16::Decode(Fp16::Encode(d));
  if (half == 0) return {.scale = 0x1p-24f, .inverse = 0x1p-126f};
  return {.scale = half, .inverse = 1.0f / d};
}

// The first value of the largest magnitude; only a tie needs a look at x.
constexpr float FirstLargest(std::span<const float> x, const Range& range) {
  if (range.max > -range.min) return range.max;
  if (range.max < -range.min) return range.min;
  return gguf_internal::FirstLargest(x);
}

// d of a GGUF block, before it is rounded to fp16.
constexpr float GgufScale(FormatId format, std::span<const float> x,
                          const Range& range) {
  switch (format) {
    case FormatId::kQ4_0:
      return FirstLargest(x, range) / -8;
    case FormatId::kQ5_0:
      return FirstLargest(x, range) / -16;
    case FormatId::kQ8_0:
      return Bound(range) / 127;
    default:  // ternary
      return Bound(range);
  }
}

}  // namespace recipe_internal

#if NIBBLE_ENTRY_POINTS
inline namespace NIBBLE_ABI {

// What block formats need to know of the whole tensor: NVFP4's second scale.
inline float TensorScale(const Scheme& scheme, std::span<const float> x) {
  if (scheme.format != FormatId::kNvfp4) return 1;
  return Nvfp4::TensorScale(
      recipe_internal::Bound(recipe_internal::WithZero(FindRange(x))));
}

// params[g] for the g-th `size` elements of x under a scheme whose scales come
// from the values themselves. The last group may be shorter.
//
// Shapes   x: [n], params: [ceil(n / size)]; size > 0.
inline void FindParams(const Scheme& scheme, std::span<const float> x,
                       std::size_t size, float tensor_scale,
                       std::span<QuantParams> params) {
  using namespace recipe_internal;  // NOLINT
  const FormatInfo& info = Info(scheme.format);
  const auto group = [&](std::size_t g) {
    return x.subspan(g * size, std::min(size, x.size() - g * size));
  };
  if (scheme.recipe == Recipe::kAbsmean &&
      scheme.granularity != Granularity::kToken) {
    for (std::size_t g = 0; g < params.size(); ++g) {
      params[g] = AbsmeanParams(
          static_cast<float>(FindSumOfMagnitudes(group(g)) /
                             static_cast<double>(group(g).size())));
    }
    return;
  }
  const int max_exponent = MaxExponent(info);
  const float steps = SymmetricSteps(scheme);
  std::array<Range, 64> ranges;
  for (std::size_t begin = 0; begin < params.size(); begin += ranges.size()) {
    const std::size_t n = std::min(ranges.size(), params.size() - begin);
    const auto some =
        x.subspan(begin * size, std::min(n * size, x.size() - begin * size));
    FindRanges(some, size, std::span(ranges).first(n));
    for (std::size_t i = 0; i < n; ++i) {
      const Range range = WithZero(ranges[i]);
      QuantParams& p = params[begin + i];
      if (steps != 0) {  // the common rule, without a call
        p = Symmetric(info.is_signed ? Bound(range) : range.max, steps);
      } else if (info.family != Family::kBlock) {
        p = ChooseParams(scheme, range);
      } else if (info.scale == FormatId::kE8m0) {
        p = MxParams(info, max_exponent, Bound(range));
      } else if (scheme.format == FormatId::kNvfp4) {
        p = Nvfp4Params(tensor_scale, Bound(range));
      } else {
        p = GgufParams(GgufScale(scheme.format, group(begin + i), range));
      }
      p.inverse = p.Inverse();  // once, and not in every kernel
    }
  }
}

}  // namespace NIBBLE_ABI
#endif  // NIBBLE_ENTRY_POINTS

}  // namespace nibble
