// Run-time dispatch of nibble/arith/log2-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "arith/log2.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/arith/log2-inl.hpp"

#if HWY_ONCE
namespace nibble {
HWY_EXPORT(Log2Kernel);

namespace dispatch {
void Log2Kernel(const float* x, float* out, std::size_t n, Log2Form form) {
  HWY_DYNAMIC_DISPATCH(Log2Kernel)(x, out, n, form);
}
}  // namespace dispatch
}  // namespace nibble
#endif
