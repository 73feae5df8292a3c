// Kernels of approx_gemm.hpp. Compiled once per instruction set; see
// arith/approx_gemm.cpp.
#if defined(NIBBLE_ARITH_APPROX_GEMM_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_ARITH_APPROX_GEMM_INL_HPP
#undef NIBBLE_ARITH_APPROX_GEMM_INL_HPP
#else
#define NIBBLE_ARITH_APPROX_GEMM_INL_HPP
#endif

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nibble/arith/approx_dot.hpp"
#include "nibble/arith/approx_weights.hpp"
#include "nibble/arith/multiply-inl.hpp"
#include "nibble/arith/product_tile-inl.hpp"
#include "nibble/arith/table_tile-inl.hpp"
#include "nibble/core/aligned.hpp"
#include "nibble/core/gemm-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace approx_internal {
namespace hn = hwy::HWY_NAMESPACE;

using EncodedWords = AlignedVector<std::uint32_t>;

// Whether sums can be made of additions of encodings.
inline bool Adds(const Multiplier& multiplier) {
  using enum MultiplierKind;
  return multiplier.kind() == kLMul || multiplier.kind() == kMitchell ||
         multiplier.kind() == kPam;
}

// ExponentRange::Add of n prepared operands.
inline void AddExponents(const float* HWY_RESTRICT prepared, size_t n,
                         ExponentRange& range) {
  const hn::ScalableTag<std::int32_t> d;
  const hn::ScalableTag<float> df;
  const size_t N = hn::Lanes(d);
  const auto most = hn::Set(d, 0x7FFFFFFF);
  auto low = most, high = hn::Zero(d), least = most;
  size_t i = 0;
  for (; i + N <= n; i += N) {
    const auto magnitude = hn::BitCast(d, hn::Abs(hn::LoadU(df, prepared + i)));
    const auto zero = hn::Eq(magnitude, hn::Zero(d));
    low = hn::Min(low, hn::IfThenElse(zero, most, magnitude));
    least = hn::Min(least, magnitude);
    high = hn::Max(high, magnitude);
  }
  if (i != 0) {  // through the smallest and the largest
    const std::int32_t bits[] = {hn::GetLane(hn::MinOfLanes(d, low)),
                                 hn::GetLane(hn::MinOfLanes(d, least)),
                                 hn::GetLane(hn::MaxOfLanes(d, high))};
    for (const std::int32_t b : bits) {
      if (b != 0x7FFFFFFF) range.Add(std::bit_cast<float>(b));
    }
  }
  for (; i < n; ++i) range.Add(prepared[i]);
}

// Prepared operands of one row, and their words. Odd numbers of bf16 operands
// are filled up with a zero.
struct Row {
  AlignedVector<float> prepared;
  ExponentRange range;

  void Prepare(const Multiplier& multiplier, bool weights, const float* from,
               size_t k) {
    prepared.resize(k + (multiplier.adds_pairs() ? k % 2 : 0));
    const float unit =
        weights ? multiplier.WeightUnit(FiniteAbsmax({from, k})) : 1;
    PrepareKernel(multiplier, weights, unit, from, k, prepared.data());
    if (prepared.size() > k) prepared.back() = 0;
    if (Adds(multiplier)) {
      AddExponents(prepared.data(), prepared.size(), range);
    }
  }
};

// How a prepared operand becomes a word: bits + add, or `zero` for a zero.
struct Encoding {
  std::uint32_t add = 0, zero = 0;
};

// Encodes n prepared operands in their place.
inline void Encode(const Encoding& encoding, size_t n, float* prepared) {
  using multiply_internal::ForEach;
  ForEach(prepared, n, prepared, [encoding](auto d, auto v) NIBBLE_LAMBDA {
    const hn::RebindToUnsigned<decltype(d)> du;
    const auto bits = hn::BitCast(du, v);
    const auto zero = hn::Eq(hn::BitCast(du, hn::Abs(v)), hn::Zero(du));
    const auto word = hn::Add(bits, hn::Set(du, encoding.add));
    return hn::BitCast(d,
                       hn::IfThenElse(zero, hn::Set(du, encoding.zero), word));
  });
}

// Encoded operands as words, `step` apart.
inline void Scatter(std::span<const float> encoded, bool pairs, size_t step,
                    std::uint32_t* HWY_RESTRICT out) {
  const auto bits = [&](size_t i) {
    return std::bit_cast<std::uint32_t>(encoded[i]);
  };
  if (pairs) {
    for (size_t i = 0; i < encoded.size(); i += 2, out += step) {
      *out = bits(i) >> 16 | (bits(i + 1) & 0xFFFF0000u);
    }
  } else {
    for (size_t i = 0; i < encoded.size(); ++i, out += step) *out = bits(i);
  }
}

// Row m of panels [k][kRows].
template <size_t kRows>
struct PanelRows {
  const std::uint32_t* panels;
  size_t k;
  auto operator()(size_t m) const {
    return [m, this](const std::uint32_t** out, size_t) mutable {
      *out = panels + m / kRows * kRows * k + m % kRows;
      ++m;
    };
  }
};

// Takes sums below `least` for zero, scales the others.
struct StoreSums {
  float* out;
  size_t n;
  float least, scale;

  template <class D, class V>
  HWY_INLINE void operator()(D d, V v, size_t m, size_t j, size_t valid) const {
    const auto small = hn::Lt(hn::Abs(v), hn::Set(d, least));
    v = hn::Mul(hn::IfThenZeroElse(small, v), hn::Set(d, scale));
    float* to = out + m * n + j;
    if (valid == hn::Lanes(d)) {
      hn::StoreU(v, d, to);
    } else {
      HWY_ALIGN float lanes[hn::MaxLanes(D())];
      hn::Store(v, d, lanes);
      std::copy(lanes, lanes + valid, to);
    }
  }
};

// Everything about x but the Op.
struct Call {
  const ApproxWeights& w;
  const float* x;
  size_t m;
  float* out;
  const Executor& executor;
  SumWindow window;
  ApproxPath path = ApproxPath::kProducts;

  bool pairs() const { return w.multiplier.adds_pairs(); }
  size_t words() const { return pairs() ? (w.k + 1) / 2 : w.k; }
};

template <class Op, size_t kRows>
void RunTiles(const Call& c, const Op& op) {
  const bool encoded = c.path != ApproxPath::kProducts;
  const Encoding encoding{c.window.shift, c.window.zero};
  const size_t panels = (c.m + kRows - 1) / kRows;
  EncodedWords words(panels * kRows * c.words());
  c.executor(panels, [&](size_t panel) {
    Row row;
    for (size_t i = panel * kRows; i < std::min((panel + 1) * kRows, c.m);
         ++i) {
      row.Prepare(c.w.multiplier, false, c.x + i * c.w.k, c.w.k);
      if (encoded) {
        Encode(encoding, row.prepared.size(), row.prepared.data());
      }
      Scatter(row.prepared, c.pairs(), kRows,
              words.data() + panel * kRows * c.words() + i % kRows);
    }
  });
  const ProductTile<Op, kRows> kernel{op};
  Gemm(kernel, {c.m, c.w.n, 1, c.words()},
       PanelRows<kRows>{words.data(), c.words()}, c.w.words.data(),
       StoreSums{c.out, c.w.n, c.window.least, c.window.scale}, c.executor);
}

template <class Op>
void Run(const Call& c, const Op& op) {
  if (c.m == 1) {
    RunTiles<Op, 1>(c, op);
  } else if (c.m <= 6 || c.path == ApproxPath::kProducts) {
    RunTiles<Op, 6>(c, op);
  } else {
    RunTiles<Op, kProductRows>(c, op);
  }
}

// The additions of encodings that x and w allow.
inline void PlanWindow(Call& c) {
  if (!Adds(c.w.multiplier)) return;
  constexpr size_t kRowsOfTask = 12;
  const size_t tasks = (c.m + kRowsOfTask - 1) / kRowsOfTask;
  std::vector<ExponentRange> ranges(tasks);
  c.executor(tasks, [&](size_t task) {
    Row row;
    const size_t end = std::min((task + 1) * kRowsOfTask, c.m);
    for (size_t i = task * kRowsOfTask; i < end; ++i) {
      row.Prepare(c.w.multiplier, false, c.x + i * c.w.k, c.w.k);
    }
    ranges[task] = row.range;
  });
  ExponentRange range;
  for (const ExponentRange& part : ranges) range.Add(part);
  c.window = MakeSumWindow(c.w.multiplier.lmul(), c.w.window, range);
  if (c.window.test == SumWindow::Test::kNone) {
    c.path = ApproxPath::kAdd;
  } else if (c.window.test == SumWindow::Test::kZero && !c.pairs()) {
    c.path = ApproxPath::kTestedAdd;
  } else {
    c.window = {};
  }
}

inline void RunFloats(const Call& c) {
  using enum MultiplierKind;
  const Multiplier& multiplier = c.w.multiplier;
  const WeightWindow& window = c.w.window;
  const Decoded decoded{window.usable, window.bias, window.zero};
  if (c.path == ApproxPath::kTestedAdd) {
    return Run(c, TestedAddOp{window.zero});
  }
  if (c.path == ApproxPath::kAdd) {
#if NIBBLE_PAIR_SUMS
    if (c.pairs() && HasPairSums()) return Run(c, PairSumOp());
#endif
    return c.pairs() ? Run(c, PairAddOp()) : Run(c, AddOp());
  }
  switch (multiplier.kind()) {
    case kLMul:
    case kMitchell:
    case kPam:
      return c.pairs() ? Run(c, PairLMulOp{{multiplier.lmul(), decoded}})
                       : Run(c, LMulOp{multiplier.lmul(), decoded});
    case kLMulFormula:
      return Run(c, LMulFormulaOp{multiplier.lmul()});
    case kLns:
      return Run(c, LnsOp{&multiplier.lns()});
    default:
      return Run(c, ExactOp());
  }
}

}  // namespace approx_internal

// Prepares and packs w: [n, k] into `out`, whose multiplier, n and k are set.
HWY_MAYBE_UNUSED HWY_NOINLINE inline void PackApproxKernel(const float* w,
                                                           ApproxWeights& out) {
  using namespace approx_internal;  // NOLINT
  const size_t n = out.n, k = out.k;
  if (out.multiplier.on_bytes()) return PackFloats(w, out);
  const bool pairs = out.multiplier.adds_pairs();
  const size_t words = pairs ? (k + 1) / 2 : k;
  AlignedVector<float> prepared;
  Row row;
  for (size_t i = 0; i < n; ++i) {
    row.Prepare(out.multiplier, true, w + i * k, k);
    prepared.insert(prepared.end(), row.prepared.begin(), row.prepared.end());
  }
  if (Adds(out.multiplier)) {
    out.window = MakeWeightWindow(out.multiplier.lmul(), row.range, k);
    if (out.window.usable) {
      const Encoding encoding{0 - out.window.bias, out.window.zero};
      Encode(encoding, prepared.size(), prepared.data());
    }
  }
  EncodedWords encoded(n * words);
  Scatter(prepared, pairs, 1, encoded.data());
  const ProductTile<AddOp, 1> kernel{};
  out.columns = kernel.columns();
  out.words.resize(PackedSize(kernel, n, 1, words));
  PackWeights(kernel, encoded.data(), n, 1, words, out.words.data());
}

// out = x * w of approx_gemm.hpp. Returns the path taken.
HWY_MAYBE_UNUSED HWY_NOINLINE inline ApproxPath ApproxGemmKernel(
    const ApproxWeights& w, const float* x, size_t m, float* out,
    const Executor& executor) {
  using namespace approx_internal;  // NOLINT
  if (w.multiplier.on_bytes()) {
    RunBytes(w, x, m, out, executor);
    return ApproxPath::kTable;
  }
  Call call{w, x, m, out, executor, {}};
  PlanWindow(call);
  RunFloats(call);
  return call.path;
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
