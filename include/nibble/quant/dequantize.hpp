// Codes to floats.
//
//     x = (value(code) - zero_point) * scale        one float32 multiplication
//
// codec.hpp has the scalar definition (DecodeScaled); the array forms return
// the same bits on every instruction set. Only the payload of a NaN is left
// open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/quant/codec.hpp"
#include "nibble/quant/params.hpp"

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/quant/dequantize-inl.hpp"
#else
namespace nibble::dispatch {
void DequantizeKernel(const void* codes, std::size_t count, std::size_t size,
                      const QuantParams* params, const Codec& codec,
                      float* out);
}
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// out[i] = DecodeScaled(codes[i], params[i / size], codec): groups of `size`
// consecutive elements with parameters of their own; the last may be shorter.
//
// Shapes   codes, out: [n], any n; params: [ceil(n / size)]; size > 0.
// Errors   std::invalid_argument if the sizes disagree or codes are too narrow
//          or too wide for the format; nothing is written.
template <class Code>
void DequantizeGroups(std::span<const Code> codes, std::size_t size,
                      std::span<const QuantParams> params, const Codec& codec,
                      std::span<float> out) {
  NIBBLE_CHECK("DequantizeGroups", size > 0);
  NIBBLE_CHECK("DequantizeGroups", out.size() == codes.size());
  NIBBLE_CHECK("DequantizeGroups",
               params.size() == (codes.size() + size - 1) / size);
  NIBBLE_CHECK("DequantizeGroups", codec.wide == (sizeof(Code) == 2));
  const std::size_t whole = codes.size() / size;
  const std::size_t rest = codes.size() % size;
  NIBBLE_DISPATCH(DequantizeKernel)
  (codes.data(), whole, size, params.data(), codec, out.data());
  if (rest == 0) return;
  NIBBLE_DISPATCH(DequantizeKernel)
  (codes.data() + whole * size, 1, rest, params.data() + whole, codec,
   out.data() + whole * size);
}

// out[i] = DecodeScaled(codes[i], params, codec).
template <class Code>
void Dequantize(std::span<const Code> codes, const QuantParams& params,
                const Codec& codec, std::span<float> out) {
  DequantizeGroups(codes, codes.empty() ? 1 : codes.size(),
                   std::span(&params, codes.empty() ? 0 : 1), codec, out);
}

// out[i] = DequantizeInt8(codes[i], params).
inline void DequantizeInt8(std::span<const std::int8_t> codes,
                           const QuantParams& params, std::span<float> out) {
  NIBBLE_CHECK("DequantizeInt8", codes.size() == out.size());
  Dequantize(codes, params, CodecOf(FormatId::kInt8), out);
}

}  // namespace NIBBLE_ABI
}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
