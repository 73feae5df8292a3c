// Kernel of gemm_int8.hpp. Compiled once per instruction set; see
// src/quant/gemm_int8.cpp.
#if defined(NIBBLE_QUANT_GEMM_INT8_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_GEMM_INT8_INL_HPP
#undef NIBBLE_QUANT_GEMM_INT8_INL_HPP
#else
#define NIBBLE_QUANT_GEMM_INT8_INL_HPP
#endif

#include <cstddef>
#include <cstdint>

#include "nibble/core/gemm_panel-inl.hpp"
#include "nibble/quant/gemm_int8_call.hpp"
#include "nibble/quant/int8_kernel-inl.hpp"
#include "nibble/quant/product_epilogue-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {

// Row m of a matrix with `stride` elements per row.
template <class T>
struct MatrixRows {
  const T* in;
  size_t stride;

  class Cursor {
   public:
    Cursor(const T* row, size_t stride) : row_(row), stride_(stride) {}
    HWY_INLINE void operator()(const T** out, size_t /*step*/) {
      *out = row_;
      row_ += stride_;
    }

   private:
    const T* row_;
    size_t stride_;
  };
  Cursor operator()(size_t m) const { return {in + m * stride, stride}; }
};

HWY_MAYBE_UNUSED HWY_NOINLINE inline void GemmInt8Kernel(
    const product::GemmInt8Call& call, const product::Finish& finish,
    const Executor& executor) {
  const Int8Kernel kernel{call.flip};
  const GemmShape shape{call.m, call.n, 1, call.k_end - call.k_begin};
  const MatrixRows<uint8_t> rows{call.x + call.k_begin, call.k};
  const size_t tile_stride = PackedInt8Bytes(1, call.k);
  product_internal::WithEpilogue(
      finish, call.correction, call.out, call.n, [&](const auto& epilogue) HWY_ATTR {
        PanelGemm(kernel, shape, rows,
                  call.w + call.k_begin * kInt8Tile, tile_stride, epilogue,
                  executor);
      });
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
