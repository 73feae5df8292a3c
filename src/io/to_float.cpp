// ToFloat of safetensors and npy. The small floating-point formats are decoded
// by the format room; C++ itself rounds the others to the nearest float.
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

#include "nibble/core/check.hpp"
#include "nibble/format/registry.hpp"
#include "nibble/io/npy.hpp"
#include "nibble/io/safetensors.hpp"
#include "src/io/bytes.hpp"
#include "src/io/npy_header.hpp"

namespace nibble::io {
namespace {

template <class T>
void Convert(Bytes data, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(LoadLittle<T>(data, i * sizeof(T)));
  }
}

// bf16 and fp16: codes of two bytes.
void DecodeWide(FormatId format, Bytes data, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = Decode(format, LoadLittle<std::uint16_t>(data, 2 * i));
  }
}

// Codes of 8, 6 or 4 bits, packed from the lowest bit up.
void DecodeNarrow(FormatId format, std::size_t bits, Bytes data,
                  std::span<float> out) {
  std::array<float, 256> table{};
  for (std::uint32_t code = 0; code < 1u << bits; ++code) {
    table[code] = Decode(format, code);
  }
  std::uint32_t window = 0;  // bits read and not yet used, the next one lowest
  std::size_t held = 0, at = 0;
  for (float& value : out) {
    if (held < bits) {
      window |= std::to_integer<std::uint32_t>(data[at++]) << held;
      held += 8;
    }
    value = table[window & ((1u << bits) - 1)];
    window >>= bits;
    held -= bits;
  }
}

void BoolToFloat(Bytes data, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = data[i] == std::byte{0} ? 0.0f : 1.0f;
  }
}

struct SmallFloat {
  std::string_view dtype;
  FormatId format;
};
constexpr SmallFloat kSmallFloats[] = {
    {"F4", FormatId::kFp4E2m1},
    {"F6_E2M3", FormatId::kFp6E2m3},
    {"F6_E3M2", FormatId::kFp6E3m2},
    {"F8_E5M2", FormatId::kFp8E5m2},
    {"F8_E4M3", FormatId::kFp8E4m3},
    {"F8_E8M0", FormatId::kE8m0},
    {"F8_E4M3FNUZ", FormatId::kFp8E4m3Fnuz},
    {"F8_E5M2FNUZ", FormatId::kFp8E5m2Fnuz},
    {"F16", FormatId::kFp16},
    {"BF16", FormatId::kBf16},
};

struct Converter {
  std::string_view tensor_dtype, npy_dtype;
  void (*convert)(Bytes, std::span<float>);
};
constexpr Converter kConverters[] = {
    {"BOOL", "b1", BoolToFloat},          {"U8", "u1", Convert<std::uint8_t>},
    {"I8", "i1", Convert<std::int8_t>},   {"U16", "u2", Convert<std::uint16_t>},
    {"I16", "i2", Convert<std::int16_t>}, {"U32", "u4", Convert<std::uint32_t>},
    {"I32", "i4", Convert<std::int32_t>}, {"U64", "u8", Convert<std::uint64_t>},
    {"I64", "i8", Convert<std::int64_t>}, {"F32", "f4", Convert<float>},
    {"F64", "f8", Convert<double>},
};

}  // namespace

std::vector<float> ToFloat(const TensorView& tensor) {
  const auto bits = DtypeBits(tensor.dtype);
  NIBBLE_CHECK("ToFloat", bits.has_value());
  const auto element_bits = static_cast<std::size_t>(*bits);
  NIBBLE_CHECK("ToFloat",
               CheckedBytes(tensor.shape, element_bits) == tensor.data.size());
  std::vector<float> out(tensor.count());
  for (const SmallFloat& small : kSmallFloats) {
    if (small.dtype != tensor.dtype) continue;
    if (element_bits == 16) {
      DecodeWide(small.format, tensor.data, out);
    } else {
      DecodeNarrow(small.format, element_bits, tensor.data, out);
    }
    return out;
  }
  for (const Converter& converter : kConverters) {
    if (converter.tensor_dtype != tensor.dtype) continue;
    converter.convert(tensor.data, out);
    return out;
  }
  throw InputError("tensor " + Quoted(tensor.name), "dtype", tensor.dtype,
                   "a real dtype");
}

std::vector<float> ToFloat(const NpyArray& array) {
  NIBBLE_CHECK("ToFloat", IsNpyDtype(array.dtype));
  NIBBLE_CHECK("ToFloat",
               CheckedBytes(array.shape, NpyItemSize(array.dtype) * 8) ==
                   array.data.size());
  std::vector<float> out(array.count());
  if (array.dtype == "f2") DecodeWide(FormatId::kFp16, array.data, out);
  for (const Converter& converter : kConverters) {
    if (converter.npy_dtype == array.dtype) converter.convert(array.data, out);
  }
  return out;
}

}  // namespace nibble::io
