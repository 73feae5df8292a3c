// Run-time dispatch of nibble/quant/dot_int8-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/quant/dot_int8.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/quant/dot_int8-inl.hpp"

#if HWY_ONCE
#include "nibble/quant/dot_int8.hpp"

namespace nibble {
HWY_EXPORT(DotInt8Kernel);

void dispatch::DotInt8Kernel(const std::uint8_t* x, std::uint8_t flip,
                             std::int32_t zero, const std::int8_t* w,
                             std::size_t stride, std::size_t n, std::size_t k,
                             std::int32_t* sums) {
  HWY_DYNAMIC_DISPATCH(DotInt8Kernel)(x, flip, zero, w, stride, n, k, sums);
}
}  // namespace nibble
#endif
