// Run-time dispatch of nibble/arith/exp-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "arith/exp.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/arith/exp-inl.hpp"

#if HWY_ONCE
namespace nibble {
HWY_EXPORT(Exp2Kernel);
HWY_EXPORT(ExpKernel);

namespace dispatch {
void Exp2Kernel(const float* x, float* out, std::size_t n, ExpForm form) {
  HWY_DYNAMIC_DISPATCH(Exp2Kernel)(x, out, n, form);
}
void ExpKernel(const float* x, float* out, std::size_t n, ExpForm form) {
  HWY_DYNAMIC_DISPATCH(ExpKernel)(x, out, n, form);
}
}  // namespace dispatch
}  // namespace nibble
#endif
