// Run-time dispatch of nibble/quant/quantize-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/quant/quantize.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/quant/quantize-inl.hpp"

#if HWY_ONCE
#include "nibble/quant/quantize.hpp"

namespace nibble {
HWY_EXPORT(QuantizeKernel);

void dispatch::QuantizeKernel(const float* x, std::size_t count,
                              std::size_t size, const QuantParams* params,
                              const Codec& codec, void* codes) {
  HWY_DYNAMIC_DISPATCH(QuantizeKernel)(x, count, size, params, codec, codes);
}
}  // namespace nibble
#endif
