// Kernels of multiply.hpp. Compiled once per instruction set; see
// arith/multiply.cpp.
#if defined(NIBBLE_ARITH_MULTIPLY_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_ARITH_MULTIPLY_INL_HPP
#undef NIBBLE_ARITH_MULTIPLY_INL_HPP
#else
#define NIBBLE_ARITH_MULTIPLY_INL_HPP
#endif

#include <algorithm>
#include <cstddef>

#include "nibble/arith/lanes-inl.hpp"
#include "nibble/arith/multiplier.hpp"
#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace multiply_internal {
namespace hn = hwy::HWY_NAMESPACE;

// out[i] = product(x[i], w[i]) on vectors; the last, where it is not full, goes
// through buffers.
template <class F>
HWY_INLINE void ForEach(const float* x, const float* w, size_t n, float* out,
                        const F& product) {
  const hn::ScalableTag<float> d;
  const size_t N = hn::Lanes(d);
  size_t i = 0;
  for (; i + N <= n; i += N) {
    hn::StoreU(product(d, hn::LoadU(d, x + i), hn::LoadU(d, w + i)), d,
               out + i);
  }
  if (i == n) return;
  HWY_ALIGN float last[2 * hn::MaxLanes(hn::ScalableTag<float>())] = {};
  std::copy(x + i, x + n, last);
  std::copy(w + i, w + n, last + N);
  hn::Store(product(d, hn::Load(d, last), hn::Load(d, last + N)), d, last);
  std::copy(last, last + (n - i), out + i);
}

// out[i] = change(x[i]).
template <class F>
HWY_INLINE void ForEach(const float* x, size_t n, float* out, const F& change) {
  ForEach(x, x, n, out,
          [&](auto d, auto v, auto) NIBBLE_LAMBDA { return change(d, v); });
}

// Whether PrepareOperand does no more than PrepareFloat.
inline bool TakesFloats(const LMulParams& p) {
  return p.operand == OperandRule{};
}

}  // namespace multiply_internal

// out[i] = multiplier(x[i], w[i]), of a multiplier of floats.
HWY_MAYBE_UNUSED HWY_NOINLINE inline void MultiplyKernel(
    const Multiplier& multiplier, const float* x, const float* w, size_t n,
    float* out) {
  using namespace multiply_internal;  // NOLINT
  using enum MultiplierKind;
  const LMulParams p = multiplier.lmul();
  const int k = multiplier.name().k;
  const bool variant = multiplier.name().variant;
  switch (multiplier.kind()) {
    case kLMul:
    case kMitchell:
    case kPam:
      if (TakesFloats(p)) {
        const LMulParams floats{{}, p.correction};
        return ForEach(x, w, n, out,
                       [floats](auto d, auto a, auto b) NIBBLE_LAMBDA {
                         return LMulOfPrepared(d, PrepareFloat(d, a),
                                               PrepareFloat(d, b), floats);
                       });
      }
      return ForEach(x, w, n, out, [p](auto d, auto a, auto b) NIBBLE_LAMBDA {
        return LMulOfPrepared(d, PrepareOperand(d, a, p.operand),
                              PrepareOperand(d, b, p.operand), p);
      });
    case kLMulFormula:
      return ForEach(x, w, n, out, [p](auto d, auto a, auto b) NIBBLE_LAMBDA {
        return LMulFormulaOfPrepared(d, PrepareOperand(d, a, p.operand),
                                     PrepareOperand(d, b, p.operand), p);
      });
    case kDrum:
      return ForEach(x, w, n, out, [k](auto d, auto a, auto b) NIBBLE_LAMBDA {
        return hn::Mul(DrumOperand(d, a, k), DrumOperand(d, b, k));
      });
    case kPowerOfTwo:
      return ForEach(x, w, n, out,
                     [variant](auto d, auto a, auto b) NIBBLE_LAMBDA {
                       return hn::Mul(a, NearestPowerOfTwo(d, b, variant));
                     });
    case kApot: {
      const float unit = multiplier.WeightUnit(1);
      const ApotLevels& levels = multiplier.apot();
      return ForEach(x, w, n, out, [&](auto d, auto a, auto b) NIBBLE_LAMBDA {
        return hn::Mul(a, NearestApot(d, b, unit, levels));
      });
    }
    case kLns: {
      const LnsTables& tables = multiplier.lns();
      return ForEach(x, w, n, out, [&](auto d, auto a, auto b) NIBBLE_LAMBDA {
        return LnsOfEncoded(d, LnsEncode(d, a, tables), LnsEncode(d, b, tables),
                            tables);
      });
    }
    default:
      return ForEach(x, w, n, out, [](auto, auto a, auto b) NIBBLE_LAMBDA {
        return hn::Mul(a, b);
      });
  }
}

// out[i] = multiplier.PrepareX(x[i]), or PrepareWeight(x[i], unit).
HWY_MAYBE_UNUSED HWY_NOINLINE inline void PrepareKernel(
    const Multiplier& multiplier, bool weights, float unit, const float* x,
    size_t n, float* out) {
  using namespace multiply_internal;  // NOLINT
  using enum MultiplierKind;
  const OperandRule rule = multiplier.lmul().operand;
  const int k = multiplier.name().k;
  const bool variant = multiplier.name().variant;
  switch (multiplier.kind()) {
    case kLMul:
    case kLMulFormula:
    case kMitchell:
    case kPam:
      if (TakesFloats(multiplier.lmul())) {
        return ForEach(x, n, out, [](auto d, auto v) NIBBLE_LAMBDA {
          return PrepareFloat(d, v);
        });
      }
      return ForEach(x, n, out, [rule](auto d, auto v) NIBBLE_LAMBDA {
        return PrepareOperand(d, v, rule);
      });
    case kDrum:
      return ForEach(x, n, out, [k](auto d, auto v) NIBBLE_LAMBDA {
        return DrumOperand(d, v, k);
      });
    case kLns: {
      const LnsTables& tables = multiplier.lns();
      return ForEach(x, n, out, [&](auto d, auto v) NIBBLE_LAMBDA {
        return LnsEncode(d, v, tables);
      });
    }
    case kPowerOfTwo:
      if (weights) {
        return ForEach(x, n, out, [variant](auto d, auto v) NIBBLE_LAMBDA {
          return NearestPowerOfTwo(d, v, variant);
        });
      }
      break;
    case kApot:
      if (weights) {
        const ApotLevels& levels = multiplier.apot();
        return ForEach(x, n, out, [&](auto d, auto v) NIBBLE_LAMBDA {
          return NearestApot(d, v, unit, levels);
        });
      }
      break;
    default:
      break;
  }
  std::copy(x, x + n, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
