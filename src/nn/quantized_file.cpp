#include "nibble/nn/quantized_file.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>
#include <limits>
#include <utility>

#include "nibble/core/check.hpp"
#include "nibble/format/registry.hpp"
#include "nibble/quant/pack.hpp"

namespace nibble::nn {
namespace {

constexpr std::string_view kKey = "nibble:";

const FormatInfo& InfoOf(const Scheme& scheme) { return Info(scheme.format); }

// Code width in bits; blocks store their elements' codes.
int CodeBits(const Scheme& scheme) { return InfoOf(scheme).bits; }

std::string Text(const std::vector<std::size_t>& shape) {
  std::string out = "[";
  for (const std::size_t n : shape) {
    out += (out.size() > 1 ? "," : "") + std::to_string(n);
  }
  return out + "]";
}

}  // namespace
}  // namespace nibble::nn
