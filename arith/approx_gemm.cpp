// Run-time dispatch of nibble/arith/approx_gemm-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "arith/approx_gemm.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/arith/approx_gemm-inl.hpp"

#if HWY_ONCE
#include "nibble/arith/approx_gemm.hpp"

namespace nibble {
HWY_EXPORT(PackApproxKernel);
HWY_EXPORT(ApproxGemmKernel);
HWY_EXPORT(TableGemmKernel);

namespace dispatch {
void PackApproxKernel(const float* w, ApproxWeights& out) {
  HWY_DYNAMIC_DISPATCH(PackApproxKernel)(w, out);
}
ApproxPath ApproxGemmKernel(const ApproxWeights& w, const float* x,
                            std::size_t m, float* out,
                            const Executor& executor) {
  return HWY_DYNAMIC_DISPATCH(ApproxGemmKernel)(w, x, m, out, executor);
}
void TableGemmKernel(const ProductTable& table, const std::int8_t* x,
                     const std::int8_t* w, const TableShape& shape,
                     std::int32_t* out, const Executor& executor) {
  HWY_DYNAMIC_DISPATCH(TableGemmKernel)(table, x, w, shape, out, executor);
}
}  // namespace dispatch
}  // namespace nibble
#endif
