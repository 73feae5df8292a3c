// Kernels of ternary_gemm.hpp. Compiled once per instruction set; see
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
#include <span>
#include <vector>

#include "nibble/core/executor.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/ternary_call.hpp"
#include "nibble/quant/ternary_panel-inl.hpp"
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
    const auto scale =
        scale_step == 0 ? hn::Set(d, s_w[0]) : hn::LoadU(d, s_w + i);
    const auto quotient = hn::Div(hn::ConvertTo(d, hn::Load(di, sums + i)),
                                  hn::Mul(hn::Set(d, s_a), scale));
    hn::Store(first ? quotient : hn::Add(hn::Load(d, y + i), quotient), d,
              y + i);
  }
}

// sums = offset, or sums + offset.
HWY_INLINE void Begin(std::int32_t offset, bool add,
                      std::int32_t* HWY_RESTRICT sums) {
  const hn::CappedTag<std::int32_t, kTernaryPanel> d;
  for (size_t i = 0; i < kTernaryPanel; i += hn::Lanes(d)) {
    const auto start = hn::Set(d, offset);
    hn::Store(add ? hn::Add(hn::Load(d, sums + i), start) : start, d, sums + i);
  }
}

// The first `rows` of a panel to where they belong. Whole panels by vectors.
template <class T>
HWY_INLINE void Finish(const T* HWY_RESTRICT from, size_t rows,
                       T* HWY_RESTRICT to) {
  if (rows < kTernaryPanel) {
    std::copy_n(from, rows, to);
    return;
  }
  const hn::CappedTag<T, kTernaryPanel> d;
  for (size_t i = 0; i < kTernaryPanel; i += hn::Lanes(d)) {
    hn::StoreU(hn::Load(d, from + i), d, to + i);
  }
}

// One panel times kTokens tokens from `token` on.
template <TernaryPacking kPacking, size_t kTokens>
HWY_NOINLINE NIBBLE_ATTR void OnePanel(const TernaryCall& call, size_t panel,
                                       size_t token) {
  const TernaryLayout& layout = call.layout;
  const size_t groups = layout.groups();
  const size_t row = panel * kTernaryPanel;
  const size_t rows = HWY_MIN(kTernaryPanel, layout.n - row);
  const std::uint8_t* lines = call.bytes + panel * layout.panel_bytes();
  HWY_ALIGN PanelRow<std::int32_t> sums[kTokens];
  HWY_ALIGN PanelRow<float> y[kTokens];
  if (groups == 0) {
    std::fill_n(sums[0], kTokens * kTernaryPanel, 0);
    std::fill_n(y[0], kTokens * kTernaryPanel, 0.0f);
  }
  for (size_t g = 0; g < groups; ++g) {
    const std::int8_t* q[kTokens];
    for (size_t t = 0; t < kTokens; ++t) {
      const std::int32_t offset = call.offsets[(token + t) * groups + g];
      Begin(offset, call.y == nullptr && g > 0, sums[t]);
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
      Finish(sums[t], rows, call.sums + to);
    } else {
      Finish(y[t], rows, call.y + to);
    }
  }
}

// Sum of q[0], ..., q[n - 1].
HWY_INLINE std::int32_t SumOfCodes(const std::int8_t* q, size_t n) {
  std::int32_t sum = 0;
  size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  // As unsigned bytes, 128 too large each, eight at a time.
  const hn::ScalableTag<std::uint8_t> d;
  const hn::Repartition<std::uint64_t, decltype(d)> d64;
  const size_t N = hn::Lanes(d);
  auto sums = hn::Zero(d64);
  for (; i + N <= n; i += N) {
    const auto v = hn::LoadU(d, reinterpret_cast<const std::uint8_t*>(q) + i);
    sums = hn::Add(sums, hn::SumsOf8(hn::Xor(v, hn::Set(d, 0x80))));
  }
  const std::uint64_t total = hn::GetLane(hn::SumOfLanes(d64, sums));
  sum = static_cast<std::int32_t>(static_cast<std::int64_t>(total) -
                                  static_cast<std::int64_t>(i) * 128);
#endif
  for (; i < n; ++i) sum += q[i];
  return sum;
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

// offsets[t, g] = minus the sum of group g of token t.
HWY_MAYBE_UNUSED HWY_NOINLINE inline void TernaryOffsetsKernel(
    const TernaryLayout& layout, size_t m, const std::int8_t* q,
    std::int32_t* offsets) {
  for (size_t t = 0; t < m; ++t) {
    for (size_t g = 0; g < layout.groups(); ++g) {
      *offsets++ =
          -ternary::SumOfCodes(q + g * layout.group, layout.columns(g));
    }
    q += layout.k;
  }
}

// Products, with few tokens or where there is nothing better for many: panels
// of all of them are the tasks.
namespace ternary {

HWY_INLINE void RunPanels(std::span<const TernaryCall> calls,
                          const Executor& executor) {
  const size_t threads = executor.threads() == 0 ? 16 : executor.threads();
  size_t bytes = 0;
  for (const TernaryCall& call : calls) bytes += call.layout.bytes();
  // Four tasks per thread are even enough; a tiny one is not worth its start.
  const size_t share = threads == 1 ? bytes : bytes / (4 * threads);
  const size_t task_bytes = HWY_MAX(share, size_t{1} << 15);
  struct Task {
    const TernaryCall* call;
    size_t panel, end;
  };
  std::vector<Task> tasks;
  for (const TernaryCall& call : calls) {
    if (call.m == 0) continue;
    const size_t panels = call.layout.panels();
    const size_t step = HWY_MAX(
        task_bytes / HWY_MAX(call.layout.panel_bytes(), size_t{1}), size_t{1});
    for (size_t panel = 0; panel < panels; panel += step) {
      tasks.push_back({&call, panel, HWY_MIN(panel + step, panels)});
    }
  }
  executor(tasks.size(), [&](size_t i) {
    const Task& task = tasks[i];
    if (task.call->layout.packing == TernaryPacking::kTwoBits) {
      Panels<TernaryPacking::kTwoBits>(*task.call, task.panel, task.end);
    } else {
      Panels<TernaryPacking::kBase3>(*task.call, task.panel, task.end);
    }
  });
}

}  // namespace ternary

HWY_MAYBE_UNUSED HWY_NOINLINE NIBBLE_ATTR inline void TernaryKernel(
    std::span<const TernaryCall> calls, const Executor& executor) {
#if NIBBLE_TERNARY_VBMI
  if (!calls.empty() && calls[0].m >= ternary::kManyTokens) {
    for (const TernaryCall& call : calls) ternary::RunMany(call, executor);
    return;
  }
#endif
  ternary::RunPanels(calls, executor);
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
