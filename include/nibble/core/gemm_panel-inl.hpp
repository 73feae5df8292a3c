// The driver of gemm-inl.hpp for kernels that want their rows packed: some rows
// at a time are copied into a panel, in the order in which the kernel reads
// them, and meet every tile of weights there.
//
//     panel of h rows:  [tap][k / kGroup][h][k % kGroup]
//
// Why: rows of a matrix whose length is a power of two compete for the same
// lines of the L1 cache, and a dozen of them are a dozen streams to memory. A
// panel is one stream without a gap; in passing its elements are made what the
// kernel wants (unsigned, or wider). A panel costs as much as some 32 outputs
// without it, so products of few outputs should take pointers to rows.
//
// A kernel has in the place of that of gemm-inl.hpp's operator():
//
//     using Panel = ...;   element of a panel (Input as the kernel wants it)
//     using Tag = ...;     of vectors of sums
//     static constexpr size_t kRows;   the most rows of a panel
//     void PackRows(const Input* const* rows, size_t h, size_t k,
//                   Panel* out) const;   one tap of h rows
//     void operator()(const Panel* panel, size_t h, size_t groups,
//                     const Weight* tile, const gemm::Ahead<Weight>& ahead,
//                     hn::TFromD<Tag>* sums) const;
//
// which leaves the sums of h rows and of the tile's columns in
// sums: [h][columns()]; groups = taps * ceil(k / kGroup). In passing it may
// prefetch what lies `ahead`.
//
// Weights may be stored narrower than they are multiplied. A tile is then made
// wide once for all panels that meet it, by a kernel that has besides
//
//     using Stored = ...;   element of packed weights; Weight as multiplied
//     size_t UnpackedSize(size_t groups) const;   Weights of a tile
//     void Unpack(const Stored* tile, size_t groups, Weight* out) const;
#if defined(NIBBLE_CORE_GEMM_PANEL_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_CORE_GEMM_PANEL_INL_HPP
#undef NIBBLE_CORE_GEMM_PANEL_INL_HPP
#else
#define NIBBLE_CORE_GEMM_PANEL_INL_HPP
#endif

#include <algorithm>
#include <cstddef>

#include "nibble/core/aligned.hpp"
#include "nibble/core/gemm-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace gemm {

// A part of the next tile of weights. Each panel that meets a tile asks for
// one, so that the next tile is in the L2 cache when its turn comes: it would
// else be waited for at its first panel.
template <class Weight>
struct Ahead {
  const Weight* from;
  size_t count;  // elements, 0 after the last tile
};

// Bytes of the panels that one task works on: 12 of 12 rows by 4096 bytes. They
// are read once per tile of weights and shall stay in the L2 cache (1 MiB on a
// Zen 4) beside two tiles of 128 KiB.
inline constexpr size_t kPanelBytes = size_t{576} << 10;

// [begin, end) of part i when n is cut into `parts` as evenly as possible.
struct Part {
  size_t begin, end;
};
inline Part PartOf(size_t n, size_t parts, size_t i) {
  return {n * i / parts, n * (i + 1) / parts};
}
inline size_t Ceil(size_t a, size_t b) { return (a + b - 1) / b; }

// Rows m0, ..., m1 - 1 as panels of nearly equal height.
template <class Kernel, class Rows>
void PackPanels(const Kernel& kernel, const GemmShape& shape, const Rows& rows,
                size_t m0, size_t m1, typename Kernel::Panel* out) {
  using Input = typename Kernel::Input;
  constexpr size_t kRows = Kernel::kRows;
  const size_t tap_size = Ceil(shape.k, Kernel::kGroup) * Kernel::kGroup;
  const size_t panels = Ceil(m1 - m0, kRows);
  UninitializedVector<const Input*> pointers(shape.taps * kRows);
  auto cursor = rows(m0);
  for (size_t p = 0; p < panels; ++p) {
    const Part part = PartOf(m1 - m0, panels, p);
    const size_t height = part.end - part.begin;
    for (size_t i = 0; i < height; ++i) cursor(pointers.data() + i, kRows);
    for (size_t t = 0; t < shape.taps; ++t, out += height * tap_size) {
      kernel.PackRows(pointers.data() + t * kRows, height, shape.k, out);
    }
  }
}

// Asks for the lines that the epilogue will write, if it has a Prefetch(m, n,
// count): they would else be fetched at every panel, a dozen at once.
template <class Epilogue>
HWY_INLINE void PrefetchOutputs(const Epilogue& epilogue, size_t m0,
                                size_t rows, size_t n0, size_t columns) {
  if constexpr (requires { epilogue.Prefetch(m0, n0, columns); }) {
    for (size_t i = 0; i < rows; ++i) epilogue.Prefetch(m0 + i, n0, columns);
  }
}

// Sums of a panel and a tile to the epilogue, vector by vector.
template <class Tag, class T, class Epilogue>
HWY_INLINE void FinishTile(const T* HWY_RESTRICT sums, size_t columns,
                           size_t m0, size_t rows, size_t n0, size_t valid,
                           const Epilogue& epilogue) {
  const Tag d;
  const size_t N = hn::Lanes(d);
  for (size_t i = 0; i < rows; ++i, sums += columns) {
    for (size_t j = 0; j < valid; j += N) {
      epilogue(d, hn::Load(d, sums + j), m0 + i, n0 + j,
               std::min(valid - j, N));
    }
  }
}

// How the kernel's weights lie in memory.
template <class Kernel>
struct StoredOf {
  static constexpr bool kNarrow = false;
  using Type = typename Kernel::Weight;
};
template <class Kernel>
  requires requires { typename Kernel::Stored; }
struct StoredOf<Kernel> {
  static constexpr bool kNarrow = true;
  using Type = typename Kernel::Stored;
};

// Rows [m0, m1) and tiles [tile0, tile1) of the result.
template <class Kernel, class Rows, class Epilogue>
void PanelBlock(const Kernel& kernel, const GemmShape& shape, const Rows& rows,
                const typename StoredOf<Kernel>::Type* packed,
                size_t tile_stride, const Epilogue& epilogue, Part m,
                Part tile) {
  using Tag = typename Kernel::Tag;
  using Weight = typename Kernel::Weight;
  constexpr bool kNarrow = StoredOf<Kernel>::kNarrow;
  const size_t groups = shape.taps * Ceil(shape.k, Kernel::kGroup);
  const size_t columns = kernel.columns();
  const size_t tile_size =
      kNarrow ? tile_stride : groups * Kernel::kGroup * columns;
  UninitializedVector<Weight> unpacked;
  if constexpr (kNarrow) unpacked.resize(kernel.UnpackedSize(groups));
  UninitializedVector<typename Kernel::Panel> panels((m.end - m.begin) *
                                                     groups * Kernel::kGroup);
  PackPanels(kernel, shape, rows, m.begin, m.end, panels.data());
  UninitializedVector<hn::TFromD<Tag>> sums(Kernel::kRows * columns);
  const size_t count = Ceil(m.end - m.begin, Kernel::kRows);
  for (size_t t = tile.begin; t < tile.end; ++t) {
    const size_t n0 = t * columns;
    const auto* panel = panels.data();
    const auto* stored = packed + t * tile_stride;
    const Weight* weights = reinterpret_cast<const Weight*>(stored);
    if constexpr (kNarrow) {
      kernel.Unpack(stored, groups, unpacked.data());
      weights = unpacked.data();
    }
    for (size_t p = 0; p < count; ++p) {
      const Part part = PartOf(m.end - m.begin, count, p);
      const size_t height = part.end - part.begin;
      const size_t valid = std::min(shape.n - n0, columns);
      PrefetchOutputs(epilogue, m.begin + part.begin, height, n0, valid);
      // One panel reads all weights in order: memory has no time to spare.
      const bool more = t + 1 < tile.end && count > 1;
      const Part next = PartOf(more ? tile_size : 0, count, p);
      kernel(panel, height, groups, weights,
             Ahead<Weight>{reinterpret_cast<const Weight*>(
                               stored + tile_stride + next.begin),
                           next.end - next.begin},
             sums.data());
      panel += height * groups * Kernel::kGroup;
      FinishTile<Tag>(sums.data(), columns, m.begin + part.begin, height, n0,
                      valid, epilogue);
    }
  }
}

}  // namespace gemm

// Gemm of gemm-inl.hpp with packed rows. tile_stride: elements from a tile of
// weights to the next, PackedTileSize(kernel, taps, k) unless the product is a
// part (of all k) of one with more.
//
// Cost     m * n * taps * k products, and a copy of the rows for each of a
//          handful of parts into which the outputs are cut for several threads.
template <class Kernel, class Rows, class Epilogue>
void PanelGemm(const Kernel& kernel, const GemmShape& shape, const Rows& rows,
               const typename gemm::StoredOf<Kernel>::Type* packed,
               size_t tile_stride, const Epilogue& epilogue,
               const Executor& executor) {
  using gemm::Ceil;
  if (shape.m == 0 || shape.n == 0) return;
  const size_t row_bytes = sizeof(typename Kernel::Panel) * shape.taps *
                           Ceil(shape.k, Kernel::kGroup) * Kernel::kGroup;
  const size_t rows_at_once =
      std::max(
          gemm::kPanelBytes / std::max(row_bytes, size_t{1}) / Kernel::kRows,
          size_t{1}) *
      Kernel::kRows;
  const size_t down = Ceil(shape.m, rows_at_once);
  const size_t tiles = Ceil(shape.n, kernel.columns());
  // Four tasks per thread are even enough.
  const size_t threads = executor.threads() == 0 ? 16 : executor.threads();
  const size_t across =
      threads == 1 ? 1 : std::min(tiles, Ceil(4 * threads, down));
  executor(down * across, [&](size_t task) {
    gemm::PanelBlock(kernel, shape, rows, packed, tile_stride, epilogue,
                     gemm::PartOf(shape.m, down, task / across),
                     gemm::PartOf(tiles, across, task % across));
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
