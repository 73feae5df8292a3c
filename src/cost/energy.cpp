#include "nibble/cost/energy.hpp"

#include <algorithm>

namespace nibble::cost {
namespace {

constexpr std::string_view kHorowitz =
    "Horowitz, ISSCC 2014, 45 nm 0.9 V (Stillwater universal, "
    "generic_45nm.hpp)";
constexpr std::string_view kTpu =
    "Jouppi et al., Ten Lessons (TPUv4i), ISCA 2021, 7 nm; from memory";
constexpr std::string_view kLMulPaper =
    "Luo & Sun, arXiv:2410.00907, eq. 6-7, as quoted on "
    "discourse.julialang.org/t/121218";

constexpr Price kEnergy45[] = {
    {"int8 add", 0.03, kHorowitz}, {"int16 add", 0.05, kHorowitz},
    {"int32 add", 0.1, kHorowitz}, {"int8 mul", 0.2, kHorowitz},
    {"int32 mul", 3.1, kHorowitz}, {"fp16 add", 0.4, kHorowitz},
    {"fp32 add", 0.9, kHorowitz},  {"fp16 mul", 1.1, kHorowitz},
    {"fp32 mul", 3.7, kHorowitz},
};
constexpr Price kEnergy7[] = {
    {"int8 add", 0.007, kTpu, false}, {"int32 add", 0.03, kTpu, false},
    {"bf16 add", 0.11, kTpu, false},  {"fp16 add", 0.16, kTpu, false},
    {"fp32 add", 0.38, kTpu, false},  {"int8 mul", 0.07, kTpu, false},
    {"int32 mul", 1.48, kTpu, false}, {"bf16 mul", 0.21, kTpu, false},
    {"fp16 mul", 0.34, kTpu, false},  {"fp32 mul", 1.31, kTpu, false},
};
// Published constants: the paper does not say how they come about.
constexpr Price kGates[] = {
    {"fp16 mul", 584, kLMulPaper},     {"fp8_e4m3 mul", 325, kLMulPaper},
    {"fp8_e5m2 mul", 296, kLMulPaper}, {"fp16 l-mul", 256, kLMulPaper},
    {"fp8 l-mul", 157, kLMulPaper},
};

}  // namespace

std::span<const Price> Energy45nm() { return kEnergy45; }
std::span<const Price> Energy7nm() { return kEnergy7; }
std::span<const Price> ProductGates() { return kGates; }

std::optional<Price> Find(std::span<const Price> prices,
                          std::string_view operation) {
  const auto found = std::ranges::find(prices, operation, &Price::operation);
  return found == prices.end() ? std::nullopt : std::optional<Price>(*found);
}

std::optional<Price> ProductEnergy(const Multiplier& multiplier) {
  using enum MultiplierKind;
  switch (multiplier.kind()) {
    case kExact:
      return Find(kEnergy45, "fp32 mul");
    case kLMul:
    case kMitchell:
    case kPam:
      switch (multiplier.name().format) {
        case ProductFormat::kF32:
          return Find(kEnergy45, "int32 add");
        case ProductFormat::kBf16:
        case ProductFormat::kFp16:
          return Find(kEnergy45, "int16 add");
        default:
          return Find(kEnergy45, "int8 add");
      }
    case kTruncated:
      // An exact 8x8 multiplier; dropped columns are not priced by a source.
      if (multiplier.name().n == 0) return Find(kEnergy45, "int8 mul");
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<Price> ProductGates(const Multiplier& multiplier) {
  if (multiplier.kind() != MultiplierKind::kLMul) return std::nullopt;
  switch (multiplier.name().format) {
    case ProductFormat::kFp16:
      return Find(kGates, "fp16 l-mul");
    case ProductFormat::kFp8E4m3:
    case ProductFormat::kFp8E5m2:
      return Find(kGates, "fp8 l-mul");
    default:
      return std::nullopt;
  }
}

}  // namespace nibble::cost
