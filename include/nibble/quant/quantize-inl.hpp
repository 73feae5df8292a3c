// Kernel of quantize.hpp. Compiled once per instruction set; see
// src/quant/quantize.cpp.
#if defined(NIBBLE_QUANT_QUANTIZE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_QUANTIZE_INL_HPP
#undef NIBBLE_QUANT_QUANTIZE_INL_HPP
#else
#define NIBBLE_QUANT_QUANTIZE_INL_HPP
#endif

#include "nibble/quant/quantize_float-inl.hpp"
#include "nibble/quant/quantize_integer-inl.hpp"
#include "nibble/quant/quantize_table-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace quantize_internal {

template <class T>
HWY_INLINE void QuantizeFloatGroups(const float* HWY_RESTRICT x, size_t count,
                                    size_t size, const QuantParams* params,
                                    const Codec& codec, T* codes) {
  const auto run = [&](const auto& lanes) HWY_ATTR {
    QuantizeWith<false>(lanes, x, count, size, params, codes);
  };
  if (codec.kind == CodecKind::kPosit) return run(PositLanes(codec));
  if constexpr (sizeof(T) == 1) {
    if (codec.kind == CodecKind::kLogarithmic) {
      return run(LogarithmicLanes(codec));
    }
    if (codec.kind == CodecKind::kTable) {
      return codec.table.sign_code != 0 ? run(TableLanes<true>(codec))
                                        : run(TableLanes<false>(codec));
    }
  }
  if (codec.divides) {
    return QuantizeWith<true>(MinifloatLanes<Special::kFinite>(codec), x, count,
                              size, params, codes);
  }
  switch (codec.minifloat.special) {
    case Special::kFinite:
      return run(MinifloatLanes<Special::kFinite>(codec));
    case Special::kFnuz:
      return run(MinifloatLanes<Special::kFnuz>(codec));
    default:
      return run(MinifloatLanes<Special::kIeee>(codec));
  }
}

}  // namespace quantize_internal

// See QuantizeGroups in quantize.hpp. codes: uint8_t, or uint16_t if
// codec.wide.
HWY_MAYBE_UNUSED HWY_NOINLINE inline void QuantizeKernel(
    const float* x, size_t count, size_t size, const QuantParams* params,
    const Codec& codec, void* codes) {
  using namespace quantize_internal;  // NOLINT
  if (codec.wide) {
    QuantizeFloatGroups(x, count, size, params, codec,
                        static_cast<std::uint16_t*>(codes));
  } else if (codec.kind == CodecKind::kInteger) {
    QuantizeIntegerGroups(x, count, size, params, codec.integer,
                          static_cast<std::uint8_t*>(codes));
  } else {
    QuantizeFloatGroups(x, count, size, params, codec,
                        static_cast<std::uint8_t*>(codes));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
