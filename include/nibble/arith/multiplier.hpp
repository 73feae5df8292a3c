// A multiplier by name, chosen at run time.
//
//     name[:option,option...]
//
//     exact          one IEEE multiplication
//     lmul           L-Mul by integer addition: kN mantissa bits, lN, round
//                    (operands rounded to k bits, else truncated), and a format
//                    bf16, fp16, fp8_e4m3 or fp8_e5m2 instead of f32
//     lmul-formula   the paper's formula, same options
//     mitchell       Mitchell's logarithmic product
//     pam            the piecewise affine product; corrected: times 1.0552
//     drum           DRUM-k: kN, 3 to 12 bits, 6 if not given
//     pot            weights to powers of two; ratio: nearest by ratio
//     apot           weights to additive powers of two: bN, 2 to 6 bits, 4
//     lns            logarithmic numbers: gN fraction bits, 0 to 8, 4
//     truncated      8x8 array without tN columns, 0 to 15, 4
//     table:FILE     8x8 products of a file; signed if its name begins with
//                    mul8s, unsigned if with mul8u
//     table-signed:FILE, table-unsigned:FILE   of any name
//
// truncated and the tables multiply signed bytes: see ApproxGemm for what
// becomes of floats.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "nibble/arith/product.hpp"
#include "nibble/core/check.hpp"
#include "nibble/format/rounding.hpp"

namespace nibble {

enum class MultiplierKind : std::uint8_t {
  kExact,
  kLMul,
  kLMulFormula,
  kMitchell,
  kPam,
  kDrum,
  kPowerOfTwo,
  kApot,
  kLns,
  kTruncated,
  kTable,
};

// A name taken apart. Fields that the kind has no use for stay as they are
// here.
struct MultiplierName {
  MultiplierKind kind = MultiplierKind::kExact;
  ProductFormat format = ProductFormat::kF32;
  int k = 0;             // lmul: 0 is all bits of the format; drum
  int l = 0;             // lmul: 0 is the paper's l(k)
  int n = 0;             // t of truncated, b of apot, g of lns
  bool variant = false;  // round, corrected, ratio; signed of tables
  std::string file = {};

  bool operator==(const MultiplierName&) const = default;
};

// Errors   InputError with the position of the first wrong character and the
//          nearest name that would be right:
//          "drum:k2: position 6: k is 3 to 12, did you mean 'drum:k3'?"
MultiplierName ParseMultiplierName(std::string_view name);

// The shortest name: ParseMultiplierName(ToString(n)) == n.
std::string ToString(const MultiplierName& name);

// A multiplier ready for use. Copies share their tables.
class Multiplier {
 public:
  using Operand = float;
  using Result = float;

  Multiplier() : Multiplier(MultiplierName{}) {}

  // Errors   InputError for a table that cannot be read; std::invalid_argument
  //          for numbers out of their range.
  explicit Multiplier(const MultiplierName& name);

  const MultiplierName& name() const { return name_; }
  MultiplierKind kind() const { return name_.kind; }

  // Whether it multiplies signed bytes (truncated, tables) and not floats.
  bool on_bytes() const { return table_ != nullptr; }

  // Whether sums take its products in pairs; see AddPair.
  bool adds_pairs() const {
    return name_.kind == MultiplierKind::kLMul &&
           name_.format == ProductFormat::kBf16;
  }

  // The product of two floats, of a multiplier of floats.
  float operator()(float x, float w) const {
    return OfPrepared(PrepareX(x), PrepareWeight(w, WeightUnit(1)));
  }
  // The product of two bytes, of a multiplier of bytes.
  std::int32_t operator()(std::int8_t x, std::int8_t w) const {
    return (*table_)(x, w);
  }

  // The same in the pieces of which a matrix product does each as rarely as
  // possible: operands are prepared once, a unit is found once for each row of
  // weights (apot has one, from the row's largest magnitude).
  float WeightUnit(float absmax) const;
  float PrepareX(float x) const;
  float PrepareWeight(float w, float unit) const;
  float OfPrepared(float x, float w) const;

  const LMulParams& lmul() const { return lmul_; }
  const LnsTables& lns() const { return *lns_; }
  const ApotLevels& apot() const { return *apot_; }
  const ProductTable& table() const { return *table_; }

 private:
  MultiplierName name_;
  LMulParams lmul_;  // also mitchell, pam, lns
  std::shared_ptr<const LnsTables> lns_;
  std::shared_ptr<const ApotLevels> apot_;
  std::shared_ptr<const ProductTable> table_;
};

static_assert(Product<Multiplier>);

// Errors   InputError as ParseMultiplierName, or for a table that cannot be
//          read.
inline Multiplier ParseMultiplier(std::string_view name) {
  return Multiplier(ParseMultiplierName(name));
}
inline std::string ToString(const Multiplier& multiplier) {
  return ToString(multiplier.name());
}

inline Multiplier::Multiplier(const MultiplierName& name) : name_(name) {
  using enum MultiplierKind;
  switch (name.kind) {
    case kLMul:
    case kLMulFormula:
      lmul_ = MakeLMul(name.format, name.k, name.l, name.variant);
      break;
    case kMitchell:
      lmul_ = MakeMitchell();
      break;
    case kPam:
      lmul_ = MakePam(name.variant);
      break;
    case kDrum:
      NIBBLE_CHECK("Multiplier", name.k >= kDrumMin && name.k <= kDrumMax);
      break;
    case kApot:
      apot_ = std::make_shared<const ApotLevels>(MakeApotLevels(name.n));
      break;
    case kLns:
      lmul_ = MakeMitchell();
      lns_ = std::make_shared<const LnsTables>(MakeLns(name.n));
      break;
    case kTruncated:
      table_ = std::make_shared<const ProductTable>(MakeTruncatedTable(name.n));
      break;
    case kTable:
      table_ = std::make_shared<const ProductTable>(
          LoadProductTable(name.file, name.variant));
      break;
    default:
      break;
  }
}

inline float Multiplier::WeightUnit(float absmax) const {
  return name_.kind == MultiplierKind::kApot ? ApotUnit(absmax, *apot_) : 1;
}

inline float Multiplier::PrepareX(float x) const {
  using enum MultiplierKind;
  switch (name_.kind) {
    case kLMul:
    case kLMulFormula:
    case kMitchell:
    case kPam:
      return PrepareOperand(x, lmul_.operand);
    case kDrum:
      return DrumOperand(x, name_.k);
    case kLns:
      return LnsEncode(x, *lns_);
    default:
      return x;
  }
}

inline float Multiplier::PrepareWeight(float w, float unit) const {
  if (name_.kind == MultiplierKind::kPowerOfTwo) {
    return NearestPowerOfTwo(w, name_.variant);
  }
  return name_.kind == MultiplierKind::kApot ? NearestApot(w, unit, *apot_)
                                             : PrepareX(w);
}

inline float Multiplier::OfPrepared(float x, float w) const {
  using enum MultiplierKind;
  switch (name_.kind) {
    case kLMul:
    case kMitchell:
    case kPam:
      return LMulOfPrepared(x, w, lmul_);
    case kLMulFormula:
      return LMulFormulaOfPrepared(x, w, lmul_);
    case kLns:
      return LnsOfEncoded(x, w, *lns_);
    default:
      return Rounded(x * w);
  }
}

}  // namespace nibble

#include "nibble/arith/multiplier_parse.hpp"  // the bodies
