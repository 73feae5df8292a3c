// The bodies of ParseMultiplierName and ToString.
#pragma once

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/arith/multiplier.hpp"
#include "nibble/core/nearest_name.hpp"

namespace nibble {
namespace multiplier_internal {

// An option with a number: its letter, its bounds, and what is meant if it is
// absent.
struct Number {
  char letter;
  int low, high, absent;
};

struct Grammar {
  std::string_view name;
  MultiplierKind kind;
  std::vector<Number> numbers;
  std::string_view flag;  // what sets `variant`; "" if nothing does
  bool formats = false;
};

inline const std::vector<Grammar>& Grammars() {
  using enum MultiplierKind;
  static const std::vector<Grammar> grammars = {
      {"exact", kExact, {}, ""},
      {"lmul", kLMul, {{'k', 1, 23, 0}, {'l', 1, 23, 0}}, "round", true},
      {"lmul-formula",
       kLMulFormula,
       {{'k', 1, 23, 0}, {'l', 1, 23, 0}},
       "round",
       true},
      {"mitchell", kMitchell, {}, ""},
      {"pam", kPam, {}, "corrected"},
      {"drum", kDrum, {{'k', kDrumMin, kDrumMax, 6}}, ""},
      {"pot", kPowerOfTwo, {}, "ratio"},
      {"apot", kApot, {{'b', kApotMin, kApotMax, 4}}, ""},
      {"lns", kLns, {{'g', 0, kLnsMax, 4}}, ""},
      {"truncated", kTruncated, {{'t', 0, kTruncatedMax, 4}}, ""},
      {"table", kTable, {}, ""},
      {"table-signed", kTable, {}, ""},
      {"table-unsigned", kTable, {}, ""},
  };
  return grammars;
}

inline constexpr std::array<std::string_view, 5> kFormatNames = {
    "f32", "bf16", "fp16", "fp8_e4m3", "fp8_e5m2"};

[[noreturn]] inline void Refuse(std::string_view name, std::size_t position,
                                const std::string& reason,
                                const std::string& instead) {
  throw InputError(std::string(name) + ": position " +
                   std::to_string(position) + ": " + reason +
                   ", did you mean '" + instead + "'?");
}

// The field that a number's letter sets.
inline int& Field(MultiplierName& name, char letter) {
  return letter == 'k' ? name.k : letter == 'l' ? name.l : name.n;
}

// What could stand in the place of an option that is not known.
inline std::vector<std::string> Options(const Grammar& grammar) {
  std::vector<std::string> known;
  for (const Number& n : grammar.numbers) {
    known.push_back(n.letter + std::to_string(std::max(n.absent, n.low)));
  }
  if (!grammar.flag.empty()) known.emplace_back(grammar.flag);
  if (grammar.formats) {
    known.insert(known.end(), kFormatNames.begin() + 1, kFormatNames.end());
  }
  return known;
}

// One option, which is name[begin, begin + length).
inline void ParseOption(std::string_view name, std::size_t begin,
                        std::size_t length, const Grammar& grammar,
                        MultiplierName& out) {
  const std::string_view option = name.substr(begin, length);
  const std::string before(name.substr(0, begin));
  const std::string after(name.substr(begin + length));
  if (option == grammar.flag && !option.empty()) {
    out.variant = true;
    return;
  }
  for (std::size_t f = 1; grammar.formats && f < kFormatNames.size(); ++f) {
    if (option == kFormatNames[f]) {
      out.format = static_cast<ProductFormat>(f);
      return;
    }
  }
  for (const Number& number : grammar.numbers) {
    if (option.empty() || option[0] != number.letter) continue;
    int value = 0;
    const char* const end = option.data() + option.size();
    const auto parsed = std::from_chars(option.data() + 1, end, value);
    if (parsed.ec == std::errc() && parsed.ptr == end && value >= number.low &&
        value <= number.high) {
      Field(out, number.letter) = value;
      return;
    }
    const bool far = parsed.ec == std::errc::result_out_of_range;
    const int nearest =
        std::clamp(far ? number.high : value, number.low, number.high);
    Refuse(name,
           parsed.ptr != end && parsed.ec == std::errc()
               ? static_cast<std::size_t>(parsed.ptr - name.data())
               : begin + 1,
           std::string(1, number.letter) + " is " + std::to_string(number.low) +
               " to " + std::to_string(number.high),
           before + number.letter + std::to_string(nearest) + after);
  }
  const std::vector<std::string> known = Options(grammar);
  if (known.empty()) {
    Refuse(name, begin, std::string(grammar.name) + " has no options",
           std::string(grammar.name));
  }
  Refuse(name, begin + RightCharacters(option, known), "no such option",
         std::string(grammar.name) + ":" + NearestName(option, known));
}

// k and l fit the mantissa of the format.
inline void CheckMantissa(std::string_view name, const MultiplierName& n) {
  if (n.kind != MultiplierKind::kLMul &&
      n.kind != MultiplierKind::kLMulFormula) {
    return;
  }
  const int bits = RangeOf(n.format).mantissa_bits;
  for (const char letter : {'k', 'l'}) {
    MultiplierName right = n;
    int& value = Field(right, letter);
    if (value <= bits) continue;
    value = bits;
    right.l = std::min(right.l, bits);
    std::size_t at = name.find(':');  // of an option with this letter
    while (name[at + 1] != letter) at = name.find(',', at + 1);
    Refuse(name, at + 2,
           std::string(kFormatNames[static_cast<std::size_t>(n.format)]) +
               " has " + std::to_string(bits) + " mantissa bits",
           ToString(right));
  }
}

inline MultiplierName ParseTable(std::string_view name, std::size_t colon,
                                 const Grammar& grammar) {
  MultiplierName out;
  out.kind = MultiplierKind::kTable;
  out.file = std::string(name.substr(std::min(colon + 1, name.size())));
  const std::string example = std::string(grammar.name) + ":mul8u_1JFF.bin";
  if (out.file.empty()) {
    Refuse(name, name.size(), "a table needs its file", example);
  }
  const std::string stem = std::filesystem::path(out.file).filename().string();
  if (grammar.name != "table") {
    out.variant = grammar.name == "table-signed";
  } else if (stem.starts_with("mul8s")) {
    out.variant = true;
  } else if (!stem.starts_with("mul8u")) {
    Refuse(name, colon,
           "signed or unsigned? The file's name begins with neither mul8s nor "
           "mul8u",
           "table-unsigned:" + out.file);
  }
  return out;
}

}  // namespace multiplier_internal

inline MultiplierName ParseMultiplierName(std::string_view name) {
  using namespace multiplier_internal;  // NOLINT
  const std::size_t colon = std::min(name.find(':'), name.size());
  const std::string_view word = name.substr(0, colon);
  const auto grammar = std::ranges::find(Grammars(), word, &Grammar::name);
  if (grammar == Grammars().end()) {
    std::vector<std::string> known;
    for (const Grammar& g : Grammars()) {
      if (g.kind != MultiplierKind::kTable) known.emplace_back(g.name);
    }
    Refuse(name, RightCharacters(word, known), "no such multiplier",
           NearestName(word, known));
  }
  if (grammar->kind == MultiplierKind::kTable) {
    return ParseTable(name, colon, *grammar);
  }
  MultiplierName out;
  out.kind = grammar->kind;
  for (const Number& n : grammar->numbers) Field(out, n.letter) = n.absent;
  for (std::size_t begin = colon; begin < name.size();) {
    const std::size_t end = std::min(name.find(',', begin + 1), name.size());
    ParseOption(name, begin + 1, end - begin - 1, *grammar, out);
    begin = end;
  }
  CheckMantissa(name, out);
  return out;
}

inline std::string ToString(const MultiplierName& n) {
  using namespace multiplier_internal;  // NOLINT
  if (n.kind == MultiplierKind::kTable) {
    const std::string stem = std::filesystem::path(n.file).filename().string();
    const bool said = stem.starts_with(n.variant ? "mul8s" : "mul8u");
    return (said        ? "table:"
            : n.variant ? "table-signed:"
                        : "table-unsigned:") +
           n.file;
  }
  const Grammar& grammar =
      *std::ranges::find(Grammars(), n.kind, &Grammar::kind);
  std::string out(grammar.name);
  char separator = ':';
  const auto add = [&](const std::string& option) {
    out += separator + option;
    separator = ',';
  };
  if (n.format != ProductFormat::kF32) {
    add(std::string(kFormatNames[static_cast<std::size_t>(n.format)]));
  }
  MultiplierName copy = n;
  for (const Number& number : grammar.numbers) {
    const int value = Field(copy, number.letter);
    if (value != number.absent) add(number.letter + std::to_string(value));
  }
  if (n.variant) add(std::string(grammar.flag));
  return out;
}

}  // namespace nibble
