// Run-time dispatch of nibble/quant/conv2d-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/quant/conv2d.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/quant/conv2d-inl.hpp"

#if HWY_ONCE
#include "nibble/quant/conv2d.hpp"

namespace nibble {
HWY_EXPORT(PackByteFilterKernel);
HWY_EXPORT(ByteConvKernel);

void dispatch::PackByteFilterKernel(const Conv2dShape& shape,
                                    const std::int8_t* weight,
                                    ByteFilter& filter) {
  HWY_DYNAMIC_DISPATCH(PackByteFilterKernel)(shape, weight, filter);
}
void dispatch::ByteConvKernel(const ByteConvCall& call,
                              const Executor& executor) {
  HWY_DYNAMIC_DISPATCH(ByteConvKernel)(call, executor);
}
}  // namespace nibble
#endif
