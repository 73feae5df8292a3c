// Kernel of ternary_gemm.hpp. Compiled once per instruction set; see
// src/quant/ternary_gemm.cpp.
#if defined(NIBBLE_QUANT_TERNARY_GEMM_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_TERNARY_GEMM_INL_HPP
#undef NIBBLE_QUANT_TERNARY_GEMM_INL_HPP
#else
#define NIBBLE_QUANT_TERNARY_GEMM_INL_HPP
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/ternary_call.hpp"
#include "nibble/quant/ternary_sums-inl.hpp"

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace ternary {
namespace hn = hwy::HWY_NAMESPACE;

// A token's results for a panel: integers or floats, complete or so far.
template <class T>
using PanelRow = T[kTernaryPanel];

// y (+)= sums / (s_a * s_w), for 32 rows.
HWY_INLINE void AddScaled(const std::int32_t* HWY_RESTRICT sums, float s_a,
                          const float* HWY_RESTRICT s_w, size_t scale_step,
                          bool first, float* HWY_RESTRICT y) {
  const hn::CappedTag<float, kTernaryPanel> d;
  const hn::RebindToSigned<decltype(d)> di;
  for (size_t i = 0; i < kTernaryPanel; i += hn::Lanes(d)) {
    const auto scale = scale_step == 0 ? hn::Set(d, s_w[0])
                                       : hn::LoadU(d, s_w + i);
    const auto quotient = hn::Div(hn::ConvertTo(d, hn::Load(di, sums + i)),
                                  hn::Mul(hn::Set(d, s_a), scale));
    hn::Store(first ? quotient : hn::Add(hn::Load(d, y + i), quotient), d,
              y + i);
  }
}

// One panel times kTokens tokens from `token` on.
template <TernaryPacking kPacking, size_t kTokens>
HWY_INLINE NIBBLE_ATTR void OnePanel(const TernaryCall& call, size_t panel,
                                     size_t token) {
  const TernaryLayout& layout = call.layout;
  const size_t groups = layout.groups();
  const size_t row = panel * kTernaryPanel;
  const size_t rows = HWY_MIN(kTernaryPanel, layout.n - row);
  const std::uint8_t* lines = call.bytes + panel * layout.panel_bytes();
  HWY_ALIGN PanelRow<std::int32_t> sums[kTokens] = {};
  HWY_ALIGN PanelRow<float> y[kTokens] = {};
  for (size_t g = 0; g < groups; ++g) {
    const std::int8_t* q[kTokens];
    for (size_t t = 0; t < kTokens; ++t) {
      const std::int32_t offset = call.offsets[(token + t) * groups + g];
      const bool add = call.y == nullptr && g > 0;
      for (std::int32_t& sum : sums[t]) sum = (add ? sum : 0) + offset;
      q[t] = call.q + (token + t) * call.stride + g * layout.group;
    }
    const size_t count = layout.lines(g);
    SumPanel<kPacking, kTokens>(lines, count, q, sums[0]);
    lines += count * 2 * kTernaryLine;
    if (call.y == nullptr) continue;
    for (size_t t = 0; t < kTokens; ++t) {
      const float* s_w =
          call.scales + g * call.scale_stride + (call.scale_stride ? row : 0);
      AddScaled(sums[t], call.token_scales[token + t], s_w, call.scale_stride,
                g == 0, y[t]);
    }
  }
  for (size_t t = 0; t < kTokens; ++t) {
    const size_t to = (token + t) * layout.n + row;
    if (call.y == nullptr) {
      std::copy_n(sums[t], rows, call.sums + to);
    } else {
      std::copy_n(y[t], rows, call.y + to);
    }
  }
}

template <TernaryPacking kPacking>
HWY_INLINE NIBBLE_ATTR void Panels(const TernaryCall& call, size_t panel,
                                   size_t end) {
  for (; panel < end; ++panel) {
    size_t token = 0;
    for (; token + kMaxTokens <= call.m; token += kMaxTokens) {
      OnePanel<kPacking, kMaxTokens>(call, panel, token);
    }
    if constexpr (kMaxTokens > 2) {
      if (call.m - token == 2) {
        OnePanel<kPacking, 2>(call, panel, token);
        continue;
      }
    }
    if (token < call.m) OnePanel<kPacking, 1>(call, panel, token);
  }
}

}  // namespace ternary

// Panels [panel, end) of a product.
HWY_MAYBE_UNUSED HWY_NOINLINE NIBBLE_ATTR inline void TernaryKernel(
    const TernaryCall& call, size_t panel, size_t end) {
  if (call.layout.packing == TernaryPacking::kTwoBits) {
    ternary::Panels<TernaryPacking::kTwoBits>(call, panel, end);
  } else {
    ternary::Panels<TernaryPacking::kBase3>(call, panel, end);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
