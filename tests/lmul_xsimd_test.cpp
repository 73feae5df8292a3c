#include "nibble/arith/lmul_xsimd.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "arith_inputs.hpp"
#include "nibble/arith/mitchell.hpp"

namespace nibble {
namespace {

using Floats = xsimd::batch<float>;
using Bits = xsimd::batch<std::uint32_t>;

void ExpectSpec(const float* x, const float* y, const LMulParams& p) {
  alignas(64) float out[Floats::size];
  alignas(64) std::uint32_t bits[Floats::size];
  const Floats bx = Floats::load_unaligned(x), by = Floats::load_unaligned(y);
  LMul(bx, by, p).store_unaligned(out);
  LMul(xsimd::bitwise_cast<Bits>(bx), xsimd::bitwise_cast<Bits>(by), p)
      .store_unaligned(bits);
  for (std::size_t i = 0; i < Floats::size; ++i) {
    const float expected = LMul(x[i], y[i], p);
    ASSERT_EQ(bits[i], std::bit_cast<std::uint32_t>(expected))
        << std::hexfloat << x[i] << " * " << y[i];
    ASSERT_PRED2(inputs::SameBits, out[i], expected);
  }
}

TEST(LMulXsimd, EqualsTheSpecificationBitForBit) {
  std::mt19937 rng(1);
  for (const LMulParams& p : {MakeLMul(), MakeLMul(ProductFormat::kF32, 23, 2),
                              MakeMitchell(), MakePam(true)}) {
    for (int i = 0; i < 100000; ++i) {
      float x[Floats::size], y[Floats::size];
      for (float& v : x) v = inputs::AnyFloat(rng);
      for (float& v : y) v = inputs::AnyFloat(rng);
      ExpectSpec(x, y, p);
    }
  }
}

TEST(LMulXsimd, EveryPairOfEdges) {
  for (const std::uint32_t a : inputs::kEdges) {
    for (const std::uint32_t b : inputs::kEdges) {
      float x[Floats::size], y[Floats::size];
      std::fill(std::begin(x), std::end(x), std::bit_cast<float>(a));
      std::fill(std::begin(y), std::end(y), -std::bit_cast<float>(b));
      ExpectSpec(x, y, MakeLMul());
    }
  }
}

TEST(LMulXsimd, RefusesOperandsToBeRounded) {
  EXPECT_THROW(
      LMul(Floats(1.0f), Floats(1.0f), MakeLMul(ProductFormat::kF32, 4)),
      std::invalid_argument);
}

}  // namespace
}  // namespace nibble
