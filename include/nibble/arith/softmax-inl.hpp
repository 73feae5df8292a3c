// Kernel of softmax.hpp. Compiled once per instruction set; see
// arith/softmax.cpp.
// Before the guard: whoever includes this file alone gets the kernel by way of
// the header, which needs it.
#include "nibble/arith/softmax.hpp"

#if defined(NIBBLE_ARITH_SOFTMAX_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_ARITH_SOFTMAX_INL_HPP
#undef NIBBLE_ARITH_SOFTMAX_INL_HPP
#else
#define NIBBLE_ARITH_SOFTMAX_INL_HPP
#endif

#include "nibble/arith/exp-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace softmax_internal {
namespace hn = hwy::HWY_NAMESPACE;

// NaN is passed over, unless it comes first; then its row is NaN either way.
HWY_INLINE float MaxOfRow(const float* x, size_t n) {
  const hn::ScalableTag<float> d;
  const size_t N = hn::Lanes(d);
  float max = x[0];
  size_t i = 0;
  if (n >= 2 * N) {
    auto max0 = hn::Set(d, x[0]);
    auto max1 = max0;
    for (; i + 2 * N <= n; i += 2 * N) {
      max0 = MaxIgnoringNaN(d, hn::LoadU(d, x + i), max0);
      max1 = MaxIgnoringNaN(d, hn::LoadU(d, x + i + N), max1);
    }
    max = hn::GetLane(hn::MaxOfLanes(d, hn::Max(max0, max1)));
  }
  for (; i < n; ++i) max = x[i] > max ? x[i] : max;
  return max;
}

// At most sixteen lanes: element k is added to sums[k mod 16].
template <ExpForm kForm>
HWY_INLINE void Row(const float* x, float* out, size_t n) {
  const hn::CappedTag<float, kSoftmaxLanes> d;
  const size_t N = hn::Lanes(d);
  const auto max = hn::Set(d, MaxOfRow(x, n));
  float sums[kSoftmaxLanes] = {};
  const auto exp_of = [&](const float* from, float* to) NIBBLE_LAMBDA {
    for (size_t j = 0; j < kSoftmaxLanes; j += N) {
      const auto e = Exp<kForm>(d, hn::Sub(hn::LoadU(d, from + j), max));
      hn::StoreU(e, d, to + j);
      hn::StoreU(hn::Add(hn::LoadU(d, sums + j), e), d, sums + j);
    }
  };
  size_t i = 0;
  for (; i + kSoftmaxLanes <= n; i += kSoftmaxLanes) exp_of(x + i, out + i);
  if (i < n) {
    float last[kSoftmaxLanes];
    for (size_t j = 0; j < kSoftmaxLanes; ++j) {
      last[j] = i + j < n ? x[i + j] : -std::numeric_limits<float>::infinity();
    }
    exp_of(last, last);
    for (size_t j = 0; i + j < n; ++j) out[i + j] = last[j];
  }
  const auto inverse = hn::Set(d, 1 / SumOfLanes(sums));
  size_t k = 0;
  for (; k + N <= n; k += N) {
    hn::StoreU(hn::Mul(hn::LoadU(d, out + k), inverse), d, out + k);
  }
  for (; k < n; ++k) out[k] *= hn::GetLane(inverse);
}

template <ExpForm kForm>
HWY_NOINLINE void Rows(const float* x, float* out, size_t rows, size_t n) {
  for (size_t r = 0; r < rows; ++r) Row<kForm>(x + r * n, out + r * n, n);
}

}  // namespace softmax_internal

HWY_MAYBE_UNUSED inline void SoftmaxKernel(const float* x, float* out,
                                           size_t rows, size_t n,
                                           Accuracy accuracy) {
  using namespace softmax_internal;
  if (n == 0) return;
  switch (accuracy) {
    case Accuracy::kBf16:
      return Rows<RecipeOf(Accuracy::kBf16).exp>(x, out, rows, n);
    case Accuracy::kF16:
      return Rows<RecipeOf(Accuracy::kF16).exp>(x, out, rows, n);
    case Accuracy::kF32:
      return Rows<RecipeOf(Accuracy::kF32).exp>(x, out, rows, n);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
