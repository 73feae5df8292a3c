// Run-time dispatch of nibble/quant/ternary_gemm-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/quant/ternary_gemm.cpp"  // from the root
#include <hwy/foreach_target.h>

#include "nibble/quant/ternary_gemm-inl.hpp"

#if HWY_ONCE
#include "nibble/quant/ternary_gemm.hpp"

namespace nibble {
HWY_EXPORT(TernaryOffsetsKernel);
HWY_EXPORT(TernaryKernel);

namespace dispatch {
void TernaryOffsetsKernel(const TernaryLayout& layout, std::size_t m,
                          const std::int8_t* q, std::int32_t* offsets) {
  HWY_DYNAMIC_DISPATCH(TernaryOffsetsKernel)(layout, m, q, offsets);
}
void TernaryKernel(std::span<const TernaryCall> calls,
                   const Executor& executor) {
  HWY_DYNAMIC_DISPATCH(TernaryKernel)(calls, executor);
}
}  // namespace dispatch
}  // namespace nibble
#endif
