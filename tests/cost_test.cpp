#include "nibble/cost/cost.hpp"

#include <gtest/gtest.h>

#include "nibble/core/check.hpp"

namespace nibble::cost {
namespace {

using Sizes = std::vector<std::size_t>;

// 1. Single products: goldens of AQT's compute_cost_utils_test.

constexpr Precision kBf16{};
constexpr Precision kInt8{8, 8, 8};

TEST(CostOfAProduct, Dense8To2) {
  const Work work = MatmulWork(1, 8, 2, true);
  EXPECT_EQ(Of(work, kBf16).quadratic, 8u * 2 * 256);
  EXPECT_EQ(Of(work, kBf16).linear, 8u * 2 * 16);
  EXPECT_EQ(Of(work, kBf16).memory_bits, 8u * 2 * 16);
  EXPECT_EQ(Of(work, kInt8).quadratic, 8u * 2 * 64);
  EXPECT_EQ(Of(work, kInt8).linear, 8u * 2 * 8);
  EXPECT_EQ(Of(work, kInt8).memory_bits, 8u * 2 * 8);
  EXPECT_EQ(Of(work, kInt8).bytes, 16u);
}

TEST(CostOfAProduct, Conv3x3Same) {
  const Work work = ConvWork(Sizes{8, 8}, Sizes{3, 3}, Sizes{1, 1}, 3, 16);
  EXPECT_EQ(work.macs, 9u * 64 * 3 * 16);
  EXPECT_EQ(Of(work, kBf16).quadratic, 9u * 64 * 3 * 16 * 256);
  EXPECT_EQ(Of(work, kBf16).linear, 9u * 64 * 3 * 16 * 16);
  EXPECT_EQ(Of(work, kBf16).memory_bits, 9u * 3 * 16 * 16);
}

TEST(CostOfAProduct, StrideRoundsUp) {
  const Work work = ConvWork(Sizes{8, 8}, Sizes{3, 3}, Sizes{4, 2}, 3, 16);
  EXPECT_EQ(work.macs, 9u * 2 * 4 * 3 * 16);
  EXPECT_EQ(ConvWork(Sizes{9}, Sizes{1}, Sizes{4}, 1, 1).macs, 3u);
}

TEST(CostOfAProduct, ThreeDimensionalConv) {
  const Work work =
      ConvWork(Sizes{8, 8, 8}, Sizes{3, 3, 3}, Sizes{1, 1, 1}, 3, 16);
  EXPECT_EQ(work.macs, 27u * 512 * 3 * 16);
  EXPECT_EQ(work.weights, 27u * 3 * 16);
}

TEST(CostOfAProduct, MixedPrecision) {
  const Work work = ConvWork(Sizes{8, 8}, Sizes{3, 3}, Sizes{1, 1}, 3, 16);
  const Cost cost = Of(work, {.weight = 4, .activation = 2});
  EXPECT_EQ(cost.quadratic, 9u * 64 * 3 * 16 * 8);
  EXPECT_EQ(cost.linear, 9u * 64 * 3 * 16 * 4);
  EXPECT_EQ(cost.memory_bits, 9u * 3 * 16 * 4);
  EXPECT_EQ(cost.ace, cost.quadratic);
}

TEST(CostOfAProduct, DynamicMatmulStoresNothing) {
  const Cost cost = Of(MatmulWork(1, 8, 1, false), {4, 8, 4});
  EXPECT_EQ(cost.quadratic, 8u * 32);
  EXPECT_EQ(cost.linear, 8u * 8);
  EXPECT_EQ(cost.memory_bits, 0u);
  EXPECT_EQ(cost.bytes, 0u);
}

TEST(CostOfAProduct, LinearRoundsUpToAMultiplierThatExists) {
  for (int bits = 1; bits <= 16; ++bits) {
    const std::uint64_t expected = bits <= 4 ? 4 : bits <= 8 ? 8 : 16;
    EXPECT_EQ(LinearBits({.weight = bits, .activation = 1}), expected);
    EXPECT_EQ(LinearBits({.weight = 1, .activation = bits}), expected);
  }
}

TEST(CostOfAProduct, RejectsDimensionsThatDisagree) {
  EXPECT_THROW(ConvWork(Sizes{8, 8}, Sizes{3}, Sizes{1, 1}, 1, 1),
               std::invalid_argument);
  EXPECT_THROW(ConvWork(Sizes{8}, Sizes{3}, Sizes{0}, 1, 1),
               std::invalid_argument);
}

// 2. ResNet-50 under the settings of AQT's resnet_cost_test.

nn::QuantSpec Bits(int weights, int activations, int ends = 0) {
  const auto scheme = [](int bits) -> std::optional<Scheme> {
    if (bits == 0) return std::nullopt;
    return ParseScheme("int" + std::to_string(bits));
  };
  return {scheme(weights), scheme(activations), scheme(ends)};
}

TEST(CostOfResNet50, EqualsAqt) {
  const nn::Model model = nn::MakeModel("resnet50");
  const auto check = [&](const nn::QuantSpec& spec, std::uint64_t quadratic,
                         std::uint64_t memory) {
    const Cost cost = Count(model, spec);
    EXPECT_EQ(cost.quadratic, quadratic);
    EXPECT_EQ(cost.memory_bits, memory);
    EXPECT_EQ(cost.ace, quadratic);
  };
  check({}, 1046831169536, 408046592);
  check(Bits(8, 0), 523415584768, 204023296);
  check(Bits(4, 0), 261707792384, 102011648);
  check(Bits(8, 8), 261707792384, 204023296);
  check(Bits(4, 4), 65426948096, 102011648);
  check(Bits(4, 2), 32713474048, 102011648);
}

// 3. The family: bfloat16, and 4 bits with 8 at both ends.

struct Golden {
  const char* name;
  double width;
  std::uint64_t macs, weights, bf16_linear, linear, quadratic, memory;
};
constexpr Golden kGoldens[] = {
    {"resnet29", 1, 2560622592, 17077440, 40969961472, 10722738176, 46732935168,
     76539392},
    {"resnet50", 0.5, 1127374848, 6899904, 18037997568, 4985651200, 23751819264,
     31733248},
    {"resnet50", 1, 4089184256, 25502912, 65426948096, 16836984832, 71189921792,
     110241280},
    {"resnet50", 1.5, 9003442176, 55818432, 144055074816, 36498112512,
     149867200512, 235599360},
    {"resnet101", 1, 7801405440, 44442816, 124822487040, 31685869568,
     130585460736, 186000896},
    {"resnet152", 1, 11513626624, 60040384, 184218025984, 46534754304,
     189980999680, 248391168},
    {"resnet200", 1, 15007481856, 64496832, 240119709696, 60510175232,
     245882683392, 266216960},
};

TEST(CostOfTheFamily, EqualsTheGoldenTotals) {
  for (const Golden& golden : kGoldens) {
    SCOPED_TRACE(golden.name);
    const nn::Model model = nn::MakeModel(golden.name, golden.width);
    const Cost bf16 = Count(model);
    EXPECT_EQ(bf16.macs, golden.macs);
    EXPECT_EQ(bf16.weights, golden.weights);
    EXPECT_EQ(bf16.linear, golden.bf16_linear);
    EXPECT_EQ(bf16.bytes, 2 * golden.weights);
    const Cost mixed = Count(model, Bits(4, 4, 8));
    EXPECT_EQ(mixed.linear, golden.linear);
    EXPECT_EQ(mixed.quadratic, golden.quadratic);
    EXPECT_EQ(mixed.memory_bits, golden.memory);
  }
}

TEST(CostOfSmallNetworks, EqualsTheGoldenTotals) {
  EXPECT_EQ(Count(nn::MakeModel("resnet20")).macs, 40551040u);
  EXPECT_EQ(Count(nn::MakeModel("resnet20")).weights, 268336u);
  EXPECT_EQ(Count(nn::MakeModel("resnet8")).macs, 12501632u);
  EXPECT_EQ(Count(nn::MakeModel("resnet8", 1.625)).macs, 32562192u);
}

// 4. Bytes count what is stored: codes and scales.
TEST(CostBytes, CountScales) {
  const std::size_t sizes[] = {64, 32};
  const nn::Model model = nn::Mlp(sizes);
  const auto bytes = [&](const char* scheme) {
    return Count(model, {.weights = ParseScheme(scheme)}).bytes;
  };
  EXPECT_EQ(Count(model).bytes, 64u * 32 * 2);
  EXPECT_EQ(bytes("int8"), 64u * 32 + 4);
  EXPECT_EQ(bytes("int8/channel"), 64u * 32 + 32 * 4);
  EXPECT_EQ(bytes("int4/group32"), 64u * 32 / 2 + 64 * 4);
  EXPECT_EQ(bytes("mxfp4"), 64u * 32 / 2 + 64);
}

}  // namespace
}  // namespace nibble::cost
