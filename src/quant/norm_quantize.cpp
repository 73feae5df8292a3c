// Run-time dispatch of nibble/quant/norm_quantize-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/quant/norm_quantize.cpp"  // from the root
#include <hwy/foreach_target.h>

#include "nibble/quant/norm_quantize-inl.hpp"

#if HWY_ONCE
#include "nibble/quant/norm_quantize.hpp"

namespace nibble {
HWY_EXPORT(SumOfSquaresKernel);
HWY_EXPORT(NormKernel);
HWY_EXPORT(CodesKernel);

namespace dispatch {
double SumOfSquaresKernel(const float* x, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(SumOfSquaresKernel)(x, n);
}
float NormKernel(const float* x, const float* weight, std::size_t n, float rstd,
                 float* y) {
  return HWY_DYNAMIC_DISPATCH(NormKernel)(x, weight, n, rstd, y);
}
void CodesKernel(const float* y, std::size_t n, float s_a, std::int8_t* q) {
  HWY_DYNAMIC_DISPATCH(CodesKernel)(y, n, s_a, q);
}
}  // namespace dispatch
}  // namespace nibble
#endif
