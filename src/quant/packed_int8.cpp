// Run-time dispatch of nibble/quant/packed_int8-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/quant/packed_int8.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/quant/packed_int8-inl.hpp"

#if HWY_ONCE
#include "nibble/quant/packed_int8.hpp"

namespace nibble {
HWY_EXPORT(PackInt8Kernel);

bool dispatch::PackInt8Kernel(const std::int8_t* w, std::size_t n,
                              std::size_t k, std::int8_t* codes,
                              std::int32_t* sums) {
  return HWY_DYNAMIC_DISPATCH(PackInt8Kernel)(w, n, k, codes, sums);
}
}  // namespace nibble
#endif
