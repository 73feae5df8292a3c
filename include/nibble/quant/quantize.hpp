// Floats to codes.
//
//     code = Encode(format, x * (1 / scale)) [+ zero point]
//
// codec.hpp and integer_grid.hpp have the scalar definition (EncodeScaled,
// QuantizeInteger); the array forms return the same bits on every instruction
// set. NaN becomes the code of zero, or of NaN where the format has one;
// infinity saturates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/core/check.hpp"
#include "nibble/core/config.hpp"
#include "nibble/core/random.hpp"
#include "nibble/quant/codec.hpp"
#include "nibble/quant/integer_grid.hpp"
#include "nibble/quant/params.hpp"

#if NIBBLE_ENTRY_POINTS
#if NIBBLE_HEADER_ONLY
#include "nibble/quant/quantize-inl.hpp"
#else
namespace nibble::dispatch {
void QuantizeKernel(const float* x, std::size_t count, std::size_t size,
                    const QuantParams* params, const Codec& codec, void* codes);
}
#endif

namespace nibble {
inline namespace NIBBLE_ABI {

// codes[i] = EncodeScaled(x[i], params[i / size], codec): groups of `size`
// consecutive elements with parameters of their own; the last may be shorter.
//
// Shapes   x, codes: [n], any n; params: [ceil(n / size)]; size > 0.
// Errors   std::invalid_argument if the sizes disagree or codes are too narrow
//          or too wide for the format; nothing is written.
template <class Code>
void QuantizeGroups(std::span<const float> x, std::size_t size,
                    std::span<const QuantParams> params, const Codec& codec,
                    std::span<Code> codes) {
  NIBBLE_CHECK("QuantizeGroups", size > 0);
  NIBBLE_CHECK("QuantizeGroups", x.size() == codes.size());
  NIBBLE_CHECK("QuantizeGroups", params.size() == (x.size() + size - 1) / size);
  NIBBLE_CHECK("QuantizeGroups", codec.wide == (sizeof(Code) == 2));
  const std::size_t whole = x.size() / size;
  const std::size_t rest = x.size() % size;
  NIBBLE_DISPATCH(QuantizeKernel)
  (x.data(), whole, size, params.data(), codec, codes.data());
  if (rest == 0) return;
  NIBBLE_DISPATCH(QuantizeKernel)
  (x.data() + whole * size, 1, rest, params.data() + whole, codec,
   codes.data() + whole * size);
}

// codes[i] = EncodeScaled(x[i], params, codec).
template <class Code>
void Quantize(std::span<const float> x, const QuantParams& params,
              const Codec& codec, std::span<Code> codes) {
  QuantizeGroups(x, x.empty() ? 1 : x.size(),
                 std::span(&params, x.empty() ? 0 : 1), codec, codes);
}

// codes[i] = QuantizeInt8(x[i], params): symmetric int8, -127 to 127.
inline void QuantizeInt8(std::span<const float> x, const QuantParams& params,
                         std::span<std::int8_t> codes) {
  NIBBLE_CHECK("QuantizeInt8", x.size() == codes.size());
  Quantize(x, params, CodecOf(FormatId::kInt8), codes);
}

}  // namespace NIBBLE_ABI

// codes[i] = EncodeScaled(x[i], params, codec, word first + i of the seed's
// stream) with stochastic rounding: the codes are the same however a tensor is
// cut, if each part is told where it begins.
//
// Errors   std::invalid_argument if the sizes disagree.
template <class Code>
void QuantizeStochastic(std::span<const float> x, const QuantParams& params,
                        Codec codec, std::uint64_t seed, std::uint64_t first,
                        std::span<Code> codes) {
  NIBBLE_CHECK("QuantizeStochastic", x.size() == codes.size());
  NIBBLE_CHECK("QuantizeStochastic", codec.wide == (sizeof(Code) == 2));
  codec.integer.rounding = codec.rounding = Rounding::kStochastic;
  for (std::size_t i = 0; i < x.size(); ++i) {
    codes[i] = static_cast<Code>(
        EncodeScaled(x[i], params, codec, RandomBits(seed, first + i)));
  }
}

}  // namespace nibble
#endif  // NIBBLE_ENTRY_POINTS
