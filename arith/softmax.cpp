// Run-time dispatch of nibble/arith/softmax-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "arith/softmax.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/arith/softmax-inl.hpp"

#if HWY_ONCE
namespace nibble {
HWY_EXPORT(SoftmaxKernel);

void dispatch::SoftmaxKernel(const float* x, float* out, std::size_t rows,
                             std::size_t n, Accuracy accuracy) {
  HWY_DYNAMIC_DISPATCH(SoftmaxKernel)(x, out, rows, n, accuracy);
}
}  // namespace nibble
#endif
