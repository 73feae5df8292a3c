// Dot products of 8-bit codes along rows, as they lie in memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/quant/product.hpp"

namespace nibble {

// sum_k (x[k] - zero_point) * w[k], exact: the specification of every product
// of bytes.
//
// Domain   any codes; |zero_point| <= 255; fewer than 2^47 of them.
template <ByteCode Code>
constexpr std::int64_t DotSpec(std::span<const Code> x,
                               std::span<const std::int8_t> w,
                               std::int32_t zero_point = 0) {
  std::int64_t sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    sum += (std::int32_t{x[k]} - zero_point) * std::int32_t{w[k]};
  }
  return sum;
}

}  // namespace nibble

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/quant/dot_int8-inl.hpp"
#else
namespace nibble::dispatch {
void DotInt8Kernel(const std::uint8_t* x, std::uint8_t flip, std::int32_t zero,
                   const std::int8_t* w, std::size_t stride, std::size_t n,
                   std::size_t k, std::int32_t* sums);
}
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// sums[n] = sum_k (x[k] - zero_point) * w[n, k] for n rows of w, `stride` codes
// apart. For who has checked his arguments.
//
// Range    |sums| < 2^63 / 2^16: added up in 64 bits from pieces that fit in
//          32 (2^15 * 255 * 128 < 2^31), so K may be anything.
template <ByteCode Code>
void DotInt8Rows(const Code* x, std::int32_t zero_point, const std::int8_t* w,
                 std::size_t stride, std::span<std::int64_t> sums,
                 std::size_t k) {
  constexpr std::size_t kPiece = std::size_t{1} << 15;
  constexpr std::size_t kRows = 64;
  constexpr bool kSigned = std::same_as<Code, std::int8_t>;
  std::int32_t part[kRows];
  for (std::size_t n = 0; n < sums.size(); n += kRows) {
    const std::size_t rows = std::min(kRows, sums.size() - n);
    std::fill_n(sums.begin() + static_cast<std::ptrdiff_t>(n), rows, 0);
    for (std::size_t k0 = 0; k0 < k; k0 += kPiece) {
      NIBBLE_DISPATCH(DotInt8Kernel)
      (reinterpret_cast<const std::uint8_t*>(x) + k0,
       kSigned ? std::uint8_t{0x80} : std::uint8_t{0},
       kSigned ? zero_point + 128 : zero_point, w + n * stride + k0, stride,
       rows, std::min(kPiece, k - k0), part);
      for (std::size_t i = 0; i < rows; ++i) sums[n + i] += part[i];
    }
  }
}

// DotSpec(x, w, zero_point).
//
// Shapes   x, w: [K], any K.
// Domain   any codes; zero_point 0 to 255.
// Errors   std::invalid_argument if the sizes disagree, a span is null or the
//          zero point is outside.
template <ByteCode Code>
std::int64_t DotInt8(std::span<const Code> x, std::span<const std::int8_t> w,
                     std::int32_t zero_point = 0) {
  NIBBLE_CHECK("DotInt8", x.size() == w.size());
  NIBBLE_CHECK("DotInt8", x.empty() || (x.data() != nullptr &&
                                        w.data() != nullptr));
  NIBBLE_CHECK("DotInt8", zero_point >= 0 && zero_point <= 255);
  std::int64_t sum = 0;
  DotInt8Rows(x.data(), zero_point, w.data(), w.size(), std::span(&sum, 1),
              x.size());
  return sum;
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
