// A function comes in several forms: cheaper ones err more. Each family has a
// table of its forms, and is asked for one by its name or by the error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace nibble {

// One form on the reduced interval, without the reduction.
struct FormInfo {
  std::string_view name;
  int operations;    // additions, products and quotients; fma counts as two
  int instructions;  // fma counts as one, a quotient as 16
  double error;      // largest relative one, in exact arithmetic
};

// How exact the composed functions (sigmoid, silu, tanh, gelu, softmax) are.
enum class Accuracy : std::uint8_t {
  kBf16,  // within 2^-9, half a unit of bfloat16's last place
  kF16,   // within 2^-12, half a unit of float16's
  kF32,   // a few units of float32's
};

// The form of the fewest instructions among those with at most this error; the
// most exact one if none has.
constexpr std::size_t FastestForm(std::span<const FormInfo> forms,
                                  double error) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < forms.size(); ++i) {
    const bool fits = forms[i].error <= error;
    const bool best_fits = forms[best].error <= error;
    const bool better = fits && best_fits
                            ? forms[i].instructions < forms[best].instructions
                        : fits == best_fits ? forms[i].error < forms[best].error
                                            : fits;
    if (better) best = i;
  }
  return best;
}

}  // namespace nibble
