// Names for the formats and what is known of each without looking at data.
// Look a description up with registry.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "nibble/format/integer.hpp"
#include "nibble/format/logarithmic.hpp"
#include "nibble/format/minifloat.hpp"
#include "nibble/format/posit.hpp"

namespace nibble {

// In the order of AllFormats().
enum class FormatId : std::uint8_t {
  // integers
  kInt1,
  kInt2,
  kInt3,
  kInt4,
  kInt5,
  kInt6,
  kInt7,
  kInt8,
  kUint1,
  kUint2,
  kUint3,
  kUint4,
  kUint5,
  kUint6,
  kUint7,
  kUint8,
  kHint1,
  kHint2,
  kHint3,
  kHint4,
  kHint5,
  kHint6,
  kHint7,
  kHint8,
  kTernary,
  // minifloats
  kBf16,
  kFp16,
  kFp8E4m3,
  kFp8E5m2,
  kFp8E3m4,
  kFp8E4m3Ieee,
  kFp8E4m3Fnuz,
  kFp8E5m2Fnuz,
  kFp6E3m2,
  kFp6E2m3,
  kFp4E2m1,
  kE8m0,
  // code books
  kNf4,
  kPosit8Es0,
  kPosit8Es1,
  kPosit8Es2,
  kPosit16Es0,
  kPosit16Es1,
  kPosit16Es2,
  kLog4F0,
  kLog4F1,
  kLog6F2,
  kLog8F3,
  kLog8F4,
  // blocks
  kMxfp8E4m3,
  kMxfp8E5m2,
  kMxfp6E3m2,
  kMxfp6E2m3,
  kMxfp4,
  kMxint8,
  kNvfp4,
  kQ4_0,
  kQ8_0,
  kTq1_0,
  kTq2_0,
  kGgufMxfp4,
  kQ4_1,
  kQ5_0,
  kQ2K,
  kQ4K,
  kQ6K,
  kIq4Nl,
};

enum class Family : std::uint8_t {
  kInteger,
  kTernary,
  kMinifloat,
  kScale,
  kCodebook,
  kPosit,
  kLogarithmic,
  kBlock,
};

// What is known of a format without looking at data.
struct FormatInfo {
  FormatId id{};
  std::string_view name;
  Family family{};
  int bits = 0;             // of an element's code
  std::uint32_t codes = 0;  // valid codes are 0 .. codes - 1
  bool is_signed = false;   // negative values exist
  // Bits stored per element, a block's scales included. Ternary: 1.6, five in a
  // byte. NVFP4: without its one float per tensor.
  double bits_per_element = 0;
  // Lowest and largest finite value (of a block: of an element before scaling).
  // Of signed integers the full range's, -2^(b-1).
  float min = 0;
  float max = 0;

  // What the family's own functions take; the others stay empty.
  IntegerParams integer{};
  MinifloatParams minifloat{};
  PositParams posit{};
  LogarithmicParams logarithmic{};

  // Blocks only. An element is Decode(element, code) * element_step * scale;
  // with the GGUF types after the offsets and sub-scales of their layouts.
  std::size_t block = 1;        // elements per scale
  FormatId element{};           // the format itself if it is no block
  FormatId scale{};             // likewise
  float element_step = 1;       // 1/64 in mxint8
  std::size_t block_bytes = 0;  // GGUF: bytes of a block in a file, else 0
  bool decode_only = false;
};

}  // namespace nibble
