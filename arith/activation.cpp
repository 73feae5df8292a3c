// Run-time dispatch of nibble/arith/activation-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "arith/activation.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/arith/activation-inl.hpp"

#if HWY_ONCE
namespace nibble {
HWY_EXPORT(SigmoidKernel);
HWY_EXPORT(SiluKernel);
HWY_EXPORT(TanhKernel);
HWY_EXPORT(GeluKernel);

namespace dispatch {
void SigmoidKernel(const float* x, float* out, std::size_t n,
                   Accuracy accuracy) {
  HWY_DYNAMIC_DISPATCH(SigmoidKernel)(x, out, n, accuracy);
}
void SiluKernel(const float* x, float* out, std::size_t n, Accuracy accuracy) {
  HWY_DYNAMIC_DISPATCH(SiluKernel)(x, out, n, accuracy);
}
void TanhKernel(const float* x, float* out, std::size_t n, Accuracy accuracy) {
  HWY_DYNAMIC_DISPATCH(TanhKernel)(x, out, n, accuracy);
}
void GeluKernel(const float* x, float* out, std::size_t n, Accuracy accuracy) {
  HWY_DYNAMIC_DISPATCH(GeluKernel)(x, out, n, accuracy);
}
}  // namespace dispatch
}  // namespace nibble
#endif
