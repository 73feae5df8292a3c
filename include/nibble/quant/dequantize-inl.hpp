// Kernel of dequantize.hpp. Compiled once per instruction set; see
// src/quant/dequantize.cpp.
#if defined(NIBBLE_QUANT_DEQUANTIZE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_DEQUANTIZE_INL_HPP
#undef NIBBLE_QUANT_DEQUANTIZE_INL_HPP
#else
#define NIBBLE_QUANT_DEQUANTIZE_INL_HPP
#endif

#include <type_traits>

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/codec.hpp"
#include "nibble/quant/dequantize_values-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace dequantize_internal {
namespace hn = hwy::HWY_NAMESPACE;

// out[i] = values(codes[i]) * scale of group i / size. A bf16 under scale 1 is
// cast: Intel's CPUs take over a hundred cycles for a product of subnormals.
template <class Values, class T>
HWY_INLINE void DequantizeWith(const Values values, const T* HWY_RESTRICT codes,
                               size_t count, size_t size,
                               const QuantParams* params,
                               float* HWY_RESTRICT out) {
  const DF df;
  const size_t N = hn::Lanes(df);
  for (size_t g = 0; g < count; ++g, codes += size, out += size) {
    if (std::is_same_v<Values, UpperHalfValues> && params[g].scale == 1) {
      ForEachVector(df, codes, out, size,
                    [&](const T* from, float* to)
                        NIBBLE_LAMBDA { hn::StoreU(values(from), df, to); });
      continue;
    }
    const auto scale = hn::Set(df, params[g].scale);
    size_t i = 0;
    if constexpr (requires(VF & v) { values.Two(codes, v, v); }) {
      for (; i + 2 * N <= size; i += 2 * N) {
        VF a, b;
        values.Two(codes + i, a, b);
        hn::StoreU(hn::Mul(a, scale), df, out + i);
        hn::StoreU(hn::Mul(b, scale), df, out + i + N);
      }
    }
    ForEachVector(df, codes + i, out + i, size - i,
                  [&](const T* from, float* to) NIBBLE_LAMBDA {
                    hn::StoreU(hn::Mul(values(from), scale), df, to);
                  });
  }
}

// out[i] = (codes[i] - offset - zero_point [+ 0.5]) * scale; T is int8_t where
// codes are signed.
template <bool kHalfShift, class T>
HWY_INLINE void DequantizeIntegers(const T* HWY_RESTRICT codes, size_t count,
                                   size_t size, const QuantParams* params,
                                   std::int32_t offset,
                                   float* HWY_RESTRICT out) {
  const DF df;
  const DI di;
  const hn::Rebind<T, DF> dt;
  for (size_t g = 0; g < count; ++g, codes += size, out += size) {
    const auto scale = hn::Set(df, params[g].scale);
    const auto zero = hn::Set(di, params[g].zero_point + offset);
    ForEachVector(
        df, codes, out, size, [&](const T* from, float* to) NIBBLE_LAMBDA {
          const auto k = hn::Sub(hn::PromoteTo(di, hn::LoadU(dt, from)), zero);
          auto value = hn::ConvertTo(df, k);
          if constexpr (kHalfShift) {
            value = hn::Add(value, hn::Set(df, 0.5f));
          }
          hn::StoreU(hn::Mul(value, scale), df, to);
        });
  }
}

template <class T>
HWY_INLINE void DequantizeFloats(const T* codes, size_t count, size_t size,
                                 const QuantParams* params, const Codec& codec,
                                 float* out) {
  constexpr bool kWide = sizeof(T) == 2;
#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX3
  using Finite = ByteMinifloatValues<Special::kFinite>;
  using Fnuz = ByteMinifloatValues<Special::kFnuz>;
  using Ieee = ByteMinifloatValues<Special::kIeee>;
#else
  using Finite = MinifloatValues<Special::kFinite>;
  using Fnuz = MinifloatValues<Special::kFnuz>;
  using Ieee = MinifloatValues<Special::kIeee>;
#endif
#if NIBBLE_X86_VECTORS && HWY_TARGET <= HWY_AVX2
  using Half = HalfFloatValues;
#else
  using Half = MinifloatValues<Special::kIeee>;
#endif
  const auto run = [&](const auto& values) HWY_ATTR {
    DequantizeWith(values, codes, count, size, params, out);
  };
  if (codec.kind == CodecKind::kPosit) return run(PositValues(codec));
  if constexpr (kWide) {
    if (codec.format == FormatId::kBf16) return run(UpperHalfValues());
    return run(Half(codec));
  } else {
    if (Info(codec.format).codes <= 16) return run(TableValues(codec));
    if (codec.kind == CodecKind::kLogarithmic) {
      return run(LogarithmicValues(codec));
    }
    switch (codec.minifloat.special) {
      case Special::kFinite:
        return run(Finite(codec));
      case Special::kFnuz:
        return run(Fnuz(codec));
      default:
        return run(Ieee(codec));
    }
  }
}

}  // namespace dequantize_internal

// See DequantizeGroups in dequantize.hpp. codes: uint8_t, or uint16_t if
// codec.wide.
HWY_MAYBE_UNUSED HWY_NOINLINE inline void DequantizeKernel(
    const void* codes, size_t count, size_t size, const QuantParams* params,
    const Codec& codec, float* out) {
  using namespace dequantize_internal;  // NOLINT
  const IntegerGrid& grid = codec.integer;
  if (codec.wide) {
    DequantizeFloats(static_cast<const std::uint16_t*>(codes), count, size,
                     params, codec, out);
  } else if (codec.kind != CodecKind::kInteger) {
    DequantizeFloats(static_cast<const std::uint8_t*>(codes), count, size,
                     params, codec, out);
  } else if (grid.half_shift) {
    DequantizeIntegers<true>(static_cast<const std::int8_t*>(codes), count,
                             size, params, grid.offset, out);
  } else if (grid.low + grid.offset < 0) {
    DequantizeIntegers<false>(static_cast<const std::int8_t*>(codes), count,
                              size, params, grid.offset, out);
  } else {
    DequantizeIntegers<false>(static_cast<const std::uint8_t*>(codes), count,
                              size, params, grid.offset, out);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
