// What every multiplier is to a matrix product: a function object from two
// operands to a product. The first operand is the activation, the second the
// weight; some treat them differently.
//
//     struct MyProduct {
//       using Operand = float;   // or std::int8_t
//       using Result = float;    // or std::int32_t
//       constexpr float operator()(float x, float w) const { ... }
//     };
//
// ApproxGemm takes any of them, yours too (approx_gemm.hpp).
#pragma once

#include <concepts>
#include <cstdint>

#include "nibble/arith/drum.hpp"
#include "nibble/arith/lmul.hpp"
#include "nibble/arith/lns.hpp"
#include "nibble/arith/mitchell.hpp"
#include "nibble/arith/power_of_two.hpp"
#include "nibble/arith/product_table.hpp"
#include "nibble/arith/truncated.hpp"
#include "nibble/format/rounding.hpp"

namespace nibble {

template <class P>
concept Product = requires(const P& product, typename P::Operand operand) {
  { product(operand, operand) } -> std::same_as<typename P::Result>;
}
&&((std::same_as<typename P::Operand, float> &&
    std::same_as<typename P::Result, float>) ||
   (std::same_as<typename P::Operand, std::int8_t> &&
    std::same_as<typename P::Result, std::int32_t>));

struct FloatProduct {
  using Operand = float;
  using Result = float;
};
struct IntegerProduct {
  using Operand = std::int8_t;
  using Result = std::int32_t;
};

// One IEEE multiplication. Rounded: before a sum, where compilers would fuse.
struct ExactProduct : FloatProduct {
  constexpr float operator()(float x, float w) const { return Rounded(x * w); }
};
// L-Mul by integer addition; with MakeMitchell and MakePam those two.
struct LMulProduct : FloatProduct {
  LMulParams params = MakeLMul();
  constexpr float operator()(float x, float w) const {
    return LMul(x, w, params);
  }
};
struct LMulFormulaProduct : FloatProduct {
  LMulParams params = MakeLMul();
  constexpr float operator()(float x, float w) const {
    return LMulFormula(x, w, params);
  }
};
struct DrumProduct : FloatProduct {
  int k = 6;
  constexpr float operator()(float x, float w) const {
    return Rounded(Drum(x, w, k));
  }
};
struct PowerOfTwoProduct : FloatProduct {
  bool by_ratio = false;
  constexpr float operator()(float x, float w) const {
    return Rounded(x * NearestPowerOfTwo(w, by_ratio));
  }
};
// Weights within +-1; a matrix product takes its rows' absolute maxima for it.
struct ApotProduct : FloatProduct {
  ApotLevels levels = MakeApotLevels(4);
  constexpr float operator()(float x, float w) const {
    return Rounded(x * NearestApot(w, ApotUnit(1, levels), levels));
  }
};
struct LnsProduct : FloatProduct {
  LnsTables tables = MakeLns(4);
  constexpr float operator()(float x, float w) const {
    return Lns(x, w, tables);
  }
};
// Magnitudes of signed bytes through an unsigned 8x8 truncated array.
struct TruncatedProduct : IntegerProduct {
  int t = 4;
  constexpr std::int32_t operator()(std::int8_t x, std::int8_t w) const {
    const auto magnitude = [](int v) {
      return static_cast<std::uint8_t>(v < 0 ? -v : v);
    };
    const auto p =
        static_cast<std::int32_t>(Truncated(magnitude(x), magnitude(w), t));
    return (x < 0) != (w < 0) ? -p : p;
  }
};
struct TableProduct : IntegerProduct {
  const ProductTable* table;
  std::int32_t operator()(std::int8_t x, std::int8_t w) const {
    return (*table)(x, w);
  }
};

static_assert(Product<ExactProduct> && Product<LMulProduct> &&
              Product<LMulFormulaProduct> && Product<DrumProduct> &&
              Product<PowerOfTwoProduct> && Product<ApotProduct> &&
              Product<LnsProduct> && Product<TruncatedProduct> &&
              Product<TableProduct>);

}  // namespace nibble
