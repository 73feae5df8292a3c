// Run-time dispatch of nibble/quant/dequantize-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "src/quant/dequantize.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/quant/dequantize-inl.hpp"

#if HWY_ONCE
#include "nibble/quant/dequantize.hpp"

namespace nibble {
HWY_EXPORT(DequantizeKernel);

void dispatch::DequantizeKernel(const void* codes, std::size_t count,
                                std::size_t size, const QuantParams* params,
                                const Codec& codec, float* out) {
  HWY_DYNAMIC_DISPATCH(DequantizeKernel)
  (codes, count, size, params, codec, out);
}
}  // namespace nibble
#endif
