// Run-time dispatch of nibble/arith/multiply-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "arith/multiply.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/arith/multiply-inl.hpp"

#if HWY_ONCE
#include "nibble/arith/multiply.hpp"

namespace nibble {
HWY_EXPORT(MultiplyKernel);

void dispatch::MultiplyKernel(const Multiplier& multiplier, const float* x,
                              const float* w, std::size_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(MultiplyKernel)(multiplier, x, w, n, out);
}
}  // namespace nibble
#endif
