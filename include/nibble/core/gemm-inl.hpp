// The one driver of matrix products: blocks, tails and threads. What is
// multiplied, and how, comes in as arguments; so float, integer and
// approximate products, dense layers and convolutions share this text.
//
//     out[m, n] = epilogue(sum over taps t and k of  row(m, t)[k] * w[n, t, k])
//
// The left side is indirect: for every row m and every tap t the driver asks
// for a pointer to k contiguous inputs. A convolution has one tap per element
// of its kernel, each k = channels long, and a tap that falls outside the image
// points at a row of zeros: nothing like im2col is ever written to memory. A
// plain matrix product has one tap.
//
// Three arguments carry the arithmetic:
//
//   Kernel    multiplies kRows rows by columns() outputs, in registers:
//               using Input, Weight;              element types
//               static constexpr size_t kRows;    rows of a tile
//               static constexpr size_t kGroup;   k's that lie side by side
//               size_t columns() const;           outputs of a tile
//               void operator()(const Input* const* rows,  // [taps][kRows]
//                               size_t taps, size_t k, const Weight* tile,
//                               const Store& store) const;
//             It ends with store(d, i, j, v) for each vector v of accumulators:
//             row i, outputs j, ..., j + Lanes(d) - 1 of the tile.
//   Rows      auto cursor = rows(m) stands at row m; cursor(out, step) writes
//             the pointer of each tap t of that row to out[t * step] and goes
//             on to the next row.
//   Epilogue  epilogue(d, v, m, n, valid): finishes the accumulators v of row
//   m,
//             outputs n, ..., n + valid - 1, and stores them where it wants:
//             bias, ReLU, requantization. valid is Lanes(d) but in the last
//             tile; it must not touch more than that.
//
// Weights are packed once, tile by tile, and are read in order:
//
//     [tile of columns() outputs][tap][k / kGroup][output in tile][k % kGroup]
//
// with zeros for the outputs and k's beyond the end. With kGroup = 4 (int8 dot
// products) and 16 columns, one group is 64 contiguous bytes:
//
//     [w(n0,k0..k3) | w(n1,k0..k3) | ... | w(n15,k0..k3)]
//
// Accumulators stay in registers from the first k to the last, so each output
// is summed in the order of taps, then k, whatever the blocks and threads.
#if defined(NIBBLE_CORE_GEMM_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_CORE_GEMM_INL_HPP
#undef NIBBLE_CORE_GEMM_INL_HPP
#else
#define NIBBLE_CORE_GEMM_INL_HPP
#endif

#include <algorithm>
#include <cstddef>
#include <memory>

#include "nibble/core/executor.hpp"
#include "nibble/core/highway.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct GemmShape {
  size_t m;     // rows of the result: tokens, pixels
  size_t n;     // outputs
  size_t taps;  // pieces a row is made of
  size_t k;     // contiguous elements of a piece
};

// Elements of the packed weights of one tile, and of all.
template <class Kernel>
size_t PackedTileSize(const Kernel& kernel, size_t taps, size_t k) {
  const size_t groups = (k + Kernel::kGroup - 1) / Kernel::kGroup;
  return taps * groups * Kernel::kGroup * kernel.columns();
}
template <class Kernel>
size_t PackedSize(const Kernel& kernel, size_t n, size_t taps, size_t k) {
  const size_t columns = kernel.columns();
  return (n + columns - 1) / columns * PackedTileSize(kernel, taps, k);
}

// Packs w: [n, taps, k] into `out`, PackedSize elements, in the layout above.
template <class Kernel, class T>
void PackWeights(const Kernel& kernel, const T* HWY_RESTRICT w, size_t n,
                 size_t taps, size_t k,
                 typename Kernel::Weight* HWY_RESTRICT out) {
  constexpr size_t kGroup = Kernel::kGroup;
  for (size_t n0 = 0; n0 < n; n0 += kernel.columns()) {
    for (size_t tap = 0; tap < taps; ++tap) {
      for (size_t k0 = 0; k0 < k; k0 += kGroup) {
        for (size_t i = n0; i < n0 + kernel.columns(); ++i) {
          for (size_t j = k0; j < k0 + kGroup; ++j) {
            *out++ = i < n && j < k ? w[(i * taps + tap) * k + j] : T{0};
          }
        }
      }
    }
  }
}

namespace gemm {

// A block of rows shares its pointers, and each tile of weights is read from
// the nearest cache once for all its rows. A block of columns is what one
// thread takes, so that few rows still make work for several threads.
inline constexpr size_t kBlockRows = 96;
inline constexpr size_t kBlockTiles = 16;

// What the kernel calls with its accumulators: drops what lies outside the
// result (nothing of a whole tile) and leaves the rest to the epilogue.
template <class Epilogue, bool kWhole>
struct TileStore {
  Epilogue epilogue;   // a copy, so that its fields can stay in registers
  size_t m0, rows;     // first row, and how many exist from there on
  size_t n0, columns;  // first output, and how many exist from there on

  template <class D, class V>
  HWY_INLINE void operator()(D d, size_t i, size_t j, V v) const {
    const size_t lanes = hn::Lanes(d);
    if constexpr (kWhole) {
      epilogue(d, v, m0 + i, n0 + j, lanes);
    } else if (i < rows && j < columns) {
      epilogue(d, v, m0 + i, n0 + j, std::min(columns - j, lanes));
    }
  }
};

// Pointers of rows m0, ..., m0 + count - 1 as [tile][tap][kRows]. A last tile
// of fewer rows repeats its last row; TileStore drops what comes of it.
template <size_t kRows, class Input, class Rows>
void GatherRows(const Rows& rows, size_t m0, size_t count, size_t taps,
                const Input** out) {
  auto cursor = rows(m0);
  size_t i = 0;
  for (; i < count; ++i) {
    cursor(out + i / kRows * taps * kRows + i % kRows, kRows);
  }
  for (; i % kRows != 0; ++i) {
    const Input** row = out + i / kRows * taps * kRows + i % kRows;
    for (size_t t = 0; t < taps; ++t) row[t * kRows] = row[t * kRows - 1];
  }
}

// Rows m0, ... and tiles tile0, ..., tile1 - 1 of the result.
template <class Kernel, class Rows, class Epilogue>
void Block(const Kernel& kernel, const GemmShape& shape, const Rows& rows,
           const typename Kernel::Weight* packed, const Epilogue& epilogue,
           size_t m0, size_t tile0, size_t tile1) {
  using Input = typename Kernel::Input;
  constexpr size_t kRows = Kernel::kRows;
  const size_t count = std::min(kBlockRows, shape.m - m0);
  // Not std::vector: every element is written before it is read.
  const std::unique_ptr<const Input*[]> pointers(
      new const Input*[shape.taps * (kBlockRows + kRows)]);
  GatherRows<kRows>(rows, m0, count, shape.taps, pointers.get());
  const size_t tile_size = PackedTileSize(kernel, shape.taps, shape.k);
  for (size_t tile = tile0; tile < tile1; ++tile) {
    const size_t n0 = tile * kernel.columns();
    const auto* weights = packed + tile * tile_size;
    for (size_t i = 0; i < count; i += kRows) {
      const Input* const* tile_rows = pointers.get() + i * shape.taps;
      if (count - i >= kRows && shape.n - n0 >= kernel.columns()) {
        const TileStore<Epilogue, true> store{epilogue, m0 + i, kRows, n0, 0};
        kernel(tile_rows, shape.taps, shape.k, weights, store);
      } else {
        const TileStore<Epilogue, false> store{epilogue, m0 + i, count - i, n0,
                                               shape.n - n0};
        kernel(tile_rows, shape.taps, shape.k, weights, store);
      }
    }
  }
}

}  // namespace gemm

// The product of the picture above; see there for the arguments.
//
// Shapes   packed: PackedSize(kernel, n, taps, k) elements. Any m, n, k.
// Cost     m * n * taps * k products, rounded up to whole tiles.
template <class Kernel, class Rows, class Epilogue>
void Gemm(const Kernel& kernel, const GemmShape& shape, const Rows& rows,
          const typename Kernel::Weight* packed, const Epilogue& epilogue,
          const Executor& executor) {
  const size_t tiles = (shape.n + kernel.columns() - 1) / kernel.columns();
  const size_t across = (tiles + gemm::kBlockTiles - 1) / gemm::kBlockTiles;
  const size_t down = (shape.m + gemm::kBlockRows - 1) / gemm::kBlockRows;
  executor(down * across, [&](size_t task) {
    const size_t tile0 = task % across * gemm::kBlockTiles;
    gemm::Block(kernel, shape, rows, packed, epilogue,
                task / across * gemm::kBlockRows, tile0,
                std::min(tile0 + gemm::kBlockTiles, tiles));
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
