// Run-time dispatch of nibble/arith/reciprocal-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "arith/reciprocal.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/arith/reciprocal-inl.hpp"

#if HWY_ONCE
namespace nibble {
HWY_EXPORT(ReciprocalKernel);
HWY_EXPORT(RsqrtKernel);

namespace dispatch {
void ReciprocalKernel(const float* x, float* out, std::size_t n,
                      ReciprocalForm form) {
  HWY_DYNAMIC_DISPATCH(ReciprocalKernel)(x, out, n, form);
}
void RsqrtKernel(const float* x, float* out, std::size_t n,
                 ReciprocalForm form) {
  HWY_DYNAMIC_DISPATCH(RsqrtKernel)(x, out, n, form);
}
}  // namespace dispatch
}  // namespace nibble
#endif
