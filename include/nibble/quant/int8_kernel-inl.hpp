// uint8 x int8 -> int32 for core/gemm_panel-inl.hpp: how a panel of rows meets
// a tile of packed_int8.hpp. Signed codes come as code + 128; what that adds is
// 128 times the sum of the weights, which the callers take off again.
//
// Sums are exact modulo 2^32 on every instruction set: no step saturates.
#if defined(NIBBLE_QUANT_INT8_KERNEL_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_INT8_KERNEL_INL_HPP
#undef NIBBLE_QUANT_INT8_KERNEL_INL_HPP
#else
#define NIBBLE_QUANT_INT8_KERNEL_INL_HPP
#endif

#include <cstddef>
#include <cstdint>

#include "nibble/core/gemm_panel-inl.hpp"
#include "nibble/quant/int8_multiply-inl.hpp"
#include "nibble/quant/pack_groups-inl.hpp"
#include "nibble/quant/packed_int8.hpp"

NIBBLE_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// See gemm_panel-inl.hpp. flip: what int8 codes are xored with to become
// code + 128 (0x80), or 0 for uint8.
struct Int8Kernel {
  using Input = uint8_t;
  using Weight = int8_t;
  using Panel = int8_internal::PanelCode;
  using Tag = hn::CappedTag<int32_t, 16>;
  static constexpr size_t kRows = int8_internal::kMostRows;
  static constexpr size_t kGroup = kInt8Group;

  uint8_t flip;

  size_t columns() const { return kInt8Tile; }

  void PackRows(const uint8_t* const* rows, size_t h, size_t k,
                Panel* HWY_RESTRICT out) const {
    pack_internal::PackGroups(
        rows, h, k, (flip ^ int8_internal::kPanelFlip) * 0x01010101u, out);
  }

  void operator()(const Panel* panel, size_t h, size_t groups,
                  const int8_t* tile, const gemm::Ahead<int8_t>& ahead,
                  int32_t* sums) const {
    using int8_internal::Multiply;
    switch (h) {
      case 1:
        return Multiply<1>(panel, groups, tile, ahead, sums);
      case 2:
        return Multiply<2>(panel, groups, tile, ahead, sums);
      case 3:
        return Multiply<3>(panel, groups, tile, ahead, sums);
      case 4:
        return Multiply<4>(panel, groups, tile, ahead, sums);
      case 5:
        return Multiply<5>(panel, groups, tile, ahead, sums);
      case 6:
        return Multiply<6>(panel, groups, tile, ahead, sums);
      default:
        break;
    }
    if constexpr (kRows > 6) MultiplyMany(panel, h, groups, tile, ahead, sums);
  }

 private:
  // A template, so that it is not compiled where panels are lower.
  template <class Code>
  static void MultiplyMany(const Code* panel, size_t h, size_t groups,
                           const int8_t* tile,
                           const gemm::Ahead<int8_t>& ahead, int32_t* sums) {
    using int8_internal::Multiply;
    switch (h) {
      case 7:
        return Multiply<7>(panel, groups, tile, ahead, sums);
      case 8:
        return Multiply<8>(panel, groups, tile, ahead, sums);
      case 9:
        return Multiply<9>(panel, groups, tile, ahead, sums);
      case 10:
        return Multiply<10>(panel, groups, tile, ahead, sums);
      case 11:
        return Multiply<11>(panel, groups, tile, ahead, sums);
      default:
        return Multiply<12>(panel, groups, tile, ahead, sums);
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
