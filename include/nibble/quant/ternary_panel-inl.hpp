// Many tokens at once, where there is VNNI: a panel of ternary weights becomes
// bytes, and the kernel of int8 products multiplies them.
//
// Activations ride as q + 128, weights as codes t + 1:
//
//     sum of (q + 128) (t + 1) = sum of q t + sum of q + 128 * sum of (t + 1)
//
// and the last two, known beforehand, are taken off.
#if defined(NIBBLE_QUANT_TERNARY_PANEL_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_TERNARY_PANEL_INL_HPP
#undef NIBBLE_QUANT_TERNARY_PANEL_INL_HPP
#else
#define NIBBLE_QUANT_TERNARY_PANEL_INL_HPP
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "nibble/core/gemm_panel-inl.hpp"
#include "nibble/quant/int8_kernel-inl.hpp"
#include "nibble/quant/ternary_call.hpp"
#include "nibble/quant/ternary_line-inl.hpp"

#if NIBBLE_TERNARY_VBMI
NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace ternary {
namespace hn = hwy::HWY_NAMESPACE;

// From so many tokens on unpacking pays: for M tokens 4 M + 8 cycles per pair
// of lines, and a copy of the activations, against 12 for every two.
inline constexpr size_t kManyTokens = 16;

// See gemm_panel-inl.hpp.
template <TernaryPacking kPacking>
struct PanelKernel : Int8Kernel {
  using Stored = std::uint8_t;
  using L = Line<kPacking>;
  static_assert(kInt8Tile == kTernaryPanel && kInt8Group == 4);

  PanelKernel() : Int8Kernel{0x80} {}

  size_t UnpackedSize(size_t groups) const {
    return (groups + L::kLetters - 1) / L::kLetters * L::kLetters * kInt8Group *
           kTernaryPanel;
  }

  // Whole lines, whose letters are the groups: [group][tile][64 bytes].
  void Unpack(const std::uint8_t* HWY_RESTRICT lines, size_t groups,
              std::int8_t* HWY_RESTRICT out) const {
    const D8 d;
    const hn::Repartition<std::uint16_t, D8> d16;
    const L line;
    auto* to = reinterpret_cast<std::uint8_t*>(out);
    for (size_t g = 0; g < groups; g += L::kLetters) {
      Repeat<2>([&](auto tile) NIBBLE_ATTR __attribute__((always_inline)) {
        const auto opened = line.Open(hn::Load(d, lines + tile * kTernaryLine));
        Repeat<L::kLetters>([&](
            auto i) NIBBLE_ATTR __attribute__((always_inline)) {
          // Codes that stand alone in their bytes stay there when shifted.
          const auto code =
              hn::ShiftRight<2 * static_cast<int>(L::kLevelOf[i])>(
                  hn::BitCast(d16, line.template Letter<i()>(opened)));
          hn::Store(hn::BitCast(d, code), d,
                    to + (i * 2 + tile) * kTernaryLine);
        });
      });
      lines += 2 * kTernaryLine;
      to += L::kLetters * 2 * kTernaryLine;
    }
  }
};

}  // namespace ternary
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

HWY_BEFORE_NAMESPACE();  // as the driver, which inlines it
namespace nibble {
namespace HWY_NAMESPACE {
namespace ternary {

// What becomes of the sums of group g.
struct PanelEpilogue {
  const TernaryCall& call;
  size_t g, groups, row_stride;

  template <class D, class V>
  HWY_INLINE void operator()(D d, V v, size_t m, size_t n, size_t valid) const {
    const V row = hn::LoadU(d, call.row_offsets + g * row_stride + n);
    const V sum =
        hn::Add(hn::Add(v, row), hn::Set(d, call.offsets[m * groups + g]));
    const size_t to = m * call.layout.n + n;
    if (call.y == nullptr) {
      Put(d, sum, valid, call.sums + to);
      return;
    }
    const hn::RebindToFloat<D> df;
    const float* s_w = call.scales + g * call.scale_stride;
    const auto scale =
        call.scale_stride == 0 ? hn::Set(df, s_w[0]) : hn::LoadU(df, s_w + n);
    const auto quotient =
        hn::Div(hn::ConvertTo(df, sum),
                hn::Mul(hn::Set(df, call.token_scales[m]), scale));
    Put(df, quotient, valid, call.y + to);
  }

 private:
  // Stores the first group, adds the others.
  template <class D, class T>
  HWY_INLINE void Put(D d, hn::Vec<D> v, size_t valid,
                      T* HWY_RESTRICT to) const {
    if (HWY_LIKELY(valid == hn::Lanes(d))) {
      hn::StoreU(g == 0 ? v : hn::Add(hn::LoadU(d, to), v), d, to);
      return;
    }
    HWY_ALIGN T lanes[hn::MaxLanes(D())] = {};
    if (g != 0) std::copy_n(to, valid, lanes);
    hn::Store(g == 0 ? v : hn::Add(hn::Load(d, lanes), v), d, lanes);
    std::copy_n(lanes, valid, to);
  }
};

template <TernaryPacking kPacking>
HWY_NOINLINE void RunManyPacked(const TernaryCall& call,
                                const Executor& executor) {
  const TernaryLayout& layout = call.layout;
  const PanelKernel<kPacking> kernel;
  const auto* q = reinterpret_cast<const std::uint8_t*>(call.q);
  const std::uint8_t* lines = call.bytes;
  for (size_t g = 0; g < layout.groups(); ++g) {
    const auto rows = [&](size_t m) {
      return [row = q + m * call.stride + g * layout.group,
              stride = call.stride](const std::uint8_t** out, size_t) mutable {
        *out = row;
        row += stride;
      };
    };
    PanelGemm(kernel, GemmShape{call.m, layout.n, 1, layout.columns(g)}, rows,
              lines, layout.panel_bytes(),
              PanelEpilogue{call, g, layout.groups(),
                            layout.panels() * kTernaryPanel},
              executor);
    lines += layout.lines(g) * 2 * kTernaryLine;
  }
  if (layout.groups() == 0 && call.y == nullptr) {
    std::fill_n(call.sums, call.m * layout.n, 0);
  } else if (layout.groups() == 0) {
    std::fill_n(call.y, call.m * layout.n, 0.0f);
  }
}

inline void RunMany(const TernaryCall& call, const Executor& executor) {
  if (call.layout.packing == TernaryPacking::kTwoBits) {
    RunManyPacked<TernaryPacking::kTwoBits>(call, executor);
  } else {
    RunManyPacked<TernaryPacking::kBase3>(call, executor);
  }
}

}  // namespace ternary
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();
#endif  // NIBBLE_TERNARY_VBMI

#endif  // per-target include guard
