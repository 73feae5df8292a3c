// Run-time dispatch of nibble/quant/range-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/quant/range.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/quant/range-inl.hpp"

#if HWY_ONCE
#include "nibble/quant/range.hpp"

namespace nibble {
HWY_EXPORT(RangeKernel);
HWY_EXPORT(MagnitudeKernel);
HWY_EXPORT(CountKernel);

namespace dispatch {
void RangeKernel(const float* x, std::size_t count, std::size_t size,
                 Range* ranges) {
  HWY_DYNAMIC_DISPATCH(RangeKernel)(x, count, size, ranges);
}
double MagnitudeKernel(const float* x, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(MagnitudeKernel)(x, n);
}
std::size_t CountKernel(const float* x, std::size_t count, std::size_t size,
                        const QuantParams* params, float low, float high) {
  return HWY_DYNAMIC_DISPATCH(CountKernel)(x, count, size, params, low, high);
}
}  // namespace dispatch
}  // namespace nibble
#endif
