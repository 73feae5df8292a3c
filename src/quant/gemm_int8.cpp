// Run-time dispatch of nibble/quant/gemm_int8-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/quant/gemm_int8.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/quant/gemm_int8-inl.hpp"

#if HWY_ONCE
#include "nibble/quant/gemm_int8.hpp"

namespace nibble {
HWY_EXPORT(GemmInt8Kernel);

void dispatch::GemmInt8Kernel(const product::GemmInt8Call& call,
                              const product::Finish& finish,
                              const Executor& executor) {
  HWY_DYNAMIC_DISPATCH(GemmInt8Kernel)(call, finish, executor);
}
}  // namespace nibble
#endif
