// int8 weights in the order in which products read them.
//
// Purpose   one copy serves matrix times vector and matrix times matrix, on
//           every instruction set.
// Layout    blocks of 64 bytes, 16 outputs by 4 k; two blocks side by side
//           make a tile of 32 outputs, so that memory sees one stream:
//
//     tile 0: | n 0..15, k 0..3 | n 16..31, k 0..3 | n 0..15, k 4..7 | ...
//     tile 1: | n 32..47, k 0..3 | ...
//     block:  [w(n0,k0) w(n0,k1) w(n0,k2) w(n0,k3) | w(n1,k0) ... | ... w(n15,k3)]
//
//           Outputs and k's beyond the end are zero. Beside it stand the sums
//           of each output's weights, which a zero point multiplies.
// Why       four k's of an output are one lane of a dot-product instruction
//           (VNNI, SDOT), and 16 lanes one vector of AVX-512. Narrower vectors
//           take a part of a block.
// Refused   a layout per instruction set: files and tests would depend on the
//           machine. Weights with the offset 128 already added: a vector
//           without VNNI wants them signed.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/aligned.hpp"
#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/core/executor.hpp"

namespace nibble {

// Outputs of a tile, and k's of one of its groups.
inline constexpr std::size_t kInt8Tile = 32;
inline constexpr std::size_t kInt8Group = 4;

// Bytes of a packed matrix.
constexpr std::size_t PackedInt8Bytes(std::size_t n, std::size_t k) {
  return (n + kInt8Tile - 1) / kInt8Tile * kInt8Tile *
         ((k + kInt8Group - 1) / kInt8Group * kInt8Group);
}

// Where w[n, k] lies: the specification of the layout.
constexpr std::size_t PackedInt8Index(std::size_t n, std::size_t k,
                                      std::size_t columns) {
  const std::size_t groups = (columns + kInt8Group - 1) / kInt8Group;
  return (n / kInt8Tile * groups + k / kInt8Group) * kInt8Tile * kInt8Group +
         n % kInt8Tile * kInt8Group + k % kInt8Group;
}

// A packed matrix [N, K]; made by PackInt8. Empty until assigned to.
class PackedInt8 {
 public:
  PackedInt8() = default;

  std::size_t n() const { return n_; }
  std::size_t k() const { return k_; }
  std::span<const std::int8_t> codes() const { return codes_; }
  // sum_k w[n, k], for each n, zeros up to a whole tile.
  std::span<const std::int32_t> sums() const { return sums_; }

  // For PackInt8: room for [n, k].
  PackedInt8(std::size_t n, std::size_t k)
      : n_(n),
        k_(k),
        codes_(PackedInt8Bytes(n, k)),
        sums_((n + kInt8Tile - 1) / kInt8Tile * kInt8Tile) {}
  std::int8_t* mutable_codes() { return codes_.data(); }
  std::int32_t* mutable_sums() { return sums_.data(); }

 private:
  std::size_t n_ = 0;
  std::size_t k_ = 0;
  UninitializedVector<std::int8_t> codes_;
  UninitializedVector<std::int32_t> sums_;
};

// A matrix [N, K], row-major, as it lies in a file.
struct MatrixInt8 {
  std::span<const std::int8_t> codes;
  std::size_t n = 0;
  std::size_t k = 0;
};

}  // namespace nibble

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/quant/packed_int8-inl.hpp"
#else
namespace nibble::dispatch {
bool PackInt8Kernel(const std::int8_t* w, std::size_t n, std::size_t k,
                    std::int8_t* codes, std::int32_t* sums);
}
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// Packs w: codes()[PackedInt8Index(n, k, K)] = w[n, k].
//
// Shapes   w.codes: [N, K] row-major; N, K > 0.
// Domain   codes -127 to 127, K < 2^24 (sums of weights fit in int32).
// Errors   std::invalid_argument if sizes disagree or a code is -128.
// Cost     reads and writes each weight once; call it when weights are loaded.
inline PackedInt8 PackInt8(const MatrixInt8& w, const Executor& executor = {}) {
  NIBBLE_CHECK("PackInt8", w.n > 0 && w.k > 0 && w.k < (std::size_t{1} << 24));
  NIBBLE_CHECK("PackInt8",
               w.codes.size() % w.k == 0 && w.codes.size() / w.k == w.n);
  NIBBLE_CHECK("PackInt8", w.codes.data() != nullptr);
  PackedInt8 packed(w.n, w.k);
  const std::size_t tile_bytes = PackedInt8Bytes(1, w.k);
  const std::size_t tiles = (w.n + kInt8Tile - 1) / kInt8Tile;
  std::atomic<bool> codes_above_minus_128 = true;
  executor(tiles, [&](std::size_t tile) {
    const std::size_t n0 = tile * kInt8Tile;
    if (!NIBBLE_DISPATCH(PackInt8Kernel)(
            w.codes.data() + n0 * w.k, std::min(kInt8Tile, w.n - n0), w.k,
            packed.mutable_codes() + tile * tile_bytes,
            packed.mutable_sums() + n0)) {
      codes_above_minus_128 = false;
    }
  });
  NIBBLE_CHECK("PackInt8", codes_above_minus_128);
  return packed;
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
