// Highway, as every file of ours includes it. Without this macro Highway 1.0.3
// does not compile where the compiler's own flags reach AVX3_DL with AVX-VNNI
// (-march=native on a Sapphire Rapids).
//
// No include guard: like highway.h itself it is read once per target.
#ifndef HWY_WANT_AVX3_DL
#define HWY_WANT_AVX3_DL
#endif
#include <hwy/highway.h>
